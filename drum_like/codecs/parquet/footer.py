"""The footer of a Parquet file, written in Thrift: its columns, and where their pages are.

Read here, not by pyarrow: its metadata end the process where a file lacks what they ask for, and
older versions recurse to any depth of the schema.

Source: apache/parquet-format, src/main/thrift/parquet.thrift; apache/thrift,
doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drum_like.errors import PayloadError, SizeError
from drum_like.types.payload import Limits

Wanted = Mapping[int, "Wanted | None"]
"""The fields of a struct; of a field that holds structs, or a list of some, which of theirs."""

_BYTE, _BINARY, _LIST, _SET, _STRUCT = 3, 8, 9, 10, 12
_FIXED = {1: 0, 2: 0, _BYTE: 1, 7: 8}
"""Bytes of truth values, bytes and floats; Parquet has no maps."""

_INTEGERS = frozenset({4, 5, 6})
_DEEPEST = 12


class Reader:
    """Reads structs out of bytes, one after the other; broken ones are a ValueError or IndexError.

    Args:
        data: Them.
        at: Position of the first struct; moves behind what has been read.
        most: The most values to keep.
    """

    def __init__(self, data: bytes, at: int, most: int) -> None:
        self._data = data
        self.at = at
        self._left = most

    def struct(self, wanted: Wanted) -> dict[int, Any]:
        """Return the wanted fields of a struct: numbers, bytes, structs, and lists of structs.

        Raises:
            ValueError: two fields of one number, of which readers may take either.
            SizeError: more values than may be kept.
        """
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            if field not in wanted:
                self._skip(head & 15)
                continue
            if field in found:
                raise ValueError
            found[field] = self._value(head & 15, wanted[field])
        return found

    def _value(self, kind: int, wanted: Wanted | None) -> Any:
        self._left -= 1
        if self._left < 0:
            raise SizeError("the footer of the Parquet body lists more than its size allows")
        if kind in _INTEGERS:
            return self._signed()
        if kind == _BINARY:
            n_bytes = self._unsigned()
            self.at += n_bytes
            return self._data[self.at - n_bytes : self.at]
        if wanted is None or kind not in (_STRUCT, _LIST):
            raise ValueError
        if kind == _STRUCT:
            return self.struct(wanted)
        n_items, of = self._items()
        return [self._value(of, wanted) for _ in range(n_items)]

    def _skip(self, kind: int, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise ValueError
        if kind in _INTEGERS:
            self._unsigned()
        elif kind == _BINARY:
            n_bytes = self._unsigned()
            self.at += n_bytes
        elif kind in (_STRUCT, _LIST, _SET):
            self._skip_all(kind, depth + 1)
        else:
            self.at += _FIXED[kind]

    def _skip_all(self, kind: int, depth: int) -> None:
        """Skip the fields of a struct, or the items of a list."""
        if kind != _STRUCT:
            n_items, of = self._items()
            for _ in range(n_items):
                self._skip(of, depth)
            return
        while head := self._byte():
            if not head >> 4:
                self._unsigned()
            self._skip(head & 15, depth)

    def _items(self) -> tuple[int, int]:
        """Return the number and the type of the items of a list."""
        head = self._byte()
        n_items = head >> 4
        n_items = self._unsigned() if n_items == 15 else n_items
        if n_items > len(self._data) - self.at:
            raise ValueError
        kind = head & 15  # a truth value is a byte here, where a field of one has none
        return n_items, kind if _FIXED.get(kind, 1) else _BYTE

    def _byte(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        return byte

    def _unsigned(self) -> int:
        number = self._byte()
        if number < 128:
            return number
        number, shift = number & 127, 7
        while (byte := self._byte()) > 127:
            number |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise ValueError
        return number | byte << shift

    def _signed(self) -> int:
        number = self._unsigned()
        return number >> 1 ^ -(number & 1)


MAGIC = b"PAR1"
_TAIL = 8
"""Bytes behind the footer: its length, and the magic word."""

_DEEPEST = 70
"""Levels of the schema; a list has two of its own."""

_META: Wanted = {1: None, 5: None, 7: None, 9: None, 11: None}
_WANTED: Wanted = {
    2: {1: None, 2: None, 4: None, 5: None},
    3: None,
    4: {1: {3: _META}, 3: None},
}
_FREE = 200_000
_BYTES_OF_A_VALUE = 10
"""Values of the footer that may be kept in any case, and bytes of the body for each further one."""

_FIXED_WIDTH = 7
TEXT = 6
"""The type of values of any length."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of values; columns of lists and structs have some below them.

    Attributes:
        path: Its names from the top, with dots between them.
        kind: The number of its type.
        width: Bytes of a value, 0 where its type does not say it.
    """

    path: str
    kind: int
    width: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """The pages of a column in a group of rows: values with nulls, and where they start and end."""

    leaf: Leaf
    n_values: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Footer:
    """The rows of a file, or of all groups where that is more; the groups, and what is in them."""

    n_rows: int
    n_groups: int
    leaves: tuple[Leaf, ...]
    chunks: tuple[Chunk, ...]


def read_footer(body: bytes, limits: Limits) -> Footer:
    """Return the footer of a file.

    Raises:
        PayloadError: no Parquet file, or its schema is nested too deep.
        SizeError: too many columns, or groups of rows.
        ValueError, LookupError, TypeError: it is broken.
    """
    size = int.from_bytes(body[-_TAIL:-4], "little")
    start = len(body) - _TAIL - size
    if not body.startswith(MAGIC) or not body.endswith(MAGIC) or start < len(MAGIC):
        raise PayloadError("the body is no Parquet file, or is cut off")
    most = _FREE + len(body) // _BYTES_OF_A_VALUE
    fields = Reader(body[start:-_TAIL], 0, most).struct(_WANTED)
    schema, groups = fields[2], fields[4]
    limits.check_columns(sum(not element.get(5) for element in schema[1:]))
    leaves = tuple(_leaves(schema))
    return Footer(
        max(fields[3], sum(group[3] for group in groups)),
        len(groups),
        leaves,
        tuple(chunk for group in groups for chunk in _chunks(group, leaves)),
    )


def _leaves(schema: list[dict[int, Any]]) -> Iterator[Leaf]:
    """Yield the elements of a schema that have no others below them."""
    names: list[str] = []
    pending: list[int] = []
    for element in schema:
        while pending and not pending[-1]:
            pending.pop()
            names.pop()
        if pending:
            pending[-1] -= 1
        pending.append(element.get(5) or 0)
        names.append(element[4].decode())
        if len(pending) > _DEEPEST:
            raise PayloadError(f"the Parquet schema is nested deeper than {_DEEPEST} levels")
        if not pending[-1] and len(pending) > 1:
            kind = element[1]
            width = element[2] if kind == _FIXED_WIDTH else 0
            yield Leaf(".".join(names[1:]), kind, width)


def _chunks(group: dict[int, Any], leaves: tuple[Leaf, ...]) -> Iterator[Chunk]:
    for column, leaf in zip(group[1], leaves, strict=True):
        meta = column[3]
        if meta[1] != leaf.kind or meta[7] < 0 or leaf.width < 0:
            raise ValueError
        if meta[5] > 0:  # without values nothing is read, and the positions mean nothing
            start = meta[11] if 0 < meta.get(11, 0) < meta[9] else meta[9]
            yield Chunk(leaf, meta[5], start, start + meta[7])
