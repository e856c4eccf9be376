"""The header of a CSV text: read and checked before anything else is built."""

from dataclasses import dataclass
from functools import lru_cache

from drum_like.codecs.csv.tokenizer import BLANKS, fields
from drum_like.codecs.like_pandas import unique
from drum_like.errors import PayloadError
from drum_like.types.names import Names
from drum_like.types.payload import Limits

BOM = b"\xef\xbb\xbf"

_REMEMBERED = 16_384
"""Bytes of a header that is worth remembering: callers repeat theirs."""


@dataclass(frozen=True, slots=True)
class Header:
    """Content of the first record of a CSV text.

    Attributes:
        names: Column names, unique.
        end: Where the rows start.
        plain: Whether the text starts with the header and pandas finds the same names without
            its quadratic search for equal ones.
    """

    names: Names
    end: int
    plain: bool


def read_header(text: bytes, limits: Limits) -> Header:
    """Return the header of a UTF-8 text; blank lines before it are skipped.

    Raises:
        PayloadError: there is no header, or it opens a quote that is never closed.
        SizeError: more columns than the limit.
    """
    line_end = text.find(b"\n") + 1
    known = _remembered(text[:line_end], limits) if 0 < line_end <= _REMEMBERED else None
    return known or _read(text, limits)


@lru_cache(maxsize=64)
def _remembered(line: bytes, limits: Limits) -> Header | None:
    """Return the header of a text that starts with this line, None if it is not the line alone."""
    if b'"' in line or b"\r" in line[:-2] or not line.strip(BLANKS + b"\r\n"):
        return None
    return _read(line, limits)


def _read(text: bytes, limits: Limits) -> Header:
    first = len(BOM) if text.startswith(BOM) else 0
    start = _skip_blank(text, first)
    cells, end = _record(text, start, limits)
    names = unique(cells)
    return Header(names, end, plain=start == first and names == tuple(cells))


def first_record(text: bytes, limits: Limits) -> list[str]:
    """Return the fields of the first line that is not blank; raises as `read_header`.

    Args:
        text: UTF-8 without a BOM.
        limits: On its columns.
    """
    return _record(text, _skip_blank(text, 0), limits)[0]


def _record(text: bytes, start: int, limits: Limits) -> tuple[list[str], int]:
    """Return the fields of the record at a place, and where the next one starts.

    Raises:
        PayloadError: it opens a quote that is never closed, or is not UTF-8.
        SizeError: more columns than the limit.
    """
    cells: list[str] = []
    end = start
    if b'"' not in (line := text[start : _line_end(text, start)]):
        limits.check_columns(line.count(b",") + 1)
    for field in fields(text, start):
        if field is None:
            raise PayloadError("the header opens a quote that is never closed; close it")
        limits.check_columns(len(cells) + 1)
        cells.append(_cell(field["quoted"], field["rest"], field["plain"]))
        end = field.end()
    return cells, end


def _skip_blank(text: bytes, start: int) -> int:
    """Return the position of the first line that is not blank."""
    while start < len(text):
        end = _line_end(text, start)
        if text[start:end].strip(BLANKS):
            return start
        start = end + 1
    raise PayloadError("No columns to parse from file: the CSV is empty; send a header and rows")


def _line_end(text: bytes, start: int) -> int:
    ends = [end for end in (text.find(b"\n", start), text.find(b"\r", start)) if end >= 0]
    return min(ends, default=len(text))


def _cell(quoted: bytes | None, rest: bytes | None, plain: bytes | None) -> str:
    name = (plain or b"") if quoted is None else quoted.replace(b'""', b'"') + (rest or b"")
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise PayloadError("Supplied CSV input file encoding must be UTF-8.") from None
