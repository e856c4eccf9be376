"""A booster by its handle: its configuration, and its predictions for dense rows."""

import ctypes
import json
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from weakref import finalize

from drum_like.api import Column, DataType, Matrix, Schema

# Relative: type checkers know this package under its folder's name.
from ..native_calls import Scorer, Values, array_interface, checked_scorer
from .native_library import (
    DenseCall,
    Functions,
    PredictConfig,
    ResultBuffer,
    XGBoostError,
    copy_result,
    library,
)

WORK_OF_ONE_THREAD = 1 << 20
"""Rows times trees up to which a second thread costs more, on a busy machine, than it saves.

300 trees: 3,500 rows, or some 10 ms.
"""

_P, _S = ctypes.c_void_p, ctypes.c_char_p
_SIGNATURES = {
    "XGBoosterCreate": (_P, ctypes.c_uint64, _P),
    "XGBoosterFree": (_P,),
    "XGBoosterGetAttr": (_P, _S, _P, _P),
    "XGBoosterGetNumFeature": (_P, _P),
    "XGBoosterGetStrFeatureInfo": (_P, _S, _P, _P),
    "XGBoosterLoadModel": (_P, _S),
    "XGBoosterPredictFromDMatrix": (_P, _P, _S, _P, _P, _P),
    "XGBoosterSaveJsonConfig": (_P, _P, _P),
    "XGBoosterSetParam": (_P, _S, _S),
    "XGDMatrixCreateFromDense": (_S, _S, _P),
    "XGDMatrixFree": (_P,),
}

_STORED = {"int": DataType.INT64, "c": DataType.INT64, "i": DataType.BOOL}
"""Types of the training data by a booster's feature types; "c" without categories is codes."""


