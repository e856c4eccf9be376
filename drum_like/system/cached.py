"""Properties that are computed when first asked for."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

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
