"""One dense row straight through LightGBM's library: as `Booster.predict`, in a third of the time.

For every call `Booster.predict` makes an object, asks the library for the size of the answer, and
has it read several hundred parameters; the library then wakes its threads for one row. 300 trees of
31 leaves and 30 columns: 0.05 ms with one thread, 0.09 with two, against 0.015.

Source of the calls: LightGBM's documentation of its C API,
LGBM_BoosterPredictForMatSingleRowFast.
"""

import ctypes
import logging
from functools import partial
from typing import Any

import lightgbm as lgb
import numpy as np

from drum_like.api import Matrix

# Relative: type checkers know this package under its folder's name.
from .._shared.native_calls import Scorer, Threads, Values, address, function, probe_rows, same_bits

logger = logging.getLogger(__name__)

WORK_OF_ONE_THREAD = 1 << 18
"""Rows times trees up to which a second thread costs more, on a busy machine, than it saves.

300 trees: 870 rows, or some 10 ms.
"""

_NORMAL, _RAW, _FLOAT64 = 0, 1, 1  # C_API_PREDICT_NORMAL and _RAW_SCORE, C_API_DTYPE_FLOAT64


def scorer(booster: lgb.Booster, *, raw: bool = False) -> Scorer:
    """Return a function equal to `booster.predict` of (n_rows, n_columns) float64, bit for bit.

    With `raw` it gives the raw score. Safe for several threads at once. Up to WORK_OF_ONE_THREAD a
    call keeps to its own thread, beyond that it takes as many as there are CPUs for it
    (`api.CPUS`).

    Where the library's calls are not as expected, found by comparing a few rows, it is `predict`
    itself.
    """

    def wrapped(matrix: Matrix) -> Values:
        return np.asarray(booster.predict(matrix, raw_score=raw))

    try:
        direct = _Rows(booster, wrapped, _RAW if raw else _NORMAL)
        rows = probe_rows(booster.num_feature())
        parts = [rows, *(rows[at : at + 1] for at in range(len(rows)))]
        if all(same_bits(direct(part), wrapped(part)) for part in parts):
            return direct
    except (AttributeError, ValueError, lgb.basic.LightGBMError) as error:
        logger.debug("LightGBM's library is not called directly: %s", error)
    return wrapped


class _Functions:
    """The functions of LightGBM's library, with signatures of our own.

    Raises:
        AttributeError: there is no such function.
    """

    def __init__(self, library: Any) -> None:
        pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
        prepare = (pointer, number, number, number, number, ctypes.c_int32, text, pointer)
        name = "LGBM_BoosterPredictForMatSingleRowFast"
        self.prepare = function(library, f"{name}Init", number, *prepare)
        self.predict = function(library, name, number, pointer, pointer, pointer, pointer)
        self.free = function(library, "LGBM_FastConfigFree", number, pointer)
        self.error = function(library, "LGBM_GetLastError", text)

    def check(self, code: int) -> None:
        """Raise LightGBMError if a call failed."""
        if code:
            raise lgb.basic.LightGBMError(self.error().decode(errors="replace"))


class _Slot:
    """Resources of one call at a time: the library's own preparation, room for row and answer.

    To ask for the address of an array takes as long as to copy its row, so it is asked for once.

    Attributes:
        row: (1, n_columns) float64, to write to before a call.
        values: Output of the call, as `like`.
    """

    def __init__(
        self, functions: _Functions, booster: lgb.Booster, kind: int, like: Values
    ) -> None:
        self._free = functions.free
        self.handle: ctypes.c_void_p | None = None
        self._count = ctypes.c_int64()
        self.row = np.empty((1, booster.num_feature()))
        self.values = np.empty_like(like, order="C")
        handle = ctypes.c_void_p()
        functions.check(
            functions.prepare(
                booster._handle,  # noqa: SLF001 - the library's functions take nothing else
                kind,
                0,
                booster.best_iteration,
                _FLOAT64,
                booster.num_feature(),
                b"",
                ctypes.addressof(handle),
            )
        )
        self.handle = handle
        places = (address(self.row), ctypes.addressof(self._count), address(self.values))
        self.predict = partial(functions.predict, handle, *map(ctypes.c_void_p, places))

    def __del__(self) -> None:
        if self.handle is not None:
            self._free(self.handle)


class _Rows:
    """A booster; one row goes straight to the library."""

    def __init__(self, booster: lgb.Booster, wrapped: Scorer, kind: int) -> None:
        self._booster = booster  # keeps the handle alive
        self._wrapped = wrapped
        self._kind = kind
        self._width = booster.num_feature()
        self._most_rows = WORK_OF_ONE_THREAD // max(1, booster.num_trees())
        library = lgb.basic._LIB  # type: ignore[attr-defined]  # noqa: SLF001 - the library that the booster lives in
        self._functions = _Functions(library)
        self._threads = Threads(library)
        self._slots: list[_Slot] = []
        self._like = wrapped(np.zeros((1, self._width)))

    def __call__(self, matrix: Matrix) -> Values:
        """Return (n_rows,) or (n_rows, n_outputs) float64."""
        if matrix.ndim != 2 or matrix.shape[1] != self._width or matrix.dtype != np.float64:
            raise ValueError(f"(n_rows, {self._width}) float64 expected, found {matrix.shape}")
        if matrix.shape[0] == 1:
            return self._one(matrix)
        if matrix.shape[0] > self._most_rows:
            return self._threads.together(self._wrapped, matrix)
        return self._threads.alone(self._wrapped, matrix)

    def _one(self, row: Matrix) -> Values:
        try:
            slot = self._slots.pop()
        except IndexError:
            slot = _Slot(self._functions, self._booster, self._kind, self._like)
        try:
            slot.row[...] = row
            self._functions.check(slot.predict())
            return slot.values.copy()
        finally:
            self._slots.append(slot)
