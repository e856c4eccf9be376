"""Outputs of a model as columns, under the names and types that callers expect.

Tensors keep their names and become lists, a row's values flattened. Other predictions become
`predictions` and `probabilities`, as an output schema asks for them. Classes stand in the order of
the model: for two classes the negative one first.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

from drum_like.contracts.wallaroo.inference.arrow_cells import array_of, decode_schema, is_list
from drum_like.errors import TargetError
from drum_like.store.entities import Config
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType

PREDICTIONS = "predictions"
PROBABILITIES = "probabilities"

Values = NDArray[Any]

_WHOLE = re.compile(r"\s*[+-]?\d+\s*")


def of_tensors(tensors: Mapping[str, Values], n_rows: int, config: Config | None) -> pa.Table:
    """Return output tensors as columns of lists, or of the types of the output schema.

    Raises:
        TargetError: an output is not one value or list a row, or does not fit the schema.
    """
    for name, values in tensors.items():
        if values.ndim == 0 or len(values) != n_rows:
            raise TargetError(f"the model's output {name!r} does not have one entry a row")
    schema = _output_schema(config)
    if schema is None:
        columns = [_lists(name, values) for name, values in tensors.items()]
        return pa.table(
            [column for _, column in columns], schema=pa.schema([field for field, _ in columns])
        )
    named = tensors if set(schema.names) <= tensors.keys() else _renamed(tensors, schema)
    return pa.table([_typed(named[field.name], field) for field in schema], schema=schema)


def _lists(name: str, values: Values) -> tuple[pa.Field, pa.Array]:
    flat = array_of(values.reshape(len(values), -1))
    inner = pa.field("inner", flat.type.value_type, nullable=False)
    kind = pa.list_(inner)
    return pa.field(name, kind, nullable=False), flat.cast(kind)


def _renamed(tensors: Mapping[str, Values], schema: pa.Schema) -> Mapping[str, Values]:
    """Return the outputs under the names of a schema that has as many fields."""
    if len(schema) != len(tensors):
        raise TargetError(
            f"the output schema has {len(schema)} fields, and the model {len(tensors)} outputs"
        )
    return dict(zip(schema.names, tensors.values(), strict=True))


def of_prediction(prediction: Prediction, target: Target, config: Config | None) -> pa.Table:
    """Return predictions as columns: those of the output schema, or the default of the target.

    Raises:
        TargetError: the schema asks for a column that the model does not give.
    """
    parts = _Parts(prediction, target)
    schema = _output_schema(config)
    if schema is None:
        name, values = parts.default()
        column = array_of(values)
        return pa.table([column], names=[name])
    columns = [_typed(parts.column(field, schema.names), field) for field in schema]
    return pa.table(columns, schema=schema)


class _Parts:
    """The columns that a prediction can become."""

    def __init__(self, prediction: Prediction, target: Target) -> None:
        self._prediction = prediction
        self._target = target
        self._labels = _in_model_order(prediction, target)

    def default(self) -> tuple[str, Values]:
        """Return name and values of the one column without a schema."""
        if self._target.type.is_classification:
            return PROBABILITIES, self._probabilities()
        return PREDICTIONS, self._values()

    def column(self, field: pa.Field, names: list[str]) -> Values:
        """Return the values of a field of an output schema.

        A list of a classifier is its probabilities; a number under the name of a label is the
        probability of that label; a whole number or text is the class; any other number of two
        classes is the probability of the second, unless `probabilities` stands beside it.
        """
        extra = self._prediction.extra
        if extra is not None and field.name in extra.columns:
            return np.asarray(extra[field.name].to_numpy())
        if not self._target.type.is_classification:
            return self._values()
        if field.name in self._labels and field.name not in (PREDICTIONS, PROBABILITIES):
            return np.asarray(self._probabilities()[:, self._labels.index(field.name)])
        if is_list(field.type):
            return self._probabilities()
        if self._target.type is TargetType.MULTILABEL:
            raise TargetError(f"the output {field.name!r} of a multilabel model must be a list")
        wants_chance = field.name == PROBABILITIES or PROBABILITIES not in names
        if wants_chance and types.is_floating(field.type) and len(self._labels) == 2:
            return np.asarray(self._probabilities()[:, 1])
        return self._classes(field.type)

    def _values(self) -> Values:
        """Return values of a type that Arrow has; objects are numbers, or else text.

        Text stays text where the target is not a number: `007` is no 7.
        """
        values = self._prediction.column
        if values.dtype.kind != "O":
            return values
        if self._target.type.is_numeric or not any(isinstance(value, str) for value in values):
            with suppress(TypeError, ValueError):
                return values.astype(np.float64)
        return np.array([None if value is None else str(value) for value in values], dtype=object)

    def _probabilities(self) -> Values:
        found = [str(label) for label in self._prediction.labels or ()]
        order = [found.index(label) for label in self._labels]
        return np.asarray(self._prediction.values[:, order])

    def _classes(self, kind: pa.DataType) -> Values:
        """Return the likeliest class of each row: its label, or its position for other labels."""
        chances = self._probabilities()
        # If two classes are equally likely, the first one is taken, as in XGBoost.
        best = np.argmax(chances, axis=1)
        if types.is_string(kind) or types.is_large_string(kind):
            return np.asarray(np.array(self._labels, dtype=object)[best])
        numbers = _whole_numbers(self._labels)
        return np.asarray(best if numbers is None else np.array(numbers)[best])


def _in_model_order(prediction: Prediction, target: Target) -> tuple[str, ...]:
    """Return the labels, of two the negative one first."""
    if target.type is TargetType.BINARY:
        positive, negative = target.labels
        return (negative, positive)
    return tuple(str(label) for label in prediction.labels or ())


def _whole_numbers(labels: tuple[str, ...]) -> list[int] | None:
    """Return labels as numbers, None if one is something else, such as the range 18_25."""
    if all(_WHOLE.fullmatch(label) for label in labels):
        return [int(label) for label in labels]
    return None


def _output_schema(config: Config | None) -> pa.Schema | None:
    if config is None or config.output_schema is None:
        return None
    return decode_schema(config.output_schema)


def _typed(values: Values, field: pa.Field) -> pa.Array:
    """Return values as a field of the output schema."""
    if is_list(field.type) and values.ndim == 1:
        values = values.reshape(-1, 1)
    if values.ndim > 1:
        values = values.reshape(len(values), -1)
    if not is_list(field.type) and values.ndim > 1 and values.shape[1] == 1:
        values = values[:, 0]
    try:
        return array_of(values, field.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise TargetError(
            f"the model's output does not fit the output schema: {field.name[:100]!r} is "
            f"{str(field.type)[:100]}"
        ) from error
