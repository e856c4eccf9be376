"""Metadata of models: the tensors in and out, in the protocol's form and in Triton's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drum_like.contracts.open_inference.datatypes import BYTES, DATATYPES, FP64
from drum_like.contracts.open_inference.infer_response import Output, outputs_of
from drum_like.inference.service import Service
from drum_like.types.column import Column, DataType
from drum_like.types.schema import Schema

MATRIX = "input-0"
"""Name of the tensor of all columns."""

_OPEN = -1
"""A size that may be any."""

_DATATYPES = {
    DataType.BOOL: "BOOL",
    DataType.INT32: "INT32",
    DataType.INT64: "INT64",
    DataType.FLOAT32: "FP32",
    DataType.FLOAT64: FP64,
}


@dataclass(frozen=True, slots=True)
class _Input:
    """A tensor that a model takes: its name, its datatype and the sizes behind that of the rows."""

    name: str
    datatype: str
    sizes: tuple[int, ...] = ()


def metadata(service: Service, versions: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of a model.

    Args:
        service: The model.
        versions: All versions of it.
    """
    return {
        "name": service.info.name,
        "versions": versions,
        "platform": _platform(service),
        "inputs": [_tensor(one) for one in _inputs(service.inputs)],
        "outputs": [_output(one) for one in outputs_of(service.target)],
    }


def configuration(service: Service) -> dict[str, Any]:
    """Return the configuration of a model in Triton's form; rows are a size like any other."""
    platform = _platform(service)
    return {
        "name": service.info.name,
        "platform": platform,
        "backend": platform,
        "max_batch_size": 0,
        "input": [_configured(one) for one in _inputs(service.inputs)],
        "output": [_configured(one) for one in outputs_of(service.target)],
    }


def _platform(service: Service) -> str:
    return service.info.framework or "python"


def _tensor(one: _Input | Output) -> dict[str, Any]:
    return {"name": one.name, "datatype": one.datatype, "shape": [_OPEN, *one.sizes]}


def _output(one: Output) -> dict[str, Any]:
    return {**_tensor(one), **({"parameters": one.parameters} if one.labels else {})}


def _configured(one: _Input | Output) -> dict[str, Any]:
    kind = DATATYPES[one.datatype].config
    return {"name": one.name, "data_type": kind, "dims": [_OPEN, *one.sizes]}


def _inputs(known: Schema | None) -> Sequence[_Input]:
    """Return one tensor of all columns where they are of one type, else one a column."""
    if known is None:
        return (_Input(MATRIX, FP64, (_OPEN,)),)
    datatypes = {_datatype(column) for column in known.columns}
    if len(datatypes) == 1:
        return (_Input(MATRIX, datatypes.pop(), (len(known.columns),)),)
    return [_Input(column.name, _datatype(column)) for column in known.columns]


def _datatype(column: Column) -> str:
    """Return the datatype of a column; numbers may be missing unless they are whole."""
    is_float = column.kind == "number" and not column.exact and not column.dtype.is_float
    return FP64 if is_float else _DATATYPES.get(column.dtype, BYTES)
