"""Libraries that are imported when something of them is first used.

pandas and SciPy take half a second and 50 MB. Rows of numbers that go from bytes to a booster need
neither; a hook, a sparse matrix or a column of text does. YAML takes a third of `--version`.

A module that takes its library from here must not use it while it is itself imported: types in
signatures stay text (`from __future__ import annotations`), and a value is asked whether it is a
DataFrame only where it may be one.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["pd", "sparse", "yaml"]


class _Later(ModuleType):
    """Stands for a module; safe for several threads, as importing is."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


if TYPE_CHECKING:  # their types are known without importing them
    import pandas as pd
    import yaml
    from scipy import sparse
else:
    pd = _Later("pandas")
    sparse = _Later("scipy.sparse")
    yaml = _Later("yaml")
