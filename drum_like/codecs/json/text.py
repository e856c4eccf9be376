"""JSON text read, and refused where its tree does not show what is wrong with it.

A body is looked at as bytes: how deep it is nested, whether an object names a key twice, whether
text holds half a character. Each request pays for these looks, so each costs microseconds.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import orjson

from drum_like.errors import PayloadError

BEFORE = b"\xef\xbb\xbf \t\r\n"
"""Bytes that may stand before the value: blanks and a BOM."""

_DIGITS_OF_64_BITS = 20

NESTED = (b"[", b"{")
"""First bytes of a list and an object."""


def loads(body: bytes, *, half_characters: bool = False) -> Any:
    """Parse a JSON body; the tokens NaN, Infinity and -Infinity are numbers.

    Integers beyond 64 bits are float64, whatever stands beside them.

    Args:
        body: The JSON.
        half_characters: Whether halves of surrogate pairs are allowed.

    Raises:
        PayloadError: it is not JSON in UTF-8, or text of it holds half of a surrogate pair.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # or something that only the standard library reads: NaN
        tree = _loads_slowly(body)
    if not half_characters:
        refuse_half_characters(body, tree)
    return tree


def _loads_slowly(body: bytes) -> Any:
    """Parse a JSON body that only the standard library reads, whatever its text holds.

    Raises:
        PayloadError: it is not JSON in UTF-8.
    """
    try:
        return json.loads(text_in(body), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise PayloadError("the body is not JSON in UTF-8") from error


def text_in(body: bytes) -> str:
    """Return the text of a JSON body in UTF-8, halves of surrogate pairs, too.

    UTF-16 that does not say so is none.

    Raises:
        ValueError: it is not UTF-8.
    """
    return body.decode("utf-8-sig", "surrogatepass")


def _integer(digits: str) -> float:
    """Return an integer as orjson reads it: float64 beyond 64 bits."""
    number = int(digits)  # some thousands of digits are none to Python
    if len(digits) > _DIGITS_OF_64_BITS:
        return float(digits)
    return number if -(2**63) <= number < 2**64 else float(number)


def refuse_half_characters(body: bytes, tree: Any) -> None:
    """Refuse text that holds half of a surrogate pair: it is none in UTF-8, for no library.

    Args:
        body: The JSON.
        tree: Its parsed value.

    Raises:
        PayloadError: a name or a value holds one.
    """
    # One byte is found fifty times as fast as two.
    if body.isascii() and (b"\\" not in body or b"\\u" not in body):
        return
    try:
        json.dumps(tree, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise PayloadError(
            "text of the body holds half of a surrogate pair (\\ud800 to \\udfff), which is no "
            "character; send both halves"
        ) from None
    except RecursionError as error:
        raise PayloadError("the body is nested too deep") from error


_NESTED = frozenset({dict, list})
# Possessive: otherwise 10 MB of text would take a gigabyte to remember the ways back. To the end
# without a closing quote: otherwise each quote inside would begin the search anew.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_LARGE = 4096
_SHAPE = b'[]{}"'
_CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\r"))
_NO_SHAPE = bytes(set(range(256)) - set(_SHAPE + _CONTROLS))
_AT_A_TIME = 1 << 16
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def is_deeper(body: bytes, most: int) -> bool:
    """Return whether a list or an object is nested more than that many levels deep."""
    text = _TEXT.sub(b"", body) if b"\\" in body else body
    shape = text.translate(None, _NO_SHAPE)
    if shape.translate(None, _SHAPE):
        return False  # control characters, which no JSON has: a file of another kind
    # Two quotes that meet begin and end text alike, so what is in text stays in text.
    brackets = np.frombuffer(_TEXT.sub(b"", shape.replace(b'""', b"")), dtype=np.uint8)
    level = 0
    for at in range(0, brackets.size, _AT_A_TIME):  # all at once would take eight times the body
        levels = level + np.cumsum(_STEPS[brackets[at : at + _AT_A_TIME]], dtype=np.int64)
        if levels.max() > most:
            return True
        level = int(levels[-1])
    return False


def count_openings(body: bytes) -> int:
    """Return the number of opening brackets of lists and objects, those in text, too."""
    if len(body) < _LARGE:
        return body.count(b"[") + body.count(b"{")
    letters = np.frombuffer(body, dtype=np.uint8)
    parts = (letters[at : at + _AT_A_TIME] for at in range(0, len(letters), _AT_A_TIME))
    # Of a brace a bracket differs in one bit; NumPy compares a large body ten times as fast.
    return sum(int(np.count_nonzero((part | 0x20) == ord("{"))) for part in parts)


def count_nested(body: bytes, most: int) -> int:
    """Return the number of lists and objects; those that text seems to hold, too, up to `most`."""
    count = count_openings(body)
    return count if count <= most else count_openings(_TEXT.sub(b"", body))


def refuse_repeated_keys(body: bytes, tree: Any) -> None:
    """Refuse a body whose objects name a key twice: parsers keep the last one, and say nothing.

    Outside of text a body has one colon for each key, and most bodies have no colon in text.

    Args:
        body: The JSON.
        tree: Its parsed value.

    Raises:
        PayloadError: an object names a key twice.
    """
    n_colons = body.count(b":")
    n_keys = _count_keys(tree, n_colons)
    if n_colons != n_keys and _TEXT.sub(b"", body).count(b":") != n_keys:
        raise PayloadError("an object of the body names a key more than once; send each name once")


def _count_keys(tree: Any, most: int) -> int:
    """Return the number of keys; looks no deeper once it has found the most that there can be."""
    count, level = 0, [tree]
    while level and count < most:
        objects = [part.values() for part in level if type(part) is dict]
        count += sum(map(len, objects))
        parts = chain(objects, (part for part in level if type(part) is list))
        level = list(_nested(parts)) if count < most else []
    return count


def _nested(parts: Iterable[Collection[Any]]) -> Iterator[Any]:
    """Yield the lists and objects in some parts of a tree."""
    for part in parts:
        if not _NESTED.isdisjoint(map(type, part)):
            yield from (value for value in part if type(value) in _NESTED)
