"""NumPy arrays (.npy) as rows, predictions as an array.

The first axis is the rows: (n_rows, n_columns), and (n_rows,) is one column, as pandas reads both.
Columns have the names sent beside the array, else the order of the model. An array of records,
(n_rows,) with fields, names its columns. Numbers and truth values of any width and byte order are
read, in C and in Fortran order; NaN is missing. Nothing is unpickled.

Predictions are (n_rows,), or (n_rows, n_labels) with the labels in the order of the JSON answer,
in the model's own type; the extra columns of a hook are left out.

Source: NEP 1, and numpy.lib.format.
"""

from __future__ import annotations

import re
from ast import literal_eval
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.lib.format import descr_to_dtype
from numpy.typing import NDArray

from drum_like.errors import ColumnsError, MediaTypeError, PayloadError
from drum_like.system.lazy import pd
from drum_like.types.codec import Codec
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.frame import Frame, Matrix, Positions
from drum_like.types.names import Names
from drum_like.types.payload import Limits, Payload
from drum_like.types.prediction import Prediction
from drum_like.types.readers import Cells
from drum_like.types.target import Target

_MAGIC = b"\x93NUMPY"
_LONGEST = 10_000  # bytes of a header: numpy.load reads no longer one without being asked to

_LENGTH = {1: 2, 2: 4, 3: 4}
"""Bytes of the header's length, by the major version of the file."""

_TOKENS = re.compile(
    r"(?:\s|'(?:[^'\\\n]|\\[\\'\"nrt])*+'|\"(?:[^\"\\\n]|\\[\\'\"nrt])*+\""
    r"|[{}()\[\],:]|\d{1,18}(?![\w.])|True\b|False\b)*+"
)
_NUMBER = re.compile(r"[<>|=]?(?:\?|b1|[iu][1248]|f[248])")
_PADDING = re.compile(r"\|?V\d{1,9}")


@dataclass(frozen=True, slots=True)
class _Header:
    """Header of an array.

    Attributes:
        dtype: Of its elements.
        is_fortran: Whether the first axis moves fastest.
        shape: Its axes; the elements start at `end`.
    """

    dtype: np.dtype[Any]
    is_fortran: bool
    shape: tuple[int, ...]
    end: int

    @property
    def n_columns(self) -> int:
        """The columns of the rows."""
        fields = self.dtype.names
        return len(fields) if fields is not None else (*self.shape, 1, 1)[1]


def decode(payload: Payload) -> Frame:
    """Return the rows of an array; `payload.columns` are the names of its columns if not None.

    Raises:
        PayloadError: broken, or of another shape or type than those above.
        SizeError: more rows or columns than the limits.
        ColumnsError: another number of names than of columns.
    """
    header = _header(payload.body)
    _check(header, payload.limits, len(payload.body))
    names = payload.columns
    if names is not None and len(names) != header.n_columns:
        raise ColumnsError(
            f"there are {len(names)} names, but the array has {header.n_columns} columns; "
            "X.colnames needs one line for each column"
        )
    flat = np.frombuffer(payload.body, header.dtype, prod(header.shape), header.end)
    fields = header.dtype.names
    if fields is not None:
        return ColumnsFrame(names or fields, [_wide(flat[field]) for field in fields])
    table = (header.shape[0], header.n_columns)
    return _NpyFrame(flat.reshape(table, order="F" if header.is_fortran else "C"), names)


