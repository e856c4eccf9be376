"""Calls into native libraries: threads, addresses and checks of no particular framework."""

import ctypes
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import CPUS, Matrix

logger = logging.getLogger(__name__)

Values = NDArray[Any]
Scorer = Callable[[Matrix], Values]

_ARRAY = b'{"data":[%d,true],"shape":[%d,%d],"strides":[%d,%d],"typestr":"<f8","version":3}'


class Threads:
    """The number of threads that a library's OpenMP uses for calls from the calling thread.

    Attributes:
        single: Returns the result of a scorer for a matrix, in this thread alone.

    Raises:
        AttributeError: the library has no OpenMP, or hides it.
    """

    def __init__(self, library: Any) -> None:
        self._number = function(library, "omp_get_max_threads", ctypes.c_int)
        self._set = function(library, "omp_set_num_threads", None, ctypes.c_int)
        self.single: Callable[[Scorer, Matrix], Values] = partial(self._with, 1)

    def parallel(self, score: Scorer, matrix: Matrix) -> Values:
        """Return the result of `score` with a thread for each CPU that is free for large work."""
        with CPUS.part() as part:
            return score(matrix) if part is None else self._with(part, score, matrix)

    def _with(self, number: int, score: Scorer, matrix: Matrix) -> Values:
        usual = self._number()
        self._set(number)
        try:
            return score(matrix)
        finally:
            self._set(usual)


def function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Return a function of a library with its own signature, which other callers cannot change.

    Raises:
        AttributeError: there is no such function.
    """
    found = library[name]  # a new object, other than by attribute
    found.restype = result
    found.argtypes = arguments
    return found


def address(array: NDArray[Any]) -> int:
    """Return where an array's first value lies."""
    found: int = array.__array_interface__["data"][0]
    return found


def array_interface(matrix: Matrix) -> bytes:
    """Return where a (n_rows, n_columns) float64 matrix lies, as numpy's JSON of it."""
    place = matrix.__array_interface__["data"][0]  # `address` would be a call more for each row
    return _ARRAY % (place, *matrix.shape, *matrix.strides)


def probe_rows(width: int) -> Matrix:
    """Return (4, width) rows to compare two ways to predict with."""
    rows = np.zeros((4, width))
    rows[1] = np.nan
    rows[2, ::2] = 1.0
    rows[3, 1::2] = np.nan
    return rows


def checked_scorer(
    direct: Callable[[], Scorer], usual: Scorer, width: int, error: type[Exception]
) -> Scorer:
    """Return the scorer that calls a library directly, or the usual one.

    Args:
        direct: Makes the scorer; it is taken if it gives the bits of the usual one for a few rows.
        usual: Scores as the framework itself does.
        width: Number of columns.
        error: The library's own exception.
    """
    rows = probe_rows(width)
    parts = [rows, *(rows[at : at + 1] for at in range(len(rows)))]
    try:
        score = direct()
        if all(same_bits(score(part), usual(part)) for part in parts):
            return score
    except (AttributeError, ValueError, error) as failure:
        logger.debug("the library is not called directly: %s", failure)
    return usual


def same_bits(one: Values, other: Values) -> bool:
    """Whether two results are of one type and shape, and of the same bits."""
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )


def two_columns(chances: Values) -> Values:
    """Return (n_rows, 2) chances from the (n_rows,) of class 1; faster than stacking."""
    both = np.empty((len(chances), 2), chances.dtype)
    both[:, 1] = chances
    np.subtract(1, chances, out=both[:, 0])
    return both


def softmax(margins: Values) -> Values:
    """Return (n_rows, n_classes) chances from the margins of each class."""
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
