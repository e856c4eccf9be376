"""What a model says about its own predictions, and the checks that it has to stand."""
