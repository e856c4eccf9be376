"""The `data` of a tensor in JSON: flat, or nested as its shape says."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.contracts.open_inference.datatypes import FP16, Datatype
from drum_like.errors import PayloadError
from drum_like.types.numbers import EXACT
from drum_like.types.readers import objects

Values = NDArray[Any]
Shape = tuple[int, ...]

_Types = frozenset[type[Any]]

_NUMBERS: _Types = frozenset({int, float, type(None)})
_WHOLE: _Types = frozenset({int, float})
_EXPECTED_WHOLE = "whole numbers of 64 bits, without gaps"
_TRUTHS: _Types = frozenset({bool, int})
_TEXTS: _Types = frozenset({str, type(None)})


def read_json(data: Any, datatype: Datatype, shape: Shape, n_values: int) -> Values:
    """Return the values of a tensor, one after the other.

    Args:
        data: As sent.
        datatype: Of the values.
        shape: Of the tensor.
        n_values: The product of its sizes.

    Returns:
        (n_values,) values of the datatype; a null among floats is NaN, among texts None.

    Raises:
        PayloadError: there are more or fewer values, other lists, or values of another type.
    """
    if not isinstance(data, list):
        raise PayloadError("its data must be a list")
    values, sizes = _flat(data)
    if len(values) != n_values:
        raise PayloadError(
            f"its data have {len(values)} values, and its shape {list(shape)[:8]} has {n_values}"
        )
    if len(sizes) > 1 and not _is_alike(sizes, shape):
        raise PayloadError(
            f"the lists of its data have the sizes {list(sizes)[:8]}, and its shape is "
            f"{list(shape)[:8]}; nest them so, or send one flat list"
        )
    return _READERS[datatype.kind](values, datatype)


def _flat(data: Sequence[Any]) -> tuple[Sequence[Any], list[int]]:
    """Return the values of nested lists, and the sizes of the lists.

    Raises:
        PayloadError: lists on one level have different lengths, or values beside them.
    """
    sizes = [len(data)]
    while list in (kinds := frozenset(map(type, data))):
        lengths = set(map(len, data)) if len(kinds) == 1 else set()
        if len(lengths) != 1:
            raise PayloadError("the nested lists of its data must be of one length")
        sizes.append(lengths.pop())
        data = list(chain.from_iterable(data))
    return data, sizes


def _is_alike(sizes: Sequence[int], shape: Shape) -> bool:
    """Return whether nested lists have the sizes of a shape; ones at the end do not count."""
    return _bare(sizes) == _bare(shape)


def _bare(sizes: Sequence[int]) -> Sequence[int]:
    last = max((at for at, size in enumerate(sizes) if size != 1), default=-1)
    return list(sizes[: last + 1])


def _floats(values: Sequence[Any], datatype: Datatype) -> Values:
    if datatype.name == FP16:
        raise PayloadError("FP16 has no form in JSON; send it as a binary tensor, or FP32")
    _check_kinds(values, _NUMBERS, "numbers")
    wide = np.array(values, dtype=np.float64)
    if datatype.dtype.itemsize == 8:
        return wide
    with np.errstate(over="ignore"):
        narrow = wide.astype(datatype.dtype)
    if np.isinf(narrow).any() and not np.array_equal(np.isinf(narrow), np.isinf(wide)):
        raise _beyond(datatype)
    return narrow


def _integers(values: Sequence[Any], datatype: Datatype) -> Values:
    _check_kinds(values, _WHOLE, _EXPECTED_WHOLE)
    if float in map(type, values):
        values = [_whole(value) for value in values]
    bounds = np.iinfo(datatype.dtype)
    if min(values, default=0) < bounds.min or max(values, default=0) > bounds.max:
        raise _beyond(datatype)
    return np.array(values, dtype=datatype.dtype)


def _whole(value: float) -> int:
    """Return a number that is whole, also one that was written with a decimal point.

    Raises:
        PayloadError: it is a fraction, or so large that it may have been another one.
    """
    if isinstance(value, int):
        return value
    if not value.is_integer() or abs(value) >= EXACT:
        raise PayloadError(f"its data must be {_EXPECTED_WHOLE}")
    return int(value)


def _truths(values: Sequence[Any], datatype: Datatype) -> Values:
    expected = "true or false"
    _check_kinds(values, _TRUTHS, expected)
    if min(values, default=0) < 0 or max(values, default=0) > 1:
        raise PayloadError(f"its data must be {expected}")
    return np.array(values, dtype=datatype.dtype)


def _texts(values: Sequence[Any], _: Datatype) -> Values:
    _check_kinds(values, _TEXTS, "text")
    return objects(values)


def _check_kinds(values: Sequence[Any], known: _Types, expected: str) -> None:
    """Refuse values of other types.

    Raises:
        PayloadError: there are some; names the place of the first.
    """
    if known.issuperset(map(type, values)):
        return
    at = next(at for at, value in enumerate(values) if type(value) not in known)
    kind = _KINDS[type(values[at])]
    raise PayloadError(f"its data must be {expected}; number {at} (counted from 0) is {kind}")


_KINDS: dict[type[Any], str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number with a fraction",
    dict: "an object",
    type(None): "null",
}
"""The kinds of JSON's values, lists apart, in words for callers."""


def _beyond(datatype: Datatype) -> PayloadError:
    return PayloadError(f"its data hold a number that {datatype.name} cannot hold")


_READERS: dict[str, Callable[[Sequence[Any], Datatype], Values]] = {
    "b": _truths,
    "i": _integers,
    "u": _integers,
    "f": _floats,
    "O": _texts,
}
