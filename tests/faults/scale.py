"""The scale of the tests of faults: small in `make test`, full in `make faults`."""

import os
from typing import TypeVar

FULL = os.environ.get("DRUM_LIKE_TEST_FULL") == "1"


Number = TypeVar("Number", int, float)


def scaled(short: Number, full: Number) -> Number:
    """Return the one of two numbers that suits the scale."""
    return full if FULL else short
