"""Classes by the names of outputs, where a graph has one output a class."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from drum_like.api import Label, Target, TargetType

Spelled = Callable[[str, Label], bool]

_LAST = re.compile(r"[A-Za-z0-9+-][^_/:|]*$")
_NUMBER = re.compile(r"\d+$")


def classes_of_names(
    names: Sequence[str], named: Sequence[tuple[Label, ...]], target: Target
) -> dict[int, Label] | None:
    """Return which outputs are which classes: positions of outputs to classes, in their order.

    By the classes that the graph names, else by the target's labels, else by numbers at the end
    that run from 0. None if the names do not tell.
    """
    n_labels = len(target.labels)
    candidates = [classes for classes in named if len(classes) == n_labels]
    for is_spelled in (_is_exactly, _is_spelling_of):
        for classes in (*candidates, target.labels):
            found = _matched(names, classes, is_spelled)
            if found is not None:
                return found
    numbers = [_NUMBER.search(name) for name in names]
    if len(names) != n_labels or not all(numbers):
        return None
    at = {int(number[0]): place for place, number in enumerate(numbers) if number}
    if sorted(at) != list(range(n_labels)):
        return None
    return {at[number]: number for number in range(n_labels)}


def _matched(
    names: Sequence[str], classes: Sequence[Label], is_spelled: Spelled
) -> dict[int, Label] | None:
    # skl2onnx puts an s or an i before a class, by its type.
    for part in (partial(_without, "s"), partial(_without, "i"), str, _last):
        parts = [part(name) for name in names]
        places = [_places(parts, label, is_spelled) for label in classes]
        if all(len(found) == 1 for found in places):
            return {found[0]: label for found, label in zip(places, classes, strict=True)}
    return None


def _places(parts: Sequence[str | None], label: Label, is_spelled: Spelled) -> list[int]:
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
