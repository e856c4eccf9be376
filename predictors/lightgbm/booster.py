"""A LightGBM booster: dense rows straight through the library, and their contributions.

For every call `Booster.predict` makes an object, asks the library for the size of the result, and
has it read several hundred parameters; the library then wakes its threads for one row. 300 trees of
31 leaves and 30 columns: 0.05 ms with one thread, 0.09 with two, against 0.015.

Source of the calls: LightGBM's documentation of its C API,
LGBM_BoosterPredictForMatSingleRowFast.
"""

import ctypes
import re
from functools import partial
from typing import Any

import lightgbm as lgb
import numpy as np

from drum_like.api import Frame, Link, Matrix, NativeFrame, Schema, Shares, Target, UnsupportedError

# Relative: type checkers know this package under its folder's name.
from ..estimators import (
    FLOAT64_TOLERANCE,
    TRAINING_ROWS,
    AdditiveModel,
    check_is_additive,
    check_link,
)
from ..native_calls import Scorer, Threads, Values, address, checked_scorer, function

_LINKS = {
    "binary": Link.LOGIT,
    "cross_entropy": Link.LOGIT,
    "multiclass": Link.SOFTMAX,
    "gamma": Link.LOG,
    "poisson": Link.LOG,
    "tweedie": Link.LOG,
    "fair": Link.IDENTITY,
    "huber": Link.IDENTITY,
    "lambdarank": Link.IDENTITY,
    "mape": Link.IDENTITY,
    "quantile": Link.IDENTITY,
    "rank_xendcg": Link.IDENTITY,
    "regression": Link.IDENTITY,
    "regression_l1": Link.IDENTITY,
}

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

    kind = _RAW if raw else _NORMAL
    return checked_scorer(
        lambda: _BoosterCall(booster, wrapped, kind),
        wrapped,
        booster.num_feature(),
        lgb.basic.LightGBMError,
    )


class BoosterRows:
    """Gives LightGBM the matrix that it would make of a DataFrame itself."""

    def __init__(self, schema: Schema) -> None:
        self._columns = schema.columns
        self._have_categories = any(column.kind == "category" for column in schema.columns)

    def matrix(self, frame: Frame) -> Matrix:
        """Return (n_rows, n_columns) float64, NaN for missing values and missing categories."""
        if not self._have_categories:
            return frame.matrix()
        data = frame.pandas
        out = np.empty(data.shape, dtype=np.float64)
        for position, column in enumerate(self._columns):
            if column.kind == "category":
                codes = data.iloc[:, position].cat.codes.to_numpy(dtype=np.float64)
                out[:, position] = np.where(codes < 0, np.nan, codes)
            else:
                out[:, position] = NativeFrame(data.iloc[:, [position]]).matrix()[:, 0]
        return out


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
    """Resources of one call at a time: the library's own preparation, room for row and result.

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


class _BoosterCall:
    """A booster; one row goes straight to the library."""

    def __init__(self, booster: lgb.Booster, wrapped: Scorer, kind: int) -> None:
        self._booster = booster  # keeps the handle alive
        self._wrapped = wrapped
        self._kind = kind
        self._width = booster.num_feature()
        self._max_rows = WORK_OF_ONE_THREAD // max(1, booster.num_trees())
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
        if matrix.shape[0] > self._max_rows:
            return self._threads.parallel(self._wrapped, matrix)
        return self._threads.single(self._wrapped, matrix)

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


def additive_model(booster: lgb.Booster, target: Target) -> AdditiveModel:
    """Return a booster's output as sums, for dense (n_rows, n_columns) float64 rows.

    Raises:
        UnsupportedError: trees of linear models, or an objective whose link is not known.
    """
    text = booster.model_to_string(num_iteration=1)
    if re.search(r"^is_linear=1$|^\[linear_tree: 1\]$", text, re.MULTILINE):
        raise UnsupportedError("LightGBM computes no contributions for trees of linear models")
    found = re.search(r"^objective=(.*)$", text, re.MULTILINE)
    name, *options = (found[1] if found else "none").split(" ")
    steepness = [float(o.partition(":")[2]) for o in options if o.startswith("sigmoid:")]
    # Log-odds are the raw score times the steepness of the sigmoid, which is 1 unless set; the raw
    # score of a random forest is the sum of its trees, where the prediction is their average.
    scale = steepness[0] if steepness else 1.0
    if re.search(r"^average_output$", text, re.MULTILINE):
        scale /= (
            booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        )
    link = None if "sqrt" in options else _LINKS.get(name)

    def contributions(rows: Matrix) -> Shares:
        margins = np.asarray(booster.predict(rows, raw_score=True)).reshape(len(rows), -1)
        shares = np.asarray(booster.predict(rows, pred_contrib=True))
        values = shares.reshape(len(rows), margins.shape[1], -1)
        return Shares(np.moveaxis(values, 1, 0) * scale, margins.T * scale)

    checked_link = check_link(link, target, f"LightGBM's objective {name}")
    return AdditiveModel(checked_link, FLOAT64_TOLERANCE, TRAINING_ROWS, contributions)


def additive_estimator(model: Any, target: Target) -> AdditiveModel:
    """Return the output of an estimator of lightgbm.sklearn as sums, for dense rows.

    Raises:
        UnsupportedError: a class of the user's own, classes as numbers, or as `additive_model`.
    """
    is_own = type(model).__module__.startswith("lightgbm.")
    check_is_additive(model, target, is_known=is_own and not callable(model.objective_))
    return additive_model(model.booster_, target)
