"""Inference as Wallaroo answers it: pipelines, steps, rows and columns."""