class _NpyFrame(Frame):
    """The rows of a table of numbers.

    Args:
        values: (n_rows, n_columns), not to be written to.
        names: One a column, None to number them.
    """

    def __init__(self, values: NDArray[Any], names: Names | None) -> None:
        self._values = values
        self._names = names

    @property
    def columns(self) -> Names | None:
        """The names sent beside the array, None without."""
        return self._names

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self._values.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self._values.shape[1])

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        values = self._values if chosen is None else self._values[:, chosen]
        with np.errstate(invalid="ignore"):  # signalling NaNs turn quiet
            return np.array(values, dtype=np.float64, order="C")

    def cells(self, position: int) -> Cells:
        """Return the values of a column as Python's numbers, with all their digits."""
        values: Cells = self._values[:, position].tolist()
        return values

    def _to_pandas(self) -> pd.DataFrame:
        names = None if self._names is None else list(self._names)
        return pd.DataFrame(_wide(self._values), columns=names)


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy in the type that pandas reads from text: float64, int64, uint64 or bool."""
    kind = values.dtype.kind
    if kind == "u" and values.dtype.itemsize < 8:
        kind = "i"
    wide = {"f": np.float64, "i": np.int64, "u": np.uint64, "b": np.bool_}[kind]
    with np.errstate(invalid="ignore"):
        return np.array(values, dtype=wide)


def _header(body: bytes) -> _Header:
    """Read the header of a file, without what it announces.

    Raises:
        PayloadError: it is none, or announces something that is not read.
    """
    size = _LENGTH.get(body[6] if len(body) > 6 else 0)
    if not body.startswith(_MAGIC) or size is None:
        raise PayloadError("the body is no NumPy array; send a file of numpy.save")
    start = 8 + size
    length = int.from_bytes(body[8:start], "little")
    if length > _LONGEST:
        raise PayloadError(f"the header of the NumPy array is longer than {_LONGEST} bytes")
    end = start + length
    text = body[start:end].decode("utf-8" if body[6] == 3 else "latin-1", "replace")
    match found := _literal(text):
        case {"descr": descr, "fortran_order": bool(is_fortran), "shape": tuple(shape)}:
            if len(found) == 3 and all(type(axis) is int for axis in shape):
                return _Header(_dtype(descr), is_fortran, shape, end)
    raise PayloadError("the header of the NumPy array is broken; send a file of numpy.save")


def _literal(text: str) -> Any:
    """Return a literal without names and operators, so of 200 levels at most; None for others."""
    if _TOKENS.fullmatch(text) is None:
        return None
    try:
        return literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError):
        return None


def _dtype(descr: Any) -> np.dtype[Any]:
    """Return the type of the elements that a header describes.

    Raises:
        PayloadError: it is not one of numbers.
    """
    known = _NUMBER.fullmatch(descr) if isinstance(descr, str) else isinstance(descr, list)
    if not known or (isinstance(descr, list) and not all(map(_is_field, descr))):
        raise PayloadError(
            "the NumPy array is of a type that is not read here; send numbers or truth values of "
            "at most 64 bits, or records of such fields, and never objects"
        )
    try:
        return descr_to_dtype(descr)
    except ValueError as error:
        raise PayloadError("two fields of the NumPy array have one name") from error


def _is_field(field: Any) -> bool:
    """Return whether a field is a number with a name, or the padding between such."""
    match field:
        case (str(name), str(code)):
            return (_NUMBER if name else _PADDING).fullmatch(code) is not None
    return False


def _check(header: _Header, limits: Limits, n_bytes: int) -> None:
    """Refuse sizes beyond the limits, and another number of bytes than they need."""
    if not 1 <= len(header.shape) <= (2 if header.dtype.names is None else 1):
        raise PayloadError(f"the array has {len(header.shape)} axes; send rows and columns")
    limits.check_columns(header.n_columns)
    limits.check_rows(header.shape[0])
    if header.n_columns == 0:
        raise PayloadError("No columns to parse from file: the NumPy array has none")
    needed, found = prod(header.shape) * header.dtype.itemsize, n_bytes - header.end
    if needed != found:
        raise PayloadError(
            f"the header of the NumPy array announces {needed} bytes, but {found} follow; is the "
            "body cut off?"
        )


def predictions_npy(prediction: Prediction, target: Target) -> bytes:
    """Return predictions as an array; NaN stays NaN.

    Raises:
        MediaTypeError: they are not numbers.
    """
    is_labelled = target.type.is_classification and prediction.labels is not None
    values = prediction.values if is_labelled else prediction.column
    sink = BytesIO()
    try:
        np.save(sink, np.ascontiguousarray(values), allow_pickle=False)
    except ValueError as error:
        raise MediaTypeError(
            "the predictions are no numbers, which is all that a NumPy array holds here; ask for "
            "application/json in Accept"
        ) from error
    return sink.getvalue()


CODEC = Codec(
    ("application/x-npy",),
    (".npy",),
    decode,
    predictions_npy,
    magic=(_MAGIC,),
    package="numpy",
)
