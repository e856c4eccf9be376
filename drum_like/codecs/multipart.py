"""Transformed rows: the multipart body of /transform/, and the CSV of `score`.

Source: DRUM 1.18.1, observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from drum_like.errors import TargetError
from drum_like.system.lazy import pd, scipy_io, sparse


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body.

    Attributes:
        name: Name of the form field.
        body: Its content.
        is_file: Whether it has a file name (its own name) and a content type.
    """

    name: str
    body: bytes
    is_file: bool = False


def parts(x: pd.DataFrame, y: pd.DataFrame | None) -> tuple[Part, ...]:
    """Return the parts of an answer of /transform/, in order.

    A frame all of whose columns are sparse is Matrix Market with its names beside it, any other
    one CSV. The target is always CSV.

    Raises:
        TargetError: a column name is blank, there are no columns, or sparse ones hold no numbers.
    """
    names = _names(x)
    if _is_sparse(x):
        found = [
            Part("X.format", b"sparse"),
            Part("X.transformed", _matrix_market(x), is_file=True),
            Part("X.colnames", "\n".join(names).encode(), is_file=True),
        ]
    else:
        found = [Part("X.format", b"csv"), Part("X.transformed", _csv(x, names), is_file=True)]
    if y is not None:
        found.append(Part("y.format", b"csv"))
        found.append(Part("y.transformed", _csv(y, _names(y)), is_file=True))
    return tuple(found)


def multipart(body_parts: Sequence[Part], boundary: str) -> bytes:
    """Return the parts as multipart/form-data."""
    delimiter = f"--{boundary}".encode()
    chunks = []
    for part in body_parts:
        head = f'Content-Disposition: form-data; name="{part.name}"'
        if part.is_file:
            head += f'; filename="{part.name}"\r\nContent-Type: application/octet-stream'
        chunks.append(b"\r\n".join((delimiter, head.encode(), b"", part.body, b"")))
    return b"".join((*chunks, delimiter, b"--\r\n"))


def frame_csv(x: pd.DataFrame) -> bytes:
    """Return transformed rows as `score` writes them: LF, no index, sparse columns written out."""
    text: str = _dense(x).to_csv(index=False, lineterminator="\n")
    return text.encode()


def _names(data: pd.DataFrame) -> list[str]:
    """Return column names as text without outer blanks, on one line each.

    Raises:
        TargetError: a name is blank, or there is none.
    """
    if data.shape[1] == 0:
        raise TargetError("no types given: the transformed data has no columns")
    names = [str(name).strip().replace("\n", "\\n") for name in data.columns]
    full = sum(1 for name in names if name)
    if full != len(names):
        raise TargetError(
            "Column name serialization check failed, deserializing column names resulted in "
            f"{full}, expected {len(names)}\n"
            "Ensure there are no column names made up entirely of whitespace"
        )
    return names


def _csv(data: pd.DataFrame, names: list[str]) -> bytes:
    named = _dense(data).set_axis(names, axis="columns")
    text: str = named.to_csv(index=False, lineterminator="\r\n")
    return text.removesuffix("\r\n").encode()


def _is_sparse(data: pd.DataFrame) -> bool:
    return all(isinstance(dtype, pd.SparseDtype) for dtype in data.dtypes)


def _dense(data: pd.DataFrame) -> pd.DataFrame:
    dense = {
        at: np.asarray(data.iloc[:, at])
        if isinstance(data.dtypes.iloc[at], pd.SparseDtype)
        else data.iloc[:, at]
        for at in range(data.shape[1])
    }
    return pd.DataFrame(dense, index=data.index).set_axis(data.columns, axis="columns")


def _matrix_market(data: pd.DataFrame) -> bytes:
    """Return sparse columns as scipy writes them, in the symmetric form where they are that.

    Raises:
        TargetError: they hold no numbers.
    """
    sink = BytesIO()
    columns: Any = data.sparse
    try:
        scipy_io.mmwrite(sink, sparse.coo_matrix(columns.to_coo()))
    except (TypeError, ValueError) as error:
        raise TargetError("the sparse columns of the transformed data hold no numbers") from error
    return sink.getvalue()
