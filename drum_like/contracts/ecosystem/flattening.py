"""Answers without objects in objects: names joined by underscores, places in lists as parts."""

from collections.abc import Iterator, Mapping
from typing import Any


def flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree as one object; empty lists and objects are left out."""
    return dict(_leaves("", tree))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = dict(enumerate(value)).items()
    else:
        yield path, value
        return
    for name, part in parts:
        yield from _leaves(f"{path}_{name}" if path else str(name), part)
