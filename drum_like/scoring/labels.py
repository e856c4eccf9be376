"""Which column of a classifier's output is which label of the caller's.

Source of the rules: DRUM 1.18.1, observed; `docs/differences-from-drum.md` D17 names the one that
differs.
"""

from collections.abc import Sequence

import pandas as pd

from drum_like.errors import TargetError
from drum_like.prediction import Label
from drum_like.target import Target
from drum_like.target_type import TargetType

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1", "1.0"})
_FALSE = frozenset({"false", "n", "no", "off", "0", "none", "0.0"})


def standard(label: Label) -> float | str:
    """Return what two spellings of the same label have in common.

    A number for numbers and boolean words ("1", 1.0, "yes", "True"), else lower-case text.
    """
    text = str(label)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number == number:  # noqa: PLR0124 - a label may be the text "nan", which equals nothing
        return number
    word = text.strip().lower()
    if word in _TRUE:
        return 1.0
    return 0.0 if word in _FALSE else text.lower()


def match(found: Sequence[Label], labels: Sequence[str]) -> tuple[str, ...]:
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
            f"but encountered {pd.Index(list(found))!r}"
        )
    matched = tuple(spelling[key] for key in keys)
    if len(set(matched)) != len(matched) or len(spelling) != len(labels):
        raise TargetError("DataFrame columns must be unique for orient='records'.")
    return matched


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


def column_order(target: Target) -> tuple[str, ...]:
    """Return the labels in the order of a label-less model's columns."""
    if target.type is TargetType.BINARY and not target.legacy_order:
        return target.labels[::-1]
    return target.labels
