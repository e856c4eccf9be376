"""The types of DRUM's runtime parameters, and whether a payload is of its type."""

from typing import Any

PARAMETER_TYPES = ("boolean", "credential", "deployment", "numeric", "string")


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
