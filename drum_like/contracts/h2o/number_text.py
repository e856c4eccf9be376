"""Numbers as the texts of an answer."""

import numpy as np
from numpy.typing import NDArray

Texts = list[str | None]
"""One column of an answer: text, or None for a missing value."""


def spelled(values: NDArray[np.float64]) -> Texts:
    """Return numbers as the shortest text that reads back exactly; NaN is None."""
    if np.isfinite(values).all():
        return list(map(repr, values.tolist()))
    return [spelled_one(value) for value in values.tolist()]


def spelled_one(value: float) -> str | None:
    """Return a number as `spelled` does."""
    if value != value:  # noqa: PLR0124 - NaN differs from itself
        return None
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)
