"""Payload formats: bytes to frames, predictions and frames to bytes; no HTTP."""
