"""Serve a model directory over every contract that its callers speak."""

__version__ = "0.1.0"
