"""The ranks of split conformal prediction, in exact arithmetic.

In floats 100 x 0.07 is 7.000000000000001, whose ceiling is 8.

Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, JASA 2018, arXiv 1604.04173.
"""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor


def symmetric(n: int, level: Fraction) -> int:
    """Return the rank, from 1, of the absolute residual that bounds; beyond n there is none."""
    return ceil((n + 1) * level)


def asymmetric(n: int, level: Fraction) -> tuple[int, int]:
    """Return the ranks, from 1, of the lower and the upper residual; 0 and n + 1 mean none."""
    tail = (1 - level) / 2
    return floor((n + 1) * tail), ceil((n + 1) * (1 - tail))


def enough(n: int, level: Fraction, *, two_sided: bool) -> bool:
    """Return whether n residuals are enough for a level: whether its ranks exist."""
    if two_sided:
        low, high = asymmetric(n, level)
        return low >= 1 and high <= n
    return symmetric(n, level) <= n


def needed(level: Fraction, *, two_sided: bool) -> int:
    """Return the smallest number of residuals that is enough for a level."""
    # n of them are enough from (n + 1) x tail = 1 on, which a rounding may move by one.
    tail = (1 - level) / (2 if two_sided else 1)
    start = max(1, ceil(1 / tail) - 2)
    return _first(start, lambda n: enough(n, level, two_sided=two_sided))


def _first(start: int, holds: Callable[[int], bool]) -> int:
    n = start
    while not holds(n):
        n += 1
    return n
