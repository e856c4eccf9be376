"""Which column of a classifier's output is which label of the caller's.

Source of the rules: DRUM 1.18.1, observed; `docs/differences-from-drum.md` D17 names the one that
differs.
"""

from collections.abc import Sequence
from functools import lru_cache

from drum_like.errors import TargetError
from drum_like.later import pd
from drum_like.prediction import Label
from drum_like.target import Target, standard
from drum_like.target_type import TargetType


@lru_cache(maxsize=64)  # every request asks again; labels that are equal are spelled alike
def match(found: tuple[Label, ...], labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the request's spelling of the labels that a model gave its columns, in column order.

    Raises:
        TargetError: the two do not name the same classes, or two labels cannot be told apart.
    """
    spelling: dict[float | str, str] = {}
    for label in labels:
        spelling.setdefault(standard(label), label)
    keys = [standard(label) for label in found]
    if set(keys) != set(spelling):
        raise TargetError(
            f"Expected predictions to have columns {list(labels)}, "
            f"but encountered {_index(found)!r}"
        )
    matched = tuple(spelling[key] for key in keys)
    if len(set(matched)) != len(matched) or len(spelling) != len(labels):
        raise TargetError("DataFrame columns must be unique for orient='records'.")
    return matched


def _index(found: Sequence[Label]) -> object:
    """Return the labels as pandas shows them in DRUM's message."""
    numbered = list(found) == list(range(len(found)))
    return pd.RangeIndex(len(found)) if numbered else pd.Index(list(found))


def by_position(target: Target, n_outputs: int) -> tuple[str, ...]:
    """Return the labels of an output whose model does not know its classes.

    Two binary columns are [negative, positive]; anything else is in the order configured.

    Raises:
        TargetError: the number of columns is not that of the labels.
    """
    if n_outputs != len(target.labels):
        raise TargetError(
            "Your predictions must return the probability distribution for the correct number of "
            f"class labels. Expected {len(target.labels)} columns, but received {n_outputs}"
        )
    return column_order(target)


@lru_cache(maxsize=64)
def column_order(target: Target) -> tuple[str, ...]:
    """Return the labels in the order of a label-less model's columns.

    Two binary columns are the negative and the positive label; but labels that spell 0 and 1 (also
    as no and yes, false and true) are in that order whichever of them is called positive, since
    boosters and most converters number their classes so.
    """
    if target.type is not TargetType.BINARY or target.legacy_order:
        return target.labels
    if target.is_spelling_of((0, 1)):
        return tuple(sorted(target.labels, key=standard))
    return target.labels[::-1]
