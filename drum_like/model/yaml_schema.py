"""Strict YAML, and the shapes that it is checked against and typed by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from drum_like.config.environment import boolean
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
    """Refuse the parts of YAML that strict YAML leaves out."""
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
        raise _error(event, source, "tags are not allowed; leave out words that start with !")


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


Shape = Callable[[Tree, str], Any]
"""From a tree, and the words for where it stands, to its typed value; raises SettingsError."""


def anything(tree: Tree, where: str) -> Any:  # noqa: ARG001 - a shape
    """Return the tree as it is."""
    return tree


def text(tree: Tree, where: str) -> str:
    """Return text."""
    if not isinstance(tree, str):
        raise _expected("text", tree, where)
    return tree


def switch(tree: Tree, where: str) -> bool:
    """Parse a boolean word."""
    try:
        return boolean(text(tree, where))
    except ValueError as error:
        raise _expected("a boolean value (yes or no)", tree, where) from error


def number(tree: Tree, where: str) -> int | float:
    """Return an integer, or a number with a fraction."""
    plain = text(tree, where)
    for convert in (int, float):
        try:
            return convert(plain)
        except ValueError:
            continue
    raise _expected("a number", tree, where)


def integer(tree: Tree, where: str) -> int:
    """Return an integer."""
    value = number(tree, where)
    if not isinstance(value, int):
        raise _expected("an integer", tree, where)
    return value


def one_of(*words: str) -> Shape:
    """Return the shape of text from a list of words."""

    def check(tree: Tree, where: str) -> str:
        if text(tree, where) not in words:
            raise _expected(f"one of {', '.join(words)}", tree, where)
        return str(tree)

    return check


def list_of(item: Shape) -> Shape:
    """Return the shape of a list with at least one item."""

    def check(tree: Tree, where: str) -> list[Any]:
        if not isinstance(tree, list):
            raise _expected("a list", tree, where)
        return [item(part, f"{where}[{position}]") for position, part in enumerate(tree)]

    return check


def one_or_list(item: Shape) -> Shape:
    """Return the shape of one item or a list of them."""
    many = list_of(item)
    return lambda tree, where: many(tree, where) if isinstance(tree, list) else item(tree, where)


def keys(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """Return the shape of a mapping with known keys."""
    known = {**required, **(optional or {})}

    def check(tree: Tree, where: str) -> dict[str, Any]:
        if not isinstance(tree, dict):
            raise _expected("a mapping", tree, where)
        for key in tree:
            if key not in known:
                raise SettingsError(f"{where}: unexpected key not in schema '{key}'")
        missing = [key for key in required if key not in tree]
        if missing:
            names = ", ".join(f"'{key}'" for key in missing)
            raise SettingsError(f"{where}: required key(s) {names} not found")
        return {key: known[key](value, f"{where}: {key}") for key, value in tree.items()}

    return check


def _expected(kind: str, tree: Tree, where: str) -> SettingsError:
    names = {str: "text", list: "a list", dict: "a mapping"}
    found = "nothing" if tree == "" else names[type(tree)]
    return SettingsError(f"{where}: when expecting {kind}, found {found}")
