"""Readers of environment variables: text, DRUM's boolean words and its runtime parameters."""

import json
from collections.abc import Mapping
from typing import Any

from drum_like.config.parameter_types import (
    PARAMETER_TYPES,
    data_error,
    payload_error,
    payload_fault,
)
from drum_like.errors import SettingsError

RUNTIME_PARAMETER = "MLOPS_RUNTIME_PARAM_"
"""Prefix of the variables that hold DRUM's runtime parameters as JSON."""

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"false", "n", "no", "off", "none", "0"})


class RuntimeParameterError(SettingsError, ValueError):
    """A runtime parameter is missing, or not in DRUM's form; also a ValueError."""


def boolean(text: str) -> bool:
    """Return the value of a boolean word, by DRUM's list of words.

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
    """Return the payload of a runtime parameter as parsed from JSON, None if it is empty.

    Raises:
        RuntimeParameterError: the parameter is not defined, or its variable does not hold
            {"type": ..., "payload": ...} with a payload of that type. The messages begin as DRUM's
            do, but never repeat the value, which may be a credential.
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
    fault = _fault(content)
    if fault is not None:
        raise RuntimeParameterError(
            f"Invalid runtime parameter! The value of {variable} has to be a JSON object with "
            f'"type" (one of {", ".join(PARAMETER_TYPES)}) and "payload", null or of that type: '
            f"{fault}"
        )
    return content["payload"]


def _fault(content: object) -> str | None:
    """Return the fault of a variable's content in the words of DRUM's validator, None without."""
    if not isinstance(content, dict):
        return data_error("value is not a dict")
    missing = [key for key in ("type", "payload") if key not in content]
    if missing:
        listed = ", ".join(f"{key!r}: {data_error('is required')}" for key in missing)
        return f"{{{listed}}}"
    kind = content["type"]
    if not isinstance(kind, str) or kind not in PARAMETER_TYPES:
        unknown = data_error("value doesn't match any variant")
        return f"{{'type': {unknown}}}"
    reason = payload_fault(kind, content["payload"])
    return None if reason is None else payload_error(reason)
