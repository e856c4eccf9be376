"""Ends of the records of a CSV text, and numbers of their fields, as pandas' tokenizer sees them.

A quote opens only at the start of a field and closes at the next quote that is not doubled; what
follows up to the comma belongs to the field as it stands. LF, CRLF and a lone CR end a record.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import PayloadError

BLANKS = b" \t"
"""A line of nothing else is blank to pandas."""

CHUNK = 1 << 20
"""Bytes that are looked at together; a few megabytes of positions come from them."""

_LF, _CR, _QUOTE, _COMMA = b'\n\r",'

_FIELD = re.compile(
    rb'(?:"(?P<quoted>[^"]*+(?:""[^"]*+)*+)"(?P<rest>[^,\r\n]*+)|(?P<plain>(?!")[^,\r\n]*+))'
    rb"(?P<end>,|\r\n|\n|\r|\Z)"
)
_PLAIN_RECORD = re.compile(rb'[^"\r\n]*+(?:\r\n|\n|\r|\Z)')


@dataclass(frozen=True, slots=True)
class Records:
    """Consecutive records of a text.

    Attributes:
        widths: Fields of each record; 0 for a blank line.
        end: Where the last of them ends, behind its line end.
    """

    widths: NDArray[np.int64]
    end: int


def check_rows(text: bytes, start: int, width: int) -> int:
    """Count the rows from `start` on, and check that each has `width` fields.

    Blank lines are rows where there is one column, and skipped where there are more.

    Raises:
        PayloadError: a row is longer or shorter, or a quote is never closed; names the row.
    """
    n_rows, header = 0, start > 0
    for widths in _all_widths(text, start):
        if widths is None:
            raise _open_quote(n_rows + 1)
        rows = widths[widths > 0] if width > 1 else widths.clip(1)
        odd = np.flatnonzero(rows != width)
        if odd.size:
            row, found = n_rows + int(odd[0]) + 1, int(rows[odd[0]])
            raise row_error(row, width, found, header=header)
        n_rows += rows.size
    return n_rows


def row_error(row: int, expected: int, found: int, *, header: bool) -> PayloadError:
    """Say that a row has the wrong number of fields; without a header the first one counts."""
    first = "header" if header else "first row"
    counted = ", without the header" if header else ""
    return PayloadError(
        f"row {row} has {found} {_fields(found)}, but the {first} has {expected}; every row needs "
        f"one field a column (rows are counted from 1{counted})"
    )


def _fields(count: int) -> str:
    return "field" if count == 1 else "fields"


def _is_blank(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return whether a blank line may start with these bytes."""
    blank: NDArray[np.bool_] = (codes == _LF) | (codes == BLANKS[0]) | (codes == BLANKS[1])
    return blank


def _all_widths(text: bytes, start: int) -> Iterator[NDArray[np.int64] | None]:
    """Return the widths of all records in pieces; None, the last one, if a quote stays open."""
    while start < len(text):
        chunk = text[start : start + CHUNK]
        records = complete_records(chunk, final=start + len(chunk) == len(text))
        if records is not None:
            yield records.widths
            start += records.end
            continue
        until = start + len(chunk)
        while start < until:
            width, start = record_at(text, start)
            if not start:
                yield None
                return
            yield np.array([width])


def _open_quote(row: int) -> PayloadError:
    return PayloadError(
        f"row {row} opens a quote that is never closed; close it, or double the quotes inside a "
        "quoted field (rows are counted from 1, without the header)"
    )


def complete_records(chunk: bytes, *, final: bool) -> Records | None:
    """Return the records that end in a chunk, which starts at the start of one.

    Args:
        chunk: Part of a text.
        final: Whether the text ends with the chunk, so that its last record needs no line end.

    Returns:
        None if no record ends, or if quotes stand where only `record_at` understands them.
    """
    codes = np.frombuffer(chunk, np.uint8)
    ends = _line_ends(chunk, codes, final=final)
    marks = np.flatnonzero(ends | (codes == _COMMA))
    if b'"' in chunk:
        quotes = np.flatnonzero(codes == _QUOTE)
        if not _well_formed(codes, quotes, final=final):
            return None
        marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    stops = np.flatnonzero(ends[marks])
    tail = int(marks[stops[-1]]) + 1 if stops.size else 0
    widths = np.diff(stops, prepend=-1)
    bounds = marks[stops]
    if final and tail < len(chunk):
        widths = np.append(widths, marks.size - (stops[-1] + 1 if stops.size else 0) + 1)
        bounds = np.append(bounds, len(chunk))
        tail = len(chunk)
    if not tail:
        return None
    return Records(_without_blank(chunk, widths, bounds), tail)


def _line_ends(chunk: bytes, codes: NDArray[np.uint8], *, final: bool) -> NDArray[np.bool_]:
    ends: NDArray[np.bool_] = codes == _LF
    if b"\r" in chunk:
        lone = codes == _CR
        lone[:-1] &= codes[1:] != _LF
        lone[-1] &= final
        ends |= lone
    return ends


def _well_formed(codes: NDArray[np.uint8], quotes: NDArray[Any], *, final: bool) -> bool:
    """Return whether odd quotes open and even ones close a field, or two are a doubled one."""
    if final and quotes.size % 2:
        return False
    before = codes[quotes[0::2][quotes[0::2] > 0] - 1]
    inner = quotes[1::2]
    after = codes[inner[inner < codes.size - 1] + 1]
    allowed = np.frombuffer(b'\n\r",', np.uint8)
    return bool(np.isin(before, allowed).all() and np.isin(after, allowed).all())


def _without_blank(
    chunk: bytes, widths: NDArray[np.int64], bounds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the widths with 0 for blank lines; `bounds` are the ends of the records."""
    single = np.flatnonzero(widths == 1)
    starts = np.where(single > 0, bounds[single - 1] + 1, 0)
    stops = bounds[single]
    widths[single[starts == stops]] = 0
    first = np.frombuffer(chunk, np.uint8)[np.minimum(starts, len(chunk) - 1)]
    for at in np.flatnonzero((_is_blank(first) | (first == _CR)) & (starts < stops)):
        if not chunk[starts[at] : stops[at]].removesuffix(b"\r").strip(BLANKS):
            widths[single[at]] = 0
    return widths


def record_at(text: bytes, start: int) -> tuple[int, int]:
    """Return the width (0 for a blank line) and the end of the record at `start`.

    The end is 0 if the record opens a quote that is never closed.
    """
    plain = _PLAIN_RECORD.match(text, start)
    if plain is not None:
        line = plain.group().rstrip(b"\r\n")
        return line.count(b",") + 1 if line.strip(BLANKS) else 0, plain.end()
    width, end = 0, start
    for field in fields(text, start):
        if field is None:
            return width, 0
        width, end = width + 1, field.end()
    return width, end


def fields(text: bytes, start: int) -> Iterator[re.Match[bytes] | None]:
    """Return the fields of the record at `start` one by one.

    Groups: `quoted` (quotes still doubled) and `rest`, or `plain`; `end` is what ends the field.
    The last one is None if it opens a quote that is never closed.
    """
    more = True
    while more:
        field = _FIELD.match(text, start)
        yield field
        more = field is not None and field["end"] == b","
        start = start if field is None else field.end()
