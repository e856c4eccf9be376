"""Matrix Market as scipy.io.mmread reads it; the sizes in the header are checked before.

Absent entries are 0.0, entries given twice are summed, a pattern's entries are 1.0. The dense
("array") form gives a sparse frame too, so that a hook gets the same kind of frame for every body
of this media type.

A `real` matrix is read as float64, and there 9007199254740993 is another id: columns of whole
numbers, or of categories of them, in the model's schema get the exact numbers of the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from drum_like.errors import ColumnsError, PayloadError, SizeError
from drum_like.system.lazy import pd, scipy_io, sparse
from drum_like.types.codec import Codec
from drum_like.types.frame import Frame, Matrix, Positions
from drum_like.types.names import Names
from drum_like.types.numbers import EXACT
from drum_like.types.payload import Limits, Payload
from drum_like.types.readers import Cells

_HEAD = 1 << 20
"""Bytes that the banner and the comments behind it may take."""

_BANNER = re.compile(
    rb"%?%MatrixMarket[ \t]+matrix[ \t]+(?P<form>coordinate|array)[ \t]+(?P<field>[\w-]+)"
    rb"[ \t]+(?P<symmetry>[\w-]+)[ \t]*\r?\n(?:[ \t]*(?:%[^\n]*+)?\r?\n)*+",
    re.IGNORECASE,
)
_SIZES = re.compile(rb"[ \t]*(\d{1,19})[ \t]+(\d{1,19})(?:[ \t]+(\d{1,19}))?[ \t]*\r?(?:\n|\Z)")
_LINE = re.compile(r"Line (\d+)")

_WHOLE = rb"([+-]?\d{16,20})(?:\.0*+)?[ \t]*\r?$"
_WHOLE_ENTRY = re.compile(rb"^[ \t]*(\d{1,19})[ \t]+(\d{1,19})[ \t]+" + _WHOLE, re.MULTILINE)
_WHOLE_LINE = re.compile(rb"[ \t]*" + _WHOLE)

_Digits = Mapping[int, Mapping[int, int]]
"""Numbers by the place of their column, then by that of their row."""


@dataclass(frozen=True, slots=True)
class _Header:
    """Header of a Matrix Market body.

    Attributes:
        n_rows: Rows.
        n_columns: Columns.
        n_entries: Entries that follow.
        end: Where they start.
        is_dense: Whether all entries are given, column by column.
        is_general: Whether no entry stands for another one, too, as in a symmetric matrix.
    """

    n_rows: int
    n_columns: int
    n_entries: int
    end: int
    is_dense: bool
    is_general: bool


def decode(payload: Payload) -> Frame:
    """Return the rows of a Matrix Market body; `payload.columns` are their names if not None.

    Raises:
        PayloadError: not a Matrix Market file of real numbers, or not all of one.
        SizeError: more columns or cells than the limits.
        ColumnsError: another number of names than of columns.
    """
    header = _header(payload.body)
    _check_sizes(header, len(payload.body), payload.limits)
    if payload.columns is not None and len(payload.columns) != header.n_columns:
        raise ColumnsError(
            f"Column length mismatch: {len(payload.columns)} vs. {header.n_columns}; "
            "X.colnames needs one line for each column of the matrix"
        )
    matrix = _read(payload.body) if header.n_rows else _no_rows(payload.body, header)
    return _MtxFrame(matrix, payload.columns, _digits(payload.body, header, matrix))


class _MtxFrame(Frame):
    """The rows of a sparse matrix.

    Args:
        matrix: Entries given twice already summed.
        names: One a column, None to number them.
        digits: Whole numbers that the matrix has rounded.
    """

    has_order = False

    def __init__(self, matrix: sparse.csc_array, names: Names | None, digits: _Digits) -> None:
        self._matrix = matrix
        self._names = names
        self._digits = digits

    @property
    def columns(self) -> Names | None:
        """The names sent beside the matrix, None without."""
        return self._names

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self._matrix.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self._matrix.shape[1])

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        matrix = self._matrix if chosen is None else self._matrix[:, chosen]
        return np.ascontiguousarray(matrix.toarray(), dtype=np.float64)

    def cells(self, position: int) -> Cells:
        """Return the entries of a column with all their digits, 0 where none is given."""
        values: list[Any] = self._matrix[:, [position]].toarray().ravel().tolist()
        for row, number in self._digits.get(position, {}).items():
            values[row] = number
        return values

    def _to_pandas(self) -> pd.DataFrame:
        names = None if self._names is None else list(self._names)
        sparse_frames: Any = pd.DataFrame.sparse
        # A copy: pandas takes the arrays as they are, and a hook may change its frame.
        data: pd.DataFrame = sparse_frames.from_spmatrix(self._matrix.copy(), columns=names)
        return data


def _header(body: bytes) -> _Header:
    head = body[:_HEAD]
    banner = _BANNER.match(head)
    if banner is None:
        raise PayloadError(
            "Line 1: Not a Matrix Market file of known form; it should be "
            "%%MatrixMarket matrix coordinate real general"
        )
    if banner["field"].lower() == b"complex":
        raise PayloadError("Line 1: the matrix is complex; send real numbers")
    sizes = _SIZES.match(head, banner.end())
    form = banner["form"].lower()
    if sizes is None or (sizes[3] is None) != (form == b"array"):
        if banner.end() == len(head) == _HEAD:
            raise SizeError(f"the comments of the Matrix Market body exceed {_HEAD} bytes")
        line = head.count(b"\n", 0, banner.end()) + 1
        expected = "rows and columns" if form == b"array" else "rows, columns and entries"
        raise PayloadError(f"Line {line}: the numbers of {expected} should stand here")
    return _declared(banner["symmetry"].lower(), sizes)


def _declared(symmetry: bytes, sizes: re.Match[bytes]) -> _Header:
    n_rows, n_columns = int(sizes[1]), int(sizes[2])
    if symmetry != b"general" and n_rows != n_columns:
        raise PayloadError(
            f"a {symmetry.decode(errors='replace')[:20]} matrix is square, but this one has "
            f"{n_rows} rows and {n_columns} columns"
        )
    is_dense, is_general = sizes[3] is None, symmetry == b"general"
    n_entries = n_rows * n_columns if is_dense else int(sizes[3])
    if is_dense and not is_general:
        n_entries = (n_entries - n_rows) // 2
    return _Header(n_rows, n_columns, n_entries, sizes.end(), is_dense, is_general)


def _check_sizes(header: _Header, n_bytes: int, limits: Limits) -> None:
    """Refuse a header with too large sizes before memory is taken for them."""
    limits.check_columns(header.n_columns)
    limits.check_declared(header.n_rows, n_bytes)
    most = max(limits.cells, n_bytes) if header.is_dense else limits.declared_cells(n_bytes)
    if header.n_rows * max(header.n_columns, 1) > most:
        raise SizeError(
            f"the matrix declares {header.n_rows} rows and {header.n_columns} columns, the limit "
            f"is {most} cells; send fewer rows, or start the server with a higher --max-cells"
        )
    # An entry takes two bytes ("1" and a line end) at the least, the last one may lack its end.
    if header.n_entries * 2 > n_bytes - header.end + 1:
        raise PayloadError(
            f"the matrix declares {header.n_entries} entries, but only "
            f"{n_bytes - header.end} bytes follow; is the body cut off?"
        )
    if header.n_columns == 0:
        raise PayloadError("No columns to parse from file: the matrix declares 0 columns")


def _read(body: bytes) -> sparse.csc_array:
    # scipy 1.17 reads beyond the body, and dies of it, where the last line has no end or a line
    # holds a NUL.
    if b"\0" in body:
        raise PayloadError("the Matrix Market body holds NUL bytes; is it text?")
    text = body if body.endswith(b"\n") else body + b"\n"
    try:
        return sparse.csc_array(scipy_io.mmread(BytesIO(text)))
    except (ValueError, OverflowError) as error:
        found = _LINE.match(str(error))
        where = f"line {found[1]}" if found else "the body"
        raise PayloadError(
            f"{where} is not what the Matrix Market header announces: an index out of bounds, not "
            "a number, or more or fewer lines"
        ) from error


def _digits(body: bytes, header: _Header, matrix: sparse.csc_array) -> _Digits:
    """Return the entries that are whole numbers beyond 2^53, as they are written."""
    if matrix.dtype.kind != "f" or not np.any(np.abs(matrix.data) >= EXACT):
        return {}
    n_places = header.n_rows * header.n_columns if header.is_dense else matrix.nnz
    if n_places != header.n_entries or not header.is_general:
        return {}  # entries are summed, or mirrored in a symmetric matrix
    found: dict[int, dict[int, int]] = {}
    for row, column, number in (_dense if header.is_dense else _coordinates)(body, header):
        if abs(number) > EXACT:
            found.setdefault(column, {})[row] = number
    return found


def _coordinates(body: bytes, header: _Header) -> Iterator[tuple[int, int, int]]:
    for match in _WHOLE_ENTRY.finditer(body, header.end):
        yield int(match[1]) - 1, int(match[2]) - 1, int(match[3])


def _dense(body: bytes, header: _Header) -> Iterator[tuple[int, int, int]]:
    lines = body[header.end :].split(b"\n")
    for at, line in enumerate(line for line in lines if line.strip()):  # scipy skips empty ones
        if match := _WHOLE_LINE.match(line):
            yield at % header.n_rows, at // header.n_rows, int(match[1])


def _no_rows(body: bytes, header: _Header) -> sparse.csc_array:
    """Return a matrix without rows; scipy 1.17 divides by zero on a dense one and dies of it."""
    if header.n_entries or body[header.end :].strip():
        raise PayloadError("the matrix declares 0 rows, but entries follow")
    return sparse.csc_array((0, header.n_columns), dtype=np.float64)


CODEC = Codec(("text/mtx",), (".mtx",), decode, magic=(b"%%MatrixMarket",))
