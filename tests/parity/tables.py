"""Compares tables in text: CSV cell by cell, Matrix Market as matrices, the rest as it is."""

import csv
import io

import numpy as np
from numpy.typing import NDArray
from scipy.io import mmread
from scipy.sparse import sparray, spmatrix

MATRIX_MARKET = b"%%MatrixMarket"


def compare_tables(drum: bytes, ours: bytes) -> str | None:
    """Return the first difference between two tables, None where there is none.

    Numbers are equal when they read back as the same float64; nothing is rounded here.
    """
    if drum == ours:
        return None
    if drum.startswith(MATRIX_MARKET) and ours.startswith(MATRIX_MARKET):
        return _compare_matrices(drum, ours)
    return _compare_rows(_rows(drum), _rows(ours))


def are_close(drum: bytes, ours: bytes, tolerance: float) -> bool:
    """Return whether two CSV tables are equal but for numbers that differ by so little."""
    left, right = _rows(drum), _rows(ours)
    return [len(row) for row in left] == [len(row) for row in right] and all(
        _same_cell(one, other, tolerance)
        for row, beside in zip(left, right, strict=True)
        for one, other in zip(row, beside, strict=True)
    )


def _compare_matrices(drum: bytes, ours: bytes) -> str | None:
    left, right = _dense(drum), _dense(ours)
    if left.dtype != right.dtype:
        return f"entries of {left.dtype} against {right.dtype}"
    return None if np.array_equal(left, right, equal_nan=True) else "the matrices differ"


def _dense(text: bytes) -> NDArray[np.generic]:
    matrix = mmread(io.BytesIO(text))
    return matrix.toarray() if isinstance(matrix, sparray | spmatrix) else np.asarray(matrix)


def _rows(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode("utf-8", "backslashreplace"), newline="")))


def _compare_rows(drum: list[list[str]], ours: list[list[str]]) -> str | None:
    if len(drum) != len(ours):
        return f"{len(drum)} rows against {len(ours)}"
    for number, (left, right) in enumerate(zip(drum, ours, strict=True)):
        if len(left) != len(right) or not all(map(_same_cell, left, right)):
            return f"row {number}: {left} against {right}"
    return None


def _same_cell(drum: str, ours: str, tolerance: float = 0.0) -> bool:
    if drum == ours:
        return True
    try:
        left, right = float(drum), float(ours)
    except ValueError:
        return False
    return left == right or abs(left - right) <= tolerance
