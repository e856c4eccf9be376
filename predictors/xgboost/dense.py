"""Dense rows straight through libxgboost: as `Booster.inplace_predict`, in half the time.

The Python wrapper inspects its data, writes the same JSON again, and makes a class for each answer;
without a proxy DMatrix of the caller's, the library makes one for each call, which reads the
control group's files. For one row, 30 columns and 300 trees that is 0.31 ms against 0.14 (XGBoost
3.2, of which the library's own walk over the trees is 0.1; later versions do without it).

Source of the calls: XGBoost's documentation of its C API, XGBoosterPredictFromDense.
"""

import ctypes
import logging
from typing import Any

import numpy as np

from drum_like.api import Matrix

# Relative: type checkers know this package under its folder's name.
from .._shared.native_calls import Scorer, Threads, Values, array_interface, probe_rows, same_bits
from .booster import Booster, Question, copied
from .shared_library import Answer, Functions, XGBoostError, library

logger = logging.getLogger(__name__)

WORK_OF_ONE_THREAD = 1 << 20
"""Rows times trees up to which a second thread costs more, on a busy machine, than it saves.

300 trees: 3,500 rows, or some 10 ms.
"""

_P, _S = ctypes.c_void_p, ctypes.c_char_p
_PREDICT = "XGBoosterPredictFromDense"
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    _PREDICT: (_P, _S, _S, _P, _P, _P, _P),
    "XGProxyDMatrixCreate": (_P,),
    "XGDMatrixFree": (_P,),
}


def scorer(booster: Booster, question: Question, work: int = WORK_OF_ONE_THREAD) -> Scorer:
    """Return a function that gives the booster's answer for (n_rows, n_columns) float64.

    That is `inplace_predict` of the Python package, bit for bit; for a DMatrix of the same rows it
    is the same. Safe for several threads at once. Up to `work`, rows times trees, a call keeps to
    its own thread, beyond that it takes as many as there are CPUs for it (`api.CPUS`).

    Where this library's calls are not as expected, found by comparing a few rows, rows go through
    a DMatrix.
    """

    def by_dmatrix(matrix: Matrix) -> Values:
        return booster.of_dmatrix(matrix, question)

    try:
        direct = _Dense(booster, question, work)
        rows = probe_rows(booster.n_columns)
        parts = [rows, *(rows[at : at + 1] for at in range(len(rows)))]
        if all(same_bits(direct(part), by_dmatrix(part)) for part in parts):
            return direct
    except (AttributeError, ValueError, XGBoostError) as error:
        logger.debug("rows go through a DMatrix: %s", error)
    return by_dmatrix


class _Slot:
    """Resources of one call at a time: a proxy that carries the rows, and room for the answer."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self.answer = Answer()
        self.outputs = self.answer.outputs()
        proxy = ctypes.c_void_p()
        functions.call("XGProxyDMatrixCreate", ctypes.addressof(proxy))
        self.proxy = proxy

    def __del__(self) -> None:
        proxy = getattr(self, "proxy", None)
        if proxy is not None:
            self._functions["XGDMatrixFree"](proxy)


class _Dense:
    """A tree booster on the CPU, called for dense rows."""

    def __init__(self, booster: Booster, question: Question, work: int) -> None:
        self._booster = booster  # keeps the handle alive
        self._handle = booster.handle
        self._width = booster.n_columns
        self._most_rows = work // max(1, booster.n_trees)
        self._functions = Functions(library(), _SIGNATURES)
        self._predict_from = self._functions[_PREDICT]
        self._threads = Threads(library())
        self._slots: list[_Slot] = []
        self._config = question.config(missing=question.missing, cache_id=0)

    def __call__(self, matrix: Matrix) -> Values:
        """Return (n_rows,) or (n_rows, n_outputs) float32."""
        if matrix.ndim != 2 or matrix.shape[1] != self._width or matrix.dtype != np.float64:
            raise ValueError(f"(n_rows, {self._width}) float64 expected, found {matrix.shape}")
        if matrix.shape[0] > self._most_rows:
            return self._threads.together(self._predict, matrix)
        return self._threads.alone(self._predict, matrix)

    def _predict(self, matrix: Matrix) -> Values:
        rows = array_interface(matrix)
        try:
            slot = self._slots.pop()
        except IndexError:
            slot = _Slot(self._functions)
        try:
            code = self._predict_from(self._handle, rows, self._config, slot.proxy, *slot.outputs)
            self._functions.check(code)
            return copied(slot.answer)
        finally:
            self._slots.append(slot)
