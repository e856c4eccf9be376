"""Shapes that a tree of strict YAML can be checked against and typed by."""

from collections.abc import Callable, Mapping
from typing import Any

from drum_like.config.environment import boolean
from drum_like.errors import SettingsError
from drum_like.model.strict_yaml import Tree

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
    """Return what a boolean word means."""
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
