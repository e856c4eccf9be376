"""What the environment of a process says: text, DRUM's boolean words and its runtime parameters."""

import json
from collections.abc import Mapping
from typing import Any

from drum_like.errors import SettingsError

RUNTIME_PARAMETER = "MLOPS_RUNTIME_PARAM_"
"""Prefix of the variables that hold DRUM's runtime parameters as JSON."""

PARAMETER_TYPES = ("boolean", "credential", "deployment", "numeric", "string")

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"false", "n", "no", "off", "none", "0"})


class RuntimeParameterError(SettingsError, ValueError):
    """A runtime parameter that is not there, or is not what DRUM writes; also a ValueError."""


def boolean(text: str) -> bool:
    """Return what a boolean word means, by DRUM's list of words.

    Raises:
        ValueError: the word is not on the list.
    """
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be one of the words true, yes, on, 1, false, no, off, none, 0")


def has_parameter(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether a runtime parameter is defined; its payload may still be None."""
    return RUNTIME_PARAMETER + name in environ


def parameter(name: str, environ: Mapping[str, str]) -> Any:
    """Return the payload of a runtime parameter: what JSON makes of it, None if it is empty.

    Raises:
        RuntimeParameterError: the parameter is not defined, or its variable does not hold
            {"type": ..., "payload": ...}. The messages begin as DRUM's do, but never repeat the
            value, which may be a credential.
    """
    variable = RUNTIME_PARAMETER + name
    if variable not in environ:
        raise RuntimeParameterError(f"Runtime parameter '{name}' does not exist!")
    try:
        content = json.loads(environ[variable])
    except ValueError as error:
        raise RuntimeParameterError(
            f"Invalid runtime parameter json payload. The value of {variable} is not JSON; "
            'write {"type": "numeric", "payload": 1}'
        ) from error
    if not _is_parameter(content):
        raise RuntimeParameterError(
            f"Invalid runtime parameter! The value of {variable} has to be a JSON object with "
            f'"type" (one of {", ".join(PARAMETER_TYPES)}) and "payload"'
        )
    return content["payload"]


def _is_parameter(content: object) -> bool:
    return (
        isinstance(content, dict)
        and "payload" in content
        and isinstance(content.get("type"), str)
        and content["type"] in PARAMETER_TYPES
    )
