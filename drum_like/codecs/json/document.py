"""JSON texts as documents: their values, and the same values with all digits that were written."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from drum_like.codecs.json.text import count_nested, loads, refuse_repeated_keys, text_in
from drum_like.errors import PayloadError
from drum_like.types.cells import Literal
from drum_like.types.numbers import EXACT
from drum_like.types.payload import Limits, python_codec

_BOM = b"\xef\xbb\xbf"
_LEVELS = 8
"""Lists and objects around rows and columns, at most."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value that was read for its numbers, and can be read again for its digits.

    Few columns need more digits than float64 holds, and reading them all takes ten times as long.

    Attributes:
        tree: The value; fractions, and integers beyond 64 bits, are float64.
        exactly: Returns the same value again: integers of any size, and fractions as `Literal`
            where Python would write them in another way.
    """

    tree: Any
    exactly: Callable[[], Any]

    def map(self, part: Callable[[Any], Any]) -> "Document":
        """Return a part of the value, or another form of it, as a document."""
        return Document(part(self.tree), lambda: part(self.exactly()))

    def at(self, key: str) -> "Document":
        """Return the value of a key."""
        return self.map(itemgetter(key))


def read(text: bytes) -> Document:
    """Return the value of a JSON text.

    Args:
        text: In UTF-8; the tokens NaN, Infinity and -Infinity are numbers.

    Raises:
        PayloadError: it is not JSON, an object names a key twice, or text holds half of a
            surrogate pair.
    """
    tree = loads(text)
    refuse_repeated_keys(text, tree)
    return Document(tree, partial(loads_exactly, text))


def read_lines(text: bytes) -> Document:
    """Return the values of JSON Lines, one a line, as a list; blank lines are none.

    Raises:
        PayloadError: as `read`, for a line; names it.
    """
    lines = [line for line in text.removeprefix(_BOM).splitlines() if line.strip()]
    trees = [_line(at, line) for at, line in enumerate(lines, 1)]
    return Document(trees, lambda: list(map(loads_exactly, lines)))


def _line(at: int, line: bytes) -> Any:
    try:
        return read(line).tree
    except PayloadError as error:
        raise PayloadError(
            f"line {at} of the body, blank ones not counted, is not one value of JSON: {error}"
        ) from error


def loads_exactly(text: bytes) -> Any:
    """Parse a JSON text with all digits of its numbers.

    Returns:
        The value; the tokens NaN, Infinity and -Infinity, and fractions that Python would write in
        another way, are `Literal`.

    Raises:
        PayloadError: it is not JSON in UTF-8.
    """
    try:
        return json.loads(
            text_in(text),
            parse_float=_fraction,
            parse_constant=_CONSTANTS.__getitem__,
        )
    except (ValueError, RecursionError) as error:
        raise PayloadError("the body is not JSON in UTF-8") from error


_CONSTANTS = {token: Literal(token) for token in ("NaN", "Infinity", "-Infinity")}


def _fraction(digits: str) -> float:
    number = float(digits)
    # Below 2**53 alone a float64 is the number that Python writes for it, digit by digit.
    plain = abs(number) < EXACT and repr(number) == digits
    return number if plain else Literal(digits)  # which takes five times as much memory


def check_size(text: bytes, limits: Limits) -> None:
    """Refuse a text of more rows than the limit, before anything is made of them.

    Args:
        text: JSON, or JSON Lines; a list or an object in it takes up to 60 times its bytes.
        limits: The most rows, and columns, which may be lists, too.

    Raises:
        SizeError: it holds more lists and objects than these.
    """
    most = limits.rows + limits.columns + _LEVELS
    if len(text) > most and count_nested(text, most) > most:
        limits.check_rows(most)


def utf8(body: bytes, charset: str | None) -> bytes:
    """Return a text in UTF-8.

    Args:
        body: The text.
        charset: Of the Content-Type; None for UTF-8.

    Raises:
        CharsetError: the charset is not on the list.
        PayloadError: the body is not in it.
    """
    codec = python_codec(charset)
    if codec == "utf-8":
        return body
    try:
        return body.decode(codec).encode()
    except UnicodeError as error:
        raise PayloadError("the body is not in the charset that its Content-Type names") from error
