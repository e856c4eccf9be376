"""The scale of the tests of faults: small in `make test`, full in `make faults`."""

import os

FULL = os.environ.get("DRUM_LIKE_TEST_FULL") == "1"


def scaled(short: int, full: int) -> int:
    """Return the one of two numbers that suits the scale."""
    return full if FULL else short
