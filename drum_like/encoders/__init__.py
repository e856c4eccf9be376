"""Predictions and frames to bytes, one format a file; no HTTP."""
