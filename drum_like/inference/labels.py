"""Labels of the columns of a classifier's output, as callers spell them.

Source of the rules: DRUM 1.18.1, observed; `docs/differences-from-drum.md` names those that differ:
D17, D50, D51 and D79.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from drum_like.errors import LoadError, TargetError
from drum_like.system.lazy import pd
from drum_like.types.target import Label, ModelTarget, Target, TargetType, standard

HINT = (
    "give labels that spell the model's classes, letter by letter where two mean the same; "
    "classes that are numbers may be given names instead, all of them, in the order of the classes"
)
"""The matching of labels and classes, in words for operators."""


_SPELLINGS: tuple[Callable[[Label], float | str], ...] = (
    str,
    lambda label: str(label).lower(),
    standard,
)
"""The forms in which labels are compared, the narrowest first."""


@lru_cache(maxsize=64)  # every request asks again; labels that are equal are spelled alike
def match(found: tuple[Label, ...], labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the request's spelling of the labels that a model gave its columns, in column order.

    The same text goes first, then text in another case; what is left goes by the number or the
    truth value that it spells.

    Raises:
        TargetError: the two do not name the same classes, or two labels cannot be told apart.
    """
    spelling: dict[int, str] = {}
    for spelled in _SPELLINGS:
        left = [label for label in labels if label not in spelling.values()]
        theirs = _places([spelled(label) for label in left])
        ours = _places([None if at in spelling else spelled(f) for at, f in enumerate(found)])
        shared = (key for key in ours if key is not None and key in theirs)
        spelling |= {ours[key]: left[theirs[key]] for key in shared}
    if len(set(labels)) == len(labels) == len(found) == len(spelling):
        return tuple(spelling[at] for at in range(len(found)))
    if set(map(standard, found)) != set(map(standard, labels)):
        raise TargetError(
            f"Expected predictions to have columns {list(labels)}, "
            f"but encountered {_index(found)!r}"
        )
    raise TargetError("DataFrame columns must be unique for orient='records'.")


def _places(keys: Sequence[Any]) -> dict[Any, int]:
    """Return the position of each key that is there once."""
    return {key: at for at, key in enumerate(keys) if keys.count(key) == 1}


def _index(found: Sequence[Label]) -> object:
    """Return the labels as pandas shows them in DRUM's message."""
    numbered = list(found) == list(range(len(found)))
    return pd.RangeIndex(len(found)) if numbered else pd.Index(list(found))


@lru_cache(maxsize=64)
def of_classes(classes: tuple[Label, ...], target: Target) -> tuple[str, ...]:
    """Return the target's labels in the order of the classes that a model knows.

    Labels that spell the classes are matched to them. Whole numbers and truth values may also be
    given names: these are in the order of the classes, the negative before the positive one.

    Raises:
        TargetError: the labels neither spell the classes nor can be their names.
    """
    try:
        return match(classes, target.labels)
    except TargetError:
        if not _are_names(classes, target):
            raise
    return target.order


def check(known: ModelTarget, target: Target) -> None:
    """Refuse labels that cannot be those of a model, as far as its file names its classes.

    Raises:
        LoadError: they cannot; with what to do.
    """
    counts = len(known.classes), len(target.labels)
    # The columns of models that only number them are counted when they predict.
    uncounted = known.implied and counts[0] != counts[1]
    one_label = target.type is TargetType.MULTILABEL and counts == (2, 1)
    if not known.classes or not target.type.is_classification or uncounted or one_label:
        return
    try:
        column_order(target) if known.implied else of_classes(known.classes, target)
    except TargetError as error:
        raise LoadError(f"{error}; {HINT}") from error


def _are_names(classes: Sequence[Label], target: Target) -> bool:
    """Return whether labels can be names for classes that are numbers: all of them, or none."""
    if len(classes) != len(target.labels) or not all(isinstance(c, int) for c in classes):
        return False
    keys = [standard(label) for label in target.labels]
    if len(set(keys)) != len(keys):
        return False
    truths = all(isinstance(c, bool) for c in classes)
    spelled = {standard(label) for label in target.labels if truths or _is_number(label)}
    if not spelled.isdisjoint(map(standard, classes)):
        return False
    numbered = list(classes) == list(range(len(classes)))
    return not all(map(_is_number, target.labels)) or (numbered and _ascend(target.order))


def by_position(target: Target, n_outputs: int) -> tuple[str, ...]:
    """Return the labels of an output whose model does not know its classes.

    Raises:
        TargetError: the number of columns is not that of the labels, or as `column_order`.
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

    Labels that spell 0, 1, 2 and so on (two of them also as no and yes, false and true) are in that
    order, however they are listed: frameworks and converters number classes so. Otherwise two
    binary columns are the negative and the positive label, and more are in the order configured.

    Raises:
        TargetError: the labels are other numbers, and not in ascending order: text sorts them so,
            and then their order says nothing about the columns.
    """
    if target.legacy_order:
        return target.labels
    if target.is_spelling_of(range(len(target.labels))):
        return tuple(sorted(target.labels, key=standard))
    if target.type is not TargetType.BINARY:
        _check_ascent(target.labels)
    return target.order


def _check_ascent(labels: Sequence[str]) -> None:
    if all(map(_is_number, labels)) and not _ascend(labels):
        raise TargetError(
            f"the labels are numbers, but neither 0 to {len(labels) - 1} nor in ascending order, "
            "and the model does not know its classes; list them in ascending order"
        )


def _ascend(labels: Sequence[str]) -> bool:
    numbers = list(map(float, labels))
    return numbers == sorted(numbers)


def _is_number(label: str) -> bool:
    """Return whether a label is written as a number, not as a word such as yes or off."""
    try:
        return not math.isnan(float(label))
    except ValueError:
        return False
