"""Libraries that are imported when something of them is first used.

pandas and SciPy take half a second and 50 MB. Rows of numbers that go from bytes to a booster need
neither; a hook, a sparse matrix or a column of text does. YAML takes a third of `--version`. A hook
that has metrics of its own sets where Prometheus' client keeps them before it is imported.

A module that takes its library from here must not use it while it is itself imported: types in
signatures stay text (`from __future__ import annotations`), and a value is asked whether it is a
DataFrame only where it may be one.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

Value = TypeVar("Value")
_Self = TypeVar("_Self", bound="cached[Any]")


class cached(Generic[Value]):  # noqa: N801 - as functools.cached_property is written
    """A property whose value stays with its object.

    As `functools.cached_property`, whose objects of one class wait for each other on Python 3.11:
    one request's large body was read while those of all other requests of the worker waited.
    Two threads that ask the same object for the first time both compute.

    Args:
        compute: The method that gives the value.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self: _Self, instance: None, owner: type) -> _Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object, owner: type) -> Any:
        """Compute the value, and keep it where Python looks before it asks here."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


__all__ = ["metrics_core", "np", "openmetrics", "pd", "prometheus_text", "scipy_io", "sparse"]
__all__ += ["yaml"]


class _Later(ModuleType):
    """Stands for a module; safe for several threads, as importing is."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


if TYPE_CHECKING:  # their types are known without importing them
    import numpy as np
    import pandas as pd
    import yaml
    from prometheus_client import exposition as prometheus_text
    from prometheus_client import metrics_core
    from prometheus_client.openmetrics import exposition as openmetrics
    from scipy import io as scipy_io
    from scipy import sparse
else:
    prometheus_text = _Later("prometheus_client.exposition")
    metrics_core = _Later("prometheus_client.metrics_core")
    openmetrics = _Later("prometheus_client.openmetrics.exposition")
    np = _Later("numpy")
    pd = _Later("pandas")
    scipy_io = _Later("scipy.io")
    sparse = _Later("scipy.sparse")
    yaml = _Later("yaml")
