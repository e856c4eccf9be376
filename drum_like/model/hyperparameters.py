"""The hyperparameters of model-metadata.yaml, checked as DRUM 1.18 does.

Only training reads them; a file with wrong ones is refused by every verb all the same.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from drum_like.errors import SettingsError

_NAME = re.compile(r"[A-Za-z]([A-Za-z_]*[A-Za-z])?")
_LONGEST_NAME = 64
_LONGEST_TEXT = 1024
_MOST_VALUES = 24

_KEYS = {
    "int": ("min", "max"),
    "float": ("min", "max"),
    "string": (),
    "select": ("values",),
    "multi": ("values",),
}
"""Kinds of parameter and what each has to have beside its name and type."""


def check(tree: Any) -> None:
    """Refuse hyperparameters that DRUM refuses.

    Args:
        tree: The section as strict YAML has it: a list of mappings, all scalars text.

    Raises:
        SettingsError: names the parameter and its fault.
    """
    if not isinstance(tree, list):
        raise SettingsError("hyperparameters: when expecting a list, found something else")
    for parameter in tree:
        if not isinstance(parameter, dict):
            raise SettingsError("hyperparameters: when expecting a mapping, found something else")
        _check_parameter(parameter)


def _check_parameter(parameter: Mapping[str, Any]) -> None:
    name = _name(parameter)
    kind = parameter.get("type")
    if kind is None:
        raise _fault("type", "is required")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise _fault("type", "is invalid")
    _check_keys(parameter, _KEYS[kind])
    if kind == "multi":
        _check_components(name, parameter["values"])
    elif kind == "select":
        _check_values(parameter["values"])
    elif kind == "string":
        _check_text(parameter.get("default", ""))
    else:
        _check_range(name, kind, parameter)


def _name(parameter: Mapping[str, Any]) -> str:
    name = parameter.get("name")
    if not isinstance(name, str):
        raise _fault("name", "is required")
    if len(name) > _LONGEST_NAME:
        raise _fault("name", "Invalid parameter name: String is longer than 64 characters")
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"Invalid param name: {name}. Only Eng characters and underscore are allowed. "
            "The parameter name should not start or end with the underscore."
        )
    return name


def _check_keys(parameter: Mapping[str, Any], needed: tuple[str, ...]) -> None:
    for key in parameter:
        if key not in ("name", "type", "default", *needed):
            raise _fault(key, f"{key} is not allowed key")
    for key in needed:
        if key not in parameter:
            raise _fault(key, "is required")


def _check_range(name: str, kind: str, parameter: Mapping[str, Any]) -> None:
    convert = int if kind == "int" else float
    low, high = (_number(convert, key, parameter[key]) for key in ("min", "max"))
    if high <= low:
        raise SettingsError(f"Invalid {kind} parameter {name}: max must be greater than min")
    default = _number(convert, "default", parameter.get("default", parameter["min"]))
    if not low <= default <= high:
        raise SettingsError(
            f"Invalid {kind} parameter {name}: values must be between [{low}, {high}]"
        )


def _number(convert: Callable[[Any], int | float], key: str, text: Any) -> int | float:
    try:
        return convert(text)
    except (TypeError, ValueError) as error:
        word = getattr(convert, "__name__", "number")
        raise _fault(key, f"value can't be converted to {word}, got {text!r}") from error


def _check_values(values: Any) -> None:
    if not isinstance(values, list) or not values:
        raise _fault("values", "value is not a list")
    if len(values) > _MOST_VALUES:
        raise _fault("values", f"list length is greater than {_MOST_VALUES}, got {values}")
    for value in values:
        if value == "":
            raise _fault("values", "blank value is not allowed")
        _check_text(value)


def _check_text(value: Any) -> None:
    if not isinstance(value, str):
        raise _fault("values", "value is not a string")
    if len(value) > _LONGEST_TEXT:
        raise _fault("values", f"String is longer than {_LONGEST_TEXT} characters")


def _check_components(name: str, components: Any) -> None:
    """Check the parts of a multi parameter; each is named after the whole and its kind."""
    if not isinstance(components, dict) or not components:
        raise _fault("values", "value is not a dict")
    for kind, part in components.items():
        if kind not in ("int", "float", "select") or not isinstance(part, dict):
            raise _fault(kind, f"{kind} is not allowed key")
        _check_keys(part, _KEYS[kind])
        if kind == "select":
            _check_values(part["values"])
        else:
            _check_range(f"{name}__{kind}", kind, part)


def _fault(key: str, reason: str) -> SettingsError:
    return SettingsError(f'hyperparameters: {{"{key}": "{reason}"}}')
