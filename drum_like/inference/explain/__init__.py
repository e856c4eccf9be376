"""Contributions and prediction intervals of a model, and the checks that they have to pass."""
