"""From a model directory to a model object."""