class Booster:
    """A booster.

    Args:
        handle: The library's.
        owner: The object of the Python package that the handle belongs to, which is kept; None for
            a handle of one's own.
        from_file: Whether it was read from a file, where it may be that of an estimator.
    """

    def __init__(self, handle: Any, owner: Any = None, *, from_file: bool = False) -> None:
        self._functions = _functions()
        self._owner = owner
        self._from_file = from_file
        self.handle = handle
        if owner is None:
            finalize(self, self._functions["XGBoosterFree"], handle).atexit = False

    @staticmethod
    def read(path: Path) -> "Booster":
        """Read a file that `save_model` wrote as JSON or UBJSON.

        Raises:
            XGBoostError: it is none.
        """
        handle = ctypes.c_void_p()
        functions = _functions()
        functions.call("XGBoosterCreate", None, 0, ctypes.addressof(handle))
        booster = Booster(handle, from_file=True)
        functions.call("XGBoosterLoadModel", handle, str(path).encode())
        return booster

    @cached_property
    def learner(self) -> dict[str, Any]:
        """The booster's configuration, once the booster is ready to predict.

        Reading the configuration completes it, which the first prediction would otherwise do, in
        several threads at once. The number of threads that a pickled booster was trained with says
        nothing about the machine that serves it: OMP_NUM_THREADS does.
        """
        learner = self._learner()
        if int(learner["generic_param"]["nthread"]) == 0:
            return learner
        self._functions.call("XGBoosterSetParam", self.handle, b"nthread", b"0")
        return self._learner()

    @cached_property
    def of_estimator(self) -> bool:
        """Whether an estimator of xgboost.sklearn saved it, which reads its file otherwise.

        `save_model` of an estimator leaves a mark. A booster that a program made of such a file is
        one like any other: `Booster.predict` pays no attention to the mark.
        """
        return self._from_file and self.attribute("scikit_learn") is not None

    @cached_property
    def rounds(self) -> tuple[int, int]:
        """The boosting rounds that predict: of an estimator's file up to the best, if it has one.

        That is what the estimator does after `load_model`; `Booster.predict` takes all rounds.
        """
        best = self.attribute("best_iteration") if self.of_estimator else None
        if best is None or self.learner["gradient_booster"]["name"] == "gblinear":
            return (0, 0)
        return (0, int(best) + 1)

    @property
    def objective(self) -> str:
        """Name of the objective."""
        return str(self.learner["objective"]["name"])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        found = ctypes.c_uint64()
        self._functions.call("XGBoosterGetNumFeature", self.handle, ctypes.addressof(found))
        return found.value

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, empty without."""
        return self._info(b"feature_name")

    @property
    def types(self) -> tuple[str, ...]:
        """Types of the columns as XGBoost spells them, empty without."""
        return self._info(b"feature_type")

    @property
    def n_targets(self) -> int:
        """How many targets are predicted at once."""
        return int(self.learner["learner_model_param"].get("num_target", 1))

    @property
    def schema(self) -> Schema:
        """The columns, categories as integer codes."""
        names = self.names
        types = self.types or [""] * self.n_columns
        shown = names or [str(position) for position in range(self.n_columns)]
        columns = tuple(
            Column(name, stored=_STORED.get(types[at])) for at, name in enumerate(shown)
        )
        return Schema(columns, named=bool(names))

    @property
    def in_place(self) -> bool:
        """Whether it predicts rows as they lie in memory.

        Linear boosters cannot, and dart adds up its trees in another order.
        """
        return bool(self.learner["gradient_booster"]["name"] == "gbtree")

    @property
    def on_cpu(self) -> bool:
        """Whether it predicts on the CPU."""
        return bool(self.learner["generic_param"]["device"] == "cpu")

    @property
    def n_trees(self) -> int:
        """Number of trees, 0 of a booster that does not predict in place."""
        trees = self.learner["gradient_booster"]
        return int(trees["gbtree_model_param"]["num_trees"]) if self.in_place else 0

    def attribute(self, name: str) -> str | None:
        """Return a text that the booster carries, None if it does not."""
        text, found = ctypes.c_char_p(), ctypes.c_int()
        outputs = (ctypes.addressof(text), ctypes.addressof(found))
        self._functions.call("XGBoosterGetAttr", self.handle, name.encode(), *outputs)
        return (text.value or b"").decode() if found.value else None

    def predict_dmatrix(self, matrix: Matrix, config: PredictConfig) -> Values:
        """Return the booster's predictions for a DMatrix of these rows.

        Args:
            matrix: (n_rows, n_columns) float64.
            config: The settings.

        Returns:
            float32: (n_rows,) or (n_rows, n_outputs); of contributions (n_rows, n_columns + 1) or
            (n_rows, n_outputs, n_columns + 1), with the bias last.

        Raises:
            XGBoostError: the library refuses the rows; infinite cells, for one.
        """
        source = json.dumps({"missing": config.missing, "nthread": 0}).encode()
        rows, call = ctypes.c_void_p(), self._functions.call
        call("XGDMatrixCreateFromDense", array_interface(matrix), source, ctypes.addressof(rows))
        try:
            settings, result = config.to_json(), ResultBuffer()
            call("XGBoosterPredictFromDMatrix", self.handle, rows, settings, *result.outputs())
            return copy_result(result)
        finally:
            call("XGDMatrixFree", rows)

    def _learner(self) -> dict[str, Any]:
        length, text = ctypes.c_uint64(), ctypes.c_char_p()
        outputs = (ctypes.addressof(length), ctypes.addressof(text))
        self._functions.call("XGBoosterSaveJsonConfig", self.handle, *outputs)
        return dict(json.loads(text.value or b"")["learner"])

    def _info(self, field: bytes) -> tuple[str, ...]:
        length, texts = ctypes.c_uint64(), ctypes.POINTER(ctypes.c_char_p)()
        outputs = (ctypes.addressof(length), ctypes.addressof(texts))
        self._functions.call("XGBoosterGetStrFeatureInfo", self.handle, field, *outputs)
        return tuple((texts[at] or b"").decode() for at in range(length.value))


def scorer(booster: Booster, config: PredictConfig, work: int = WORK_OF_ONE_THREAD) -> Scorer:
    """Return the function from (n_rows, n_columns) float64 to the booster's predictions.

    They are those of the Python package's `inplace_predict`, bit for bit, which a DMatrix of the
    same rows gives, too. Safe for several threads at once. Up to `work`, rows times trees, a call
    keeps to its own thread, beyond that it takes as many as there are CPUs for it (`api.CPUS`).

    Where this library's calls are not as expected, found by comparing a few rows, rows go through
    a DMatrix.
    """
    max_rows, width = work // max(1, booster.n_trees), booster.n_columns
    return checked_scorer(
        lambda: DenseCall(booster, booster.handle, width, max_rows, config),
        lambda matrix: booster.predict_dmatrix(matrix, config),
        width,
        XGBoostError,
    )


@cache
def _functions() -> Functions:
    return Functions(library(), _SIGNATURES)
