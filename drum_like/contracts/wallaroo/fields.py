"""The JSON objects that callers send, field by field."""

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


class Fields:
    """A JSON object whose readers explain wrong fields; null is the same as left out.

    Args:
        content: The object.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    @staticmethod
    def parse(body: bytes) -> "Fields":
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
        return Fields(content)

    def has(self, name: str) -> bool:
        """Return whether a field is there, be it null."""
        return name in self._content

    def raw(self, name: str) -> Any:
        """Return a field as it was sent, None if it is left out."""
        return self._content.get(name)

    def integer(self, name: str) -> int:
        """Return a field that must be there and be an integer.

        Raises:
            PayloadError: it is not.
        """
        return self._required(name, self.optional_integer(name))

    def text(self, name: str) -> str:
        """Return a field that must be there and be text.

        Raises:
            PayloadError: it is not.
        """
        return self._required(name, self.optional_text(name))

    def optional_integer(self, name: str) -> int | None:
        """Return an integer, None if the field is left out or null.

        Raises:
            PayloadError: it is something else, or does not fit 64 bits.
        """
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "an integer")
        if not -_INT64 <= value < _INT64:
            raise PayloadError(f"field `{name}` must be an integer of 64 bits")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return text, None if the field is left out or null.

        Raises:
            PayloadError: it is something else.
        """
        value = self.raw(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "text")
        return value

    def optional_number(self, name: str) -> float | None:
        """Return a number, None if the field is left out or null.

        Raises:
            PayloadError: it is something else.
        """
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(name, "a number")
        return float(value)

    def flag(self, name: str) -> bool:
        """Return a boolean, False if the field is left out or null.

        Raises:
            PayloadError: it is something else.
        """
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return bool(value)

    def optional_object(self, name: str) -> "Fields | None":
        """Return an object, None if the field is left out or null.

        Raises:
            PayloadError: it is something else.
        """
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Fields(value)

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        """Return a list of text, None if the field is left out or null.

        Raises:
            PayloadError: it is something else.
        """
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise PayloadError(f"field `{name}` must be a list of text")
        return tuple(value)

    def optional_integers(self, name: str) -> tuple[int, ...] | None:
        """Return a list of integers, None if the field is left out or null.

        Raises:
            PayloadError: it is something else.
        """
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self._wrong(name, "a list of integers")
        return tuple(Fields({name: item}).integer(name) for item in value)

    def objects(self, name: str) -> tuple["Fields", ...]:
        """Return a list of objects, empty if the field is left out or null.

        Raises:
            PayloadError: it is something else.
        """
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise PayloadError(f"field `{name}` must be a list of objects")
        return tuple(map(Fields, value))

    def _required(self, name: str, value: Value | None) -> Value:
        if value is None:
            raise PayloadError(f"missing field `{name}`")
        return value

    def _wrong(self, name: str, expected: str) -> PayloadError:
        return PayloadError(f"field `{name}` must be {expected}, not {_kind(self.raw(name))}")


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)
