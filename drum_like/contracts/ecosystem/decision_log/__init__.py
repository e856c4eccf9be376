"""The decision log of a worker: the answers of calls, written beside the requests."""
