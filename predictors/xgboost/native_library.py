"""libxgboost without the Python package around it: its functions, their settings and results.

`import xgboost` brings pandas, SciPy and scikit-learn along: a second and 120 MB that predicting
dense rows has no use for. Where the package is imported already, its library is this one.

Source of the calls: XGBoost's documentation of its C API, XGBoosterPredictFromDense above all.
"""

import ctypes
import json
import logging
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from drum_like.api import Matrix

# Relative: type checkers know this package under its folder's name.
from ..native_calls import Threads, Values, array_interface, function

logger = logging.getLogger(__name__)
_P, _S = ctypes.c_void_p, ctypes.c_char_p
_FILES = ("libxgboost.so", "libxgboost.dylib")
_PREDICT = "XGBoosterPredictFromDense"
_DENSE_SIGNATURES: dict[str, tuple[Any, ...]] = {
    _PREDICT: (_P, _S, _S, _P, _P, _P, _P),
    "XGProxyDMatrixCreate": (_P,),
    "XGDMatrixFree": (_P,),
}
VALUE, MARGIN, CONTRIBUTIONS = 0, 1, 2
"""Kinds of result, as the library numbers them."""


class XGBoostError(Exception):
    """The library refused a call."""


@cache
def library() -> Any:
    """Return the library that the package would load, or has loaded.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    path = None if "xgboost.core" in sys.modules else _path()
    if path is None:
        return import_module("xgboost.core")._LIB  # noqa: SLF001 - boosters of it live in there
    found = ctypes.CDLL(str(path))
    _log(found)
    return found


def _path() -> Path | None:
    """Return where wheels have the library; None if the package is not from a wheel, or absent."""
    spec = find_spec("xgboost")
    folders = () if spec is None else spec.submodule_search_locations or ()
    paths = (Path(folder) / "lib" / name for folder in folders for name in _FILES)
    return next((path for path in paths if path.is_file()), None)


def _log(found: Any) -> None:
    """Send the library's messages to the log; by default it writes them to standard error."""
    kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
    found.callback = kind(lambda text: logger.warning(text.decode(errors="replace").strip()))
    function(found, "XGBRegisterLogCallback", ctypes.c_int, kind)(found.callback)


class Functions:
    """Functions of the library that give a code, by name.

    Args:
        library: The library that has them.
        signatures: The types of their arguments.

    Raises:
        AttributeError: there is no such function.
    """

    def __init__(self, library: Any, signatures: dict[str, tuple[Any, ...]]) -> None:
        self._error = function(library, "XGBGetLastError", ctypes.c_char_p)
        self._by_name = {
            name: function(library, name, ctypes.c_int, *arguments)
            for name, arguments in signatures.items()
        }

    def __getitem__(self, name: str) -> Any:
        """Return a function to call over and over; pass each result to `check`."""
        return self._by_name[name]

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function once.

        Raises:
            XGBoostError: it failed.
        """
        self.check(self._by_name[name](*arguments))

    def check(self, code: int) -> None:
        """Raise XGBoostError if a call failed."""
        if code:
            raise XGBoostError(self._error().decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class PredictConfig:
    """Settings of a prediction: the kind of result, and the rounds.

    Attributes:
        kind: VALUE, MARGIN (the value without the objective's last step) or CONTRIBUTIONS.
        rounds: Half-open range of boosting rounds; (0, 0) is all of them.
        missing: The number that means a missing value, besides NaN.
    """

    kind: int = VALUE
    rounds: tuple[int, int] = (0, 0)
    missing: float = np.nan

    def to_json(self, **more: Any) -> bytes:
        """Return the settings as the library's functions take them, with the extra keys of some."""
        settings = {
            "type": self.kind,
            "training": False,
            "iteration_begin": self.rounds[0],
            "iteration_end": self.rounds[1],
            "strict_shape": False,
        }
        return json.dumps(settings | more).encode()


class ResultBuffer(ctypes.Structure):
    """Result struct of the library: addresses of shape and values, and number of dimensions."""

    _fields_ = (
        ("shape", ctypes.POINTER(ctypes.c_uint64)),
        ("n_dimensions", ctypes.c_uint64),
        ("values", ctypes.c_void_p),
    )

    def outputs(self) -> tuple[int, int, int]:
        """Return the addresses of the three, as the library takes them."""
        start = ctypes.addressof(self)
        fields: Any = ResultBuffer
        return (
            start + fields.shape.offset,
            start + fields.n_dimensions.offset,
            start + fields.values.offset,
        )


def copy_result(result: ResultBuffer) -> Values:
    """Return a result in memory of its own; the library's is of use until the next call."""
    values = np.empty(result.shape[: result.n_dimensions], dtype=np.float32)
    place = values.__array_interface__["data"][0]  # `address` would be a call more for each row
    ctypes.memmove(place, result.values, values.nbytes)
    return values


class _Slot:
    """Resources of one call at a time: a proxy that carries the rows, and room for the result."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self.result = ResultBuffer()
        self.outputs = self.result.outputs()
        proxy = ctypes.c_void_p()
        functions.call("XGProxyDMatrixCreate", ctypes.addressof(proxy))
        self.proxy = proxy

    def __del__(self) -> None:
        proxy = getattr(self, "proxy", None)
        if proxy is not None:
            self._functions["XGDMatrixFree"](proxy)


class DenseCall:
    """The call of a tree booster on the CPU for dense rows.

    For one row, 30 columns and 300 trees that is 0.14 ms, against 0.31 by the Python wrapper
    (XGBoost 3.2, of which the library's own walk over the trees is 0.1). The wrapper inspects its
    data, writes the same JSON again, and makes a class for each result; without a proxy DMatrix of
    the caller's, the library makes one for each call, which reads the control group's files (later
    versions do without it).

    Args:
        owner: The booster of the handle, which is kept.
        handle: The library's.
        width: Number of columns.
        max_rows: Rows up to which a call keeps to its own thread.
        config: The settings.

    Raises:
        AttributeError: the library has no such function.
    """

    def __init__(
        self, owner: Any, handle: Any, width: int, max_rows: int, config: PredictConfig
    ) -> None:
        self._owner = owner
        self._handle = handle
        self._width = width
        self._max_rows = max_rows
        self._functions = Functions(library(), _DENSE_SIGNATURES)
        self._predict_from = self._functions[_PREDICT]
        self._threads = Threads(library())
        self._slots: list[_Slot] = []
        self._config = config.to_json(missing=config.missing, cache_id=0)

    def __call__(self, matrix: Matrix) -> Values:
        """Return (n_rows,) or (n_rows, n_outputs) float32."""
        if matrix.ndim != 2 or matrix.shape[1] != self._width or matrix.dtype != np.float64:
            raise ValueError(f"(n_rows, {self._width}) float64 expected, found {matrix.shape}")
        if matrix.shape[0] > self._max_rows:
            return self._threads.parallel(self._predict, matrix)
        return self._threads.single(self._predict, matrix)

    def _predict(self, matrix: Matrix) -> Values:
        rows = array_interface(matrix)
        try:
            slot = self._slots.pop()
        except IndexError:
            slot = _Slot(self._functions)
        try:
            code = self._predict_from(self._handle, rows, self._config, slot.proxy, *slot.outputs)
            self._functions.check(code)
            return copy_result(slot.result)
        finally:
            self._slots.append(slot)
