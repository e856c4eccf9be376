"""Strict YAML: block style only, no duplicate keys, tags, anchors or aliases, all scalars text.

The dialect that DRUM 1.18 demands of model-metadata.yaml; PyYAML's events carry all that it takes
to check it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drum_like.errors import SettingsError
from drum_like.system.lazy import yaml

Tree = str | list[Any] | dict[str, Any]
"""Text, a list of trees, or trees by key."""

_NOT_STRICT = (
    "\nStrictYAMLError: The current format does not comply with strict yaml rules. "
    "(Empty list on fields are not allowed)\n"
)


def parse(text: str, source: str) -> Tree:
    """Return the one document of a text; "" if it holds nothing but comments.

    Args:
        text: The content.
        source: Name of the file, for messages.

    Raises:
        SettingsError: the text is no YAML, or is not strict; names the line.
    """
    try:
        events = list(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(
            f"{source} is not valid YAML{where}: {getattr(error, 'problem', None) or 'unreadable'}"
        ) from error
    if sum(isinstance(event, yaml.DocumentStartEvent) for event in events) > 1:
        raise SettingsError(f"{source} has to hold one YAML document, but holds several")
    kinds = (yaml.NodeEvent, yaml.CollectionEndEvent)
    nodes = iter([event for event in events if isinstance(event, kinds)])
    first = next(nodes, None)
    return "" if first is None else _tree(first, nodes, source)


def _check(event: yaml.Event, source: str) -> None:
    """Refuse what strict YAML leaves out."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise _error(event, source, "anchors and aliases are not allowed; put quotes around text")
    if isinstance(event, yaml.CollectionStartEvent) and event.flow_style:
        raise _error(
            event,
            source,
            "flow style, { } and [ ], is not allowed; write a list as one line a value, each "
            "behind `- `, and put quotes around text",
        )
    if getattr(event, "tag", None) is not None:
        raise _error(event, source, "tags are not allowed; leave out what starts with !")


def _tree(event: yaml.Event, rest: Iterator[yaml.Event], source: str) -> Tree:
    _check(event, source)
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Tree] = []
        while not isinstance(item := next(rest), yaml.SequenceEndEvent):
            items.append(_tree(item, rest, source))
        return items
    keys: dict[str, Tree] = {}
    while not isinstance(key := next(rest), yaml.MappingEndEvent):
        _check(key, source)
        if not isinstance(key, yaml.ScalarEvent):
            raise _error(key, source, "keys have to be text")
        if key.value in keys:
            raise _error(key, source, f"Duplicate key '{key.value}' found")
        keys[key.value] = _tree(next(rest), rest, source)
    return keys


def _error(event: yaml.Event, source: str, problem: str) -> SettingsError:
    mark = event.start_mark
    where = f", line {mark.line + 1}" if mark else ""
    return SettingsError(f"{_NOT_STRICT}{source}{where}: {problem}")
