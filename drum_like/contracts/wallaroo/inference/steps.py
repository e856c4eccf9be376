"""A model version as one step of a pipeline: columns in, columns out."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

from drum_like.api import Tensor
from drum_like.contracts.wallaroo.inference import outputs
from drum_like.contracts.wallaroo.inference.arrow_cells import cast, is_list, values_of
from drum_like.contracts.wallaroo.inference.inputs import Input, chosen, declared
from drum_like.errors import ColumnsError, PayloadError
from drum_like.inference.service import Service
from drum_like.inference.tensors import Tensors
from drum_like.store.entities import Config
from drum_like.system.lazy import pd
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.frame import Frame, NativeFrame


class Step(Protocol):
    """Turns the columns of a request into the columns of its answer, row by row."""

    def check(self) -> None:
        """Refuse a configuration that cannot be that of the model.

        Raises:
            ColumnsError: it has other inputs or outputs.
        """

    def run(self, table: pa.Table) -> pa.Table:
        """Return the outputs, one row for each row of the table.

        Raises:
            RequestError: the caller's fault.
            ScoringError: the model's.
        """


def step_of(service: Service, config: Config | None) -> Step:
    """Return a model as a step under a configuration."""
    tensors = service.tensors
    if tensors is not None:
        return _TensorStep(tensors, config)
    return _FrameStep(service, config)


@dataclass(frozen=True, slots=True)
class _TensorStep:
    """A model with named tensors: each input is a column, each output a column of lists."""

    tensors: Tensors
    config: Config | None

    def check(self) -> None:
        """Refuse other inputs than the model's."""
        self._inputs()

    def run(self, table: pa.Table) -> pa.Table:
        """Return the outputs as lists, each row's values flattened."""
        pairs = self._inputs()
        strict = self.config is not None and self.config.input_schema is not None
        columns = chosen(table, tuple(one for one, _ in pairs), strict=strict)
        feeds = {
            tensor.name: _fed(column, tensor, one.sent)
            for (one, tensor), column in zip(pairs, columns, strict=True)
        }
        return outputs.of_tensors(self.tensors.run(feeds), table.num_rows, self.config)

    def _inputs(self) -> list[tuple[Input, Tensor]]:
        """Return each input as callers see it beside the tensor that it feeds."""
        tensors = self.tensors.inputs
        inputs = declared(self.config, tuple(tensor.name for tensor in tensors))
        if len(inputs) != len(tensors):
            raise ColumnsError(
                f"the input schema has {len(inputs)} fields, and the model {len(tensors)} inputs"
            )
        by_name = {tensor.name: tensor for tensor in tensors}
        if by_name.keys() == {one.name for one in inputs}:
            return [(one, by_name[one.name]) for one in inputs]
        return list(zip(inputs, tensors, strict=True))


def _fed(column: pa.Array, tensor: Tensor, name: str) -> NDArray[Any]:
    """Return a column in the shape and type of a tensor."""
    values = cast(values_of(column, name), tensor.dtype, name)
    sizes = tensor.shape[1:]  # a fixed number of rows is fed in blocks
    open_sizes = sum(size is None for size in sizes)
    found = values.shape[1:]
    fits = len(found) == len(sizes) and all(
        size in (None, there) for size, there in zip(sizes, found, strict=True)
    )
    if fits:
        return values
    # Callers may send a tensor flat, and a scalar for a list of one.
    per_row = int(np.prod(found, dtype=np.int64))
    if open_sizes == 0 and per_row == int(np.prod([s or 1 for s in sizes], dtype=np.int64)):
        return values.reshape(len(values), *[size or 1 for size in sizes])
    raise PayloadError(
        f"the cells of column {name[:100]!r} are of shape {list(found)}, and the model takes "
        f"{[size or 'any' for size in sizes]}"
    )


@dataclass(frozen=True, slots=True)
class _FrameStep:
    """Any other model: the columns are a frame, or one column holds whole rows as lists."""

    service: Service
    config: Config | None

    def check(self) -> None:
        """Refuse a schema that is wider or narrower than the model, or lacks a column of it."""
        schema = self.service.schema
        inputs = self._inputs()
        if schema is None or not inputs or any(one.type is None for one in inputs):
            return
        kinds = [one.type for one in inputs if one.type is not None]
        width = sum(_width(kind) for kind in kinds)
        if all(_width(kind) for kind in kinds) and width != len(schema.columns):
            raise ColumnsError(
                f"the input schema has {width} columns, and the model {len(schema.columns)}"
            )
        missing = {column.name for column in schema.columns} - {one.name for one in inputs}
        if schema.named and missing and not any(map(is_list, kinds)):
            raise ColumnsError(f"the input schema lacks the model's columns {sorted(missing)[:10]}")

    def run(self, table: pa.Table) -> pa.Table:
        """Return the model's predictions under the names of the output schema."""
        prediction = self.service.predict(self._frame(table))
        return outputs.of_prediction(prediction, self.service.target, self.config)

    @property
    def _has_schema(self) -> bool:
        return self.config is not None and self.config.input_schema is not None

    def _inputs(self) -> tuple[Input, ...]:
        """Return the inputs; one name beside a model of several columns means whole rows."""
        schema = self.service.schema
        names = schema.names if schema is not None and schema.named else ()
        fields = None if self.config is None else self.config.tensor_fields
        if fields is not None and len(fields) == 1 and not self._has_schema:
            return (Input(fields[0], names[0] if len(names) == 1 else fields[0]),)
        return declared(self.config, names)

    def _frame(self, table: pa.Table) -> Frame:
        inputs = self._inputs()
        is_declared = self.config is not None and (
            self._has_schema or self.config.tensor_fields is not None
        )
        if not inputs or (not is_declared and _holds_rows(table)):
            inputs = tuple(Input(name, name) for name in table.column_names)
        elif not is_declared and self.service.schema is not None:
            table = table.rename_columns(self.service.schema.as_known(tuple(table.column_names)))
        columns = chosen(table, inputs, strict=self._has_schema)
        values = [values_of(column, one.sent) for one, column in zip(inputs, columns, strict=True)]
        if self.service.schema is not None and any(one.ndim > 1 for one in values):
            flat = [one.reshape(len(one), -1) for one in values]
            return NativeFrame(pd.DataFrame(np.hstack(flat)))
        cells = [one if one.ndim == 1 else _objects(one) for one in values]
        return ColumnsFrame(tuple(one.name for one in inputs), cells)


def _holds_rows(table: pa.Table) -> bool:
    """Return whether the one column holds whole rows as lists."""
    return table.num_columns == 1 and is_list(table.column(0).type)


def _width(kind: pa.DataType) -> int:
    """Return the number of columns that a field stands for, 0 where it is open."""
    if not is_list(kind):
        return 1
    return kind.list_size * _width(kind.value_type) if types.is_fixed_size_list(kind) else 0


def _objects(values: NDArray[Any]) -> NDArray[Any]:
    """Return lists as cells of one column, for hooks."""
    cells = np.empty(len(values), dtype=object)
    cells[:] = values.tolist()
    return cells
