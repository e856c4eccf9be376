"""How much the tests of faults do: little in `make test`, all of it in `make faults`."""

import os

FULL = os.environ.get("DRUM_LIKE_TEST_FULL") == "1"


def scaled(short: int, full: int) -> int:
    """Return how many times something is done."""
    return full if FULL else short
