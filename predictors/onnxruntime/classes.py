"""The classes of the columns of a graph's probabilities.

The graph names classes: with its maps and classifier nodes, or in the constants that it looks
labels up in. Its label output, on made-up rows, shows which of them are the columns' own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import Label, Target, TargetType

# Relative: type checkers know this package under its folder's name.
from .outputs import Output

Values = NDArray[Any]

ClassLists = Sequence[tuple[Label, ...]]
"""The lists of classes that a graph names."""

Spelled = Callable[[str, Label], bool]

_LAST = re.compile(r"[A-Za-z0-9+-][^_/:|]*$")
_NUMBER = re.compile(r"\d+$")

_CLEAR = 1e-3
"""Least lead of a row's largest number over the next one, to show which class its label is."""


def match_names(names: Sequence[str], named: ClassLists, target: Target) -> dict[int, Label] | None:
    """Return which outputs are which classes: positions of outputs to classes, in their order.

    By the classes that the graph names, else by the target's labels, else by numbers at the end
    that run from 0. None if the names do not tell.
    """
    n_labels = len(target.labels)
    candidates = [classes for classes in named if len(classes) == n_labels]
    for is_spelled in (_is_exactly, _is_spelling_of):
        for classes in (*candidates, target.labels):
            found = _match(names, classes, is_spelled)
            if found is not None:
                return found
    numbers = [_NUMBER.search(name) for name in names]
    if len(names) != n_labels or not all(numbers):
        return None
    at = {int(number[0]): place for place, number in enumerate(numbers) if number}
    if sorted(at) != list(range(n_labels)):
        return None
    return {at[number]: number for number in range(n_labels)}


def _match(
    names: Sequence[str], classes: Sequence[Label], is_spelled: Spelled
) -> dict[int, Label] | None:
    # skl2onnx puts an s or an i before a class, by its type.
    for part in (partial(_without, "s"), partial(_without, "i"), str, _last):
        parts = [part(name) for name in names]
        places = [_positions(parts, label, is_spelled) for label in classes]
        if all(len(found) == 1 for found in places):
            return {found[0]: label for found, label in zip(places, classes, strict=True)}
    return None


def _positions(parts: Sequence[str | None], label: Label, is_spelled: Spelled) -> list[int]:
    return [at for at, part in enumerate(parts) if part is not None and is_spelled(part, label)]


def _without(prefix: str, name: str) -> str | None:
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _last(name: str) -> str | None:
    found = _LAST.search(name)
    return found[0] if found else None


def _is_exactly(text: str, label: Label) -> bool:
    return text == str(label)


def _is_spelling_of(text: str, label: Label) -> bool:
    """Return whether a text is a class as labels are: numbers and truth values in any spelling."""
    return Target(TargetType.BINARY, (text,)).is_spelling_of((label,))


def find_label_output(outputs: Sequence[Output], named: ClassLists) -> Output | None:
    """Return the output that holds a label for each row, None if there is none.

    Converters can put positions of leaves and paths through trees beside it: those are no classes
    that the graph names. Labels may be floats, beside the numbers that they are the largest of.
    """
    single = [output for output in outputs if output.width in (1, None)]
    found = [output for output in single if output.is_integer or output.is_text]
    known = {label for classes in named for label in classes}
    likely = [output for output in found if _holds_only(output, known)]
    found = likely or found or [output for output in single if _is_argmax(output, outputs)]
    return next(iter(found), None)


def _is_argmax(output: Output, outputs: Sequence[Output]) -> bool:
    """Whether floats are the positions of the largest of the numbers of another output."""
    wide = [other for other in outputs if other.is_float and (other.width or 0) > 1]
    if not output.is_float or output.values is None:
        return False
    labels = output.values[:, 0]
    largest = (other.values.argmax(axis=1) for other in wide if other.values is not None)
    return any(np.array_equal(labels, positions) for positions in largest)


def _holds_only(output: Output, known: set[Label]) -> bool:
    values = output.values
    return values is not None and set(values.reshape(-1).tolist()) <= known


def is_classifier(outputs: Sequence[Output], named: ClassLists) -> bool:
    """Whether labels are given beside numbers for each of them, probabilities or not."""
    label = find_label_output(outputs, named)
    if any(output.is_maps for output in outputs):
        return True
    if label is None:
        return False
    widths = {output.width for output in outputs if output.is_float}
    if not widths:
        return len(outputs) == 1 and (label.is_text or bool(named))
    sizes = {len(classes) for classes in named if _may_be_classes(label, classes)}
    return bool(sizes & widths) or (2 in sizes and 1 in widths) or _are_positions(outputs, label)


def _may_be_classes(label: Output, classes: Sequence[Label]) -> bool:
    """Whether labels are some of these classes, and not the verdicts of an outlier detector."""
    values = set() if label.values is None else set(label.values.reshape(-1).tolist())
    return values <= set(classes) and set(classes) != {-1, 1}


def _are_positions(outputs: Sequence[Output], label: Output) -> bool:
    """Whether labels are the positions of the largest of several numbers."""
    found = (column_classes(output.values, (), label) for output in outputs if _is_wide(output))
    return any(found)


def _is_wide(output: Output) -> bool:
    return output.is_float and output.sample is not None and (output.width or 0) > 1


def column_classes(
    values: Values | None,
    named: ClassLists,
    label: Output | None,
) -> tuple[Label, ...]:
    """Return the classes of columns, empty if they are unknown.

    Args:
        values: (n_rows, n_columns) that the graph gave for made-up rows, None if it gave none.
        named: The lists of classes that the graph names.
        label: The output that holds labels.
    """
    width = None if values is None else max(2, values.shape[1])
    seen = _observed_labels(values, label)
    fitting = [
        classes
        for classes in named
        if (width is None or len(classes) == width) and _is_consistent(classes, seen)
    ]
    if label is not None and label.is_text:
        fitting = [classes for classes in fitting if isinstance(classes[0], str)]
    if len(set(fitting)) == 1:
        return fitting[0]
    if seen is None or width is None:
        return ()
    return _observed_classes(seen, width)


def _observed_classes(seen: dict[int, Label], width: int) -> tuple[Label, ...]:
    if seen and all(column == label for column, label in seen.items()):
        return tuple(range(width))
    if len(seen) == width and len(set(seen.values())) == width:
        return tuple(seen[column] for column in range(width))
    return ()


def _observed_labels(values: Values | None, label: Output | None) -> dict[int, Label] | None:
    """Return the label of each column that was the largest of a row; None if that is no rule."""
    if values is None or label is None or label.values is None or not values.size:
        return None
    labels = label.values.reshape(-1).tolist()
    if len(labels) != len(values):
        return None
    found: dict[int, set[Label]] = {}
    for row, name in zip(_two_columns(values), labels, strict=True):
        order = np.argsort(row)
        if np.isfinite(row).all() and row[order[-1]] - row[order[-2]] > _CLEAR:
            found.setdefault(int(order[-1]), set()).add(name)
    if any(len(names) != 1 for names in found.values()):
        return None
    return {column: names.pop() for column, names in found.items()}


def _two_columns(values: Values) -> Values:
    """Return a column for each class: one column is the probability of the second of two."""
    numbers = values.astype(np.float64)
    return np.column_stack([1 - numbers[:, 0], numbers[:, 0]]) if numbers.shape[1] == 1 else numbers


def _is_consistent(classes: Sequence[Label], seen: dict[int, Label] | None) -> bool:
    if seen is None:
        return True
    return all(column < len(classes) and classes[column] == label for column, label in seen.items())
