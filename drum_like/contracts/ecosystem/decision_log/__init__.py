"""The decision log of a worker: what calls are answered with, written beside the requests."""
