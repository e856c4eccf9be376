"""JSON objects that callers send, read field by field, and the rules for names in them."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

from drum_like.errors import PayloadError

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_MOST_CHARACTERS = 255


def check_label(name: str, what: str) -> str:
    """Return a name that is a label of the DNS.

    Raises:
        PayloadError: it is none.
    """
    if _LABEL.fullmatch(name) is None:
        raise PayloadError(
            f"the name of a {what} must be DNS compliant: 1 to 63 lower-case ASCII letters, digits "
            "and dashes, with a letter or digit at both ends"
        )
    return name


def check_file_name(name: str) -> str:
    """Return the name of an uploaded file, which is kept as it is and never used as a path.

    Raises:
        PayloadError: it is empty or long, names a folder, or holds control characters.
    """
    is_plain = name.isprintable() and not {"/", "\\"} & set(name) and name not in (".", "..")
    if not name or len(name) > _MOST_CHARACTERS or not is_plain:
        raise PayloadError(
            f"the file name must have 1 to {_MOST_CHARACTERS} printable characters and no slashes"
        )
    return name


Value = TypeVar("Value")

_INT64 = 2**63
_KINDS = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_LISTS = {int: "a list of integers", str: "a list of text", dict: "a list of objects"}


class JsonObject:
    """A JSON object that a caller sent; a field that is null is the same as one left out.

    The methods that read a field raise PayloadError, which names it, if it is of another kind;
    those that never return None raise it also if the field is left out.

    Args:
        content: The object.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    @staticmethod
    def parse(body: bytes) -> "JsonObject":
        """Return the object that a body holds.

        Raises:
            PayloadError: it is no JSON object, or holds a NUL, which no database keeps.
        """
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise PayloadError("the body is not JSON") from error
        if not isinstance(content, dict):
            raise PayloadError(f"the body must be a JSON object, not {_kind(content)}")
        if b"\\u0000" in body:
            raise PayloadError("the body holds a NUL character (\\u0000)")
        return JsonObject(content)

    def has(self, name: str) -> bool:
        """Return whether a field is there, be it null."""
        return name in self._content

    def raw(self, name: str) -> Any:
        """Return a field of any kind, None if it is left out."""
        return self._content.get(name)

    def integer(self, name: str) -> int:
        """Return an integer."""
        return _given(name, self.optional_integer(name))

    def integer_or_text(self, name: str) -> int:
        """Return an integer, which may be sent as text."""
        value = self.raw(name)
        if isinstance(value, str):
            if not value.isascii() or not value.isdigit() or len(value) > 18:
                raise PayloadError(f"field `{name}` must be an integer")
            return int(value)
        return self.integer(name)

    def text(self, name: str) -> str:
        """Return text."""
        return _given(name, self.optional_text(name))

    def flag(self, name: str) -> bool:
        """Return a boolean, False if it is left out."""
        return bool(self._optional(name, bool))

    def optional_integer(self, name: str) -> int | None:
        """Return an integer of 64 bits."""
        value = self._optional(name, int)
        return None if value is None else _within_64_bits(name, value)

    def optional_number(self, name: str) -> float | None:
        """Return a number."""
        value = self.raw(name)
        return float(value) if type(value) is int else self._optional(name, float)

    def optional_text(self, name: str) -> str | None:
        """Return text."""
        return self._optional(name, str)

    def optional_object(self, name: str) -> "JsonObject | None":
        """Return an object."""
        value = self._optional(name, dict)
        return None if value is None else JsonObject(value)

    def optional_integers(self, name: str) -> tuple[int, ...] | None:
        """Return a list of integers of 64 bits."""
        values = self._optional_list(name, int)
        return None if values is None else tuple(_within_64_bits(name, one) for one in values)

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        """Return a list of text."""
        return self._optional_list(name, str)

    def objects(self, name: str) -> tuple["JsonObject", ...]:
        """Return a list of objects, empty if it is left out."""
        return tuple(map(JsonObject, self._optional_list(name, dict) or ()))

    def _optional(self, name: str, kind: type[Value]) -> Value | None:
        value = self.raw(name)
        if value is None or type(value) is kind:
            return value
        raise PayloadError(f"field `{name}` must be {_KINDS[kind]}, not {_kind(value)}")

    def _optional_list(self, name: str, kind: type[Value]) -> tuple[Value, ...] | None:
        values = self.raw(name)
        if values is None:
            return None
        if not isinstance(values, list):
            raise PayloadError(f"field `{name}` must be {_LISTS[kind]}, not {_kind(values)}")
        for value in values:
            if type(value) is not kind:
                raise PayloadError(f"field `{name}` must be {_LISTS[kind]}, without {_kind(value)}")
        return tuple(values)


def _given(name: str, value: Value | None) -> Value:
    if value is None:
        raise PayloadError(f"missing field `{name}`")
    return value


def _within_64_bits(name: str, value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise PayloadError(f"field `{name}` must be an integer of 64 bits")
    return value


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)
