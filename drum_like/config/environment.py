"""Readers of environment variables: text, DRUM's boolean words and its runtime parameters."""

import json
from collections.abc import Mapping
from typing import Any

from drum_like.errors import SettingsError

RUNTIME_PARAMETER = "MLOPS_RUNTIME_PARAM_"
"""Prefix of the variables that hold DRUM's runtime parameters as JSON."""

PARAMETER_TYPES = ("boolean", "credential", "deployment", "numeric", "string")
"""The types of DRUM's runtime parameters."""

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"false", "n", "no", "off", "none", "0"})

_TYPE = "DRUM_SERVER_TYPE"
_CLASS = "DRUM_GUNICORN_WORKER_CLASS"
_KNOBS = ("DRUM_WORKER_CONNECTIONS", "DRUM_GUNICORN_FIRST_BYTE_TIMEOUT")
_OURS = "this server answers with processes and threads of its own"


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


def payload_fault(kind: str, value: Any) -> str | None:
    """Return the reason that a payload is not of a type, in DRUM's words; None if it is.

    Args:
        kind: One of PARAMETER_TYPES.
        value: The payload; None is the empty one, which fits every type.
    """
    if value is None:
        return None
    if kind == "boolean":
        return None if isinstance(value, bool) else "value should be True or False"
    if kind == "numeric":
        return _numeric_fault(value)
    if kind == "credential":
        return _credential_fault(value)
    if not isinstance(value, str):
        return "value is not a string"
    return None if value else "blank value is not allowed"


def payload_error(reason: str) -> str:
    """Return the message of DRUM's validator on a payload that is not empty and not of its type."""
    inner = f"{{0: {data_error('value should be None')}, 1: {data_error(reason)}}}"
    return f"{{'payload': {data_error(inner)}}}"


def data_error(text: str) -> str:
    """Return a fault as DRUM's validator prints it."""
    return f"DataError({text!r})"


def _numeric_fault(value: Any) -> str | None:
    """Return the reason that `float` refuses a value; like DRUM it takes texts and booleans."""
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return "value can't be converted to float"
    return None


def _credential_fault(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "value is not a dict"
    if "credentialType" not in value:
        return f"{{'credentialType': {data_error('is required')}}}"
    if not isinstance(value["credentialType"], str):
        return f"{{'credentialType': {data_error('value is not a string')}}}"
    return None


def server_notes(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for every parameter or variable that is accepted without effect.

    Raises:
        RuntimeParameterError: a parameter is not in DRUM's form.
    """
    notes: list[str] = []
    kind = _word(_TYPE, environ)
    if kind == "werkzeug":
        notes.append(f"{RUNTIME_PARAMETER}{_TYPE}=werkzeug has no effect: {_OURS}")
    elif kind not in ("", "gunicorn"):
        notes.append(
            f"Server type '{kind}' is not supported. Supported types: ['gunicorn', 'werkzeug']. "
            "Falling back to gunicorn."
        )
    worker_class = _word(_CLASS, environ)
    if worker_class not in ("", "sync"):
        notes.append(f"{RUNTIME_PARAMETER}{_CLASS}={worker_class} has no effect: {_OURS}")
    notes += [
        f"{RUNTIME_PARAMETER}{name} has no effect: {_OURS}"
        for name in _KNOBS
        if has_parameter(name, environ)
    ]
    if "MONGO_CONNECT" in environ:
        notes.append("MONGO_CONNECT has no effect: the store is SQL only")
    return tuple(notes)


def _word(name: str, environ: Mapping[str, str]) -> str:
    if not has_parameter(name, environ):
        return ""
    return str(parameter(name, environ) or "").strip().lower()
