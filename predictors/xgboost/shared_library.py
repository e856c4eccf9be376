"""libxgboost without the Python package around it.

`import xgboost` brings pandas, SciPy and scikit-learn along: a second and 120 MB that predicting
dense rows has no use for. Where the package is imported already, its library is this one.

Source of the calls: XGBoost's documentation of its C API.
"""

import ctypes
import logging
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Relative: type checkers know this package under its folder's name.
from .._shared.native_calls import function

logger = logging.getLogger(__name__)

_FILES = ("libxgboost.so", "libxgboost.dylib")


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


class Answer(ctypes.Structure):
    """Result struct of the library: addresses of shape and values, and number of dimensions."""

    _fields_ = (
        ("shape", ctypes.POINTER(ctypes.c_uint64)),
        ("n_dimensions", ctypes.c_uint64),
        ("values", ctypes.c_void_p),
    )

    def outputs(self) -> tuple[int, int, int]:
        """Return the addresses of the three, as the library takes them."""
        start = ctypes.addressof(self)
        fields: Any = Answer
        return (
            start + fields.shape.offset,
            start + fields.n_dimensions.offset,
            start + fields.values.offset,
        )
