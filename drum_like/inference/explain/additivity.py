"""Whether contributions add up to what they divide."""

import numpy as np
from numpy.typing import NDArray

from drum_like.types.target import Link

Numbers = NDArray[np.float64]


def adds_up(found: Numbers, expected: Numbers, tolerance: float) -> bool:
    """Return whether numbers are as expected, up to tolerance x max(1, |expected|).

    Numbers that are not finite have to be the same on both sides.
    """
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        near = np.abs(found - expected) <= tolerance * np.maximum(1.0, np.abs(expected))
    near &= np.isfinite(expected)
    return bool((same | near).all())


def predicted(sums: Numbers, link: Link) -> Numbers:
    """Return the predictions that sums on the scale of a link stand for.

    Args:
        sums: (n_groups, n_rows).
        link: LOGIT and the like have one group.

    Returns:
        (n_groups, n_rows); of LOGIT the chances of the class that the group is about.
    """
    with np.errstate(over="ignore"):
        if link is Link.LOG:
            return np.exp(sums)
        if link is Link.LOGIT:
            return 1.0 / (1.0 + np.exp(-sums))
    if link is Link.SOFTMAX:
        powers = np.exp(sums - sums.max(axis=0))
        return np.asarray(powers / powers.sum(axis=0), dtype=np.float64)
    return sums


def link_of_labels(n_groups: int, link: Link) -> Link:
    """Return the link of groups once they are those of the target's labels.

    Two groups of a softmax have become one of log-odds.
    """
    return Link.LOGIT if link is Link.SOFTMAX and n_groups == 1 else link
