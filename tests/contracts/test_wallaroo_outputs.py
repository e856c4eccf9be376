"""Predictions under output schemas, and the two forms of an error."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from werkzeug.exceptions import HTTPException, NotFound, Unauthorized

from drum_like.contracts.wallaroo import errors
from drum_like.contracts.wallaroo.inference.outputs import of_prediction, of_tensors
from drum_like.errors import TargetError
from drum_like.store.entities import Config
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType
from tests.support.wallaroo_api import schema

BINARY = Target(TargetType.BINARY, ("yes", "no"))
NUMBERED = Target(TargetType.BINARY, ("1", "0"))
SEVERAL = Target(TargetType.MULTICLASS, ("a", "b", "c"))
RANGES = Target(TargetType.BINARY, ("26_35", "18_25"))
REGRESSION = Target(TargetType.REGRESSION)
TEXT = Target(TargetType.TEXT_GENERATION)

CHANCES = Prediction(np.array([[0.75, 0.25], [0.5, 0.5]], np.float32), ("yes", "no"))
NUMBERED_CHANCES = Prediction(CHANCES.values, ("1", "0"))
CHANCES_OF_RANGES = Prediction(CHANCES.values, ("26_35", "18_25"))
THREE = Prediction(np.array([[0.25, 0.25, 0.5]]), ("a", "b", "c"))
VALUES = Prediction(np.array([1.5, 2.5], np.float32))


def configured(*fields: tuple[str, pa.DataType]) -> Config:
    return Config(
        id=1,
        version_id=1,
        runtime="flight",
        tensor_fields=None,
        filter_threshold=None,
        input_schema=None,
        output_schema=schema(*fields) if fields else None,
        batch_config=None,
        options={},
        created_at=datetime.now(UTC),
    )


def test_without_a_schema_the_target_decides() -> None:
    classes = of_prediction(CHANCES, BINARY, None)
    numbers = of_prediction(VALUES, REGRESSION, configured())

    assert classes.to_pydict() == {"probabilities": [[0.25, 0.75], [0.5, 0.5]]}
    assert numbers.to_pydict() == {"predictions": [1.5, 2.5]}
    assert numbers.schema.field("predictions").type == pa.float32()


@pytest.mark.parametrize(
    ("target", "values", "expected"),
    [
        pytest.param(TEXT, ["007", "42"], ["007", "42"], id="text-of-digits"),
        pytest.param(TEXT, ["7", None], ["7", None], id="missing-text"),
        pytest.param(TEXT, [7, 0.5], [7.0, 0.5], id="numbers"),
        pytest.param(REGRESSION, ["1.5", 2], [1.5, 2.0], id="text-for-a-number"),
    ],
)
def test_text_stays_text_unless_the_target_is_a_number(
    target: Target, values: list[Any], expected: list[Any]
) -> None:
    table = of_prediction(Prediction(np.array(values, dtype=object)), target, None)

    assert table.to_pydict() == {"predictions": expected}


LIST = pa.list_(pa.float64())


@pytest.mark.parametrize(
    ("prediction", "target", "fields", "expected"),
    [
        pytest.param(
            CHANCES, BINARY, [("p", pa.float64())], {"p": [0.75, 0.5]}, id="chance-of-the-second"
        ),
        pytest.param(CHANCES, BINARY, [("p", pa.int64())], {"p": [1, 0]}, id="position"),
        pytest.param(CHANCES, BINARY, [("p", pa.string())], {"p": ["yes", "no"]}, id="label"),
        pytest.param(CHANCES, BINARY, [("no", pa.float64())], {"no": [0.25, 0.5]}, id="of-label"),
        pytest.param(
            CHANCES,
            BINARY,
            [("predictions", pa.float32()), ("probabilities", LIST)],
            {"predictions": [1.0, 0.0], "probabilities": [[0.25, 0.75], [0.5, 0.5]]},
            id="class-beside-chances",
        ),
        pytest.param(
            NUMBERED_CHANCES, NUMBERED, [("p", pa.int8())], {"p": [1, 0]}, id="number-of-the-label"
        ),
        pytest.param(
            CHANCES_OF_RANGES, RANGES, [("p", pa.int64())], {"p": [1, 0]}, id="position-of-a-range"
        ),
        pytest.param(THREE, SEVERAL, [("p", pa.string())], {"p": ["c"]}, id="likeliest"),
        pytest.param(THREE, SEVERAL, [("p", pa.float32())], {"p": [2.0]}, id="class-of-several"),
        pytest.param(THREE, SEVERAL, [("p", LIST)], {"p": [[0.25, 0.25, 0.5]]}, id="chances"),
        pytest.param(VALUES, REGRESSION, [("p", pa.float64())], {"p": [1.5, 2.5]}, id="number"),
        pytest.param(VALUES, REGRESSION, [("p", LIST)], {"p": [[1.5], [2.5]]}, id="list-of-one"),
        pytest.param(
            Prediction(VALUES.values, None, pd.DataFrame({"low": [1, 2]})),
            REGRESSION,
            [("low", pa.int64()), ("p", pa.float32())],
            {"low": [1, 2], "p": [1.5, 2.5]},
            id="column-of-a-hook",
        ),
    ],
)
def test_a_schema_decides(
    prediction: Prediction,
    target: Target,
    fields: list[tuple[str, pa.DataType]],
    expected: dict[str, Any],
) -> None:
    table = of_prediction(prediction, target, configured(*fields))

    assert table.to_pydict() == expected
    assert table.schema == pa.schema(fields)


@pytest.mark.parametrize(
    ("prediction", "target", "kind"),
    [
        pytest.param(VALUES, REGRESSION, pa.int64(), id="fraction"),
        pytest.param(THREE, SEVERAL, pa.list_(pa.float32(), 2), id="width"),
        pytest.param(VALUES, REGRESSION, pa.binary(), id="type"),
        pytest.param(VALUES, REGRESSION, pa.bool_(), id="no-truth"),
    ],
)
def test_what_does_not_fit_a_schema_is_the_models_fault(
    prediction: Prediction, target: Target, kind: pa.DataType
) -> None:
    with pytest.raises(TargetError, match="does not fit the output schema"):
        of_prediction(prediction, target, configured(("p", kind)))


def test_tensors_are_flattened_by_row() -> None:
    table = of_tensors({"boxes": np.arange(8.0).reshape(2, 2, 2), "n": np.array([1, 2])}, 2, None)

    assert table.to_pydict() == {"boxes": [[0, 1, 2, 3], [4, 5, 6, 7]], "n": [[1], [2]]}
    assert not table.schema.field("boxes").nullable
    assert table.schema.field("boxes").type.value_field.name == "inner"


def test_tensors_take_the_names_and_types_of_a_schema() -> None:
    config = configured(("price", pa.float64()))

    table = of_tensors({"variable": np.array([[1.5], [2.5]], np.float32)}, 2, config)

    assert table.to_pydict() == {"price": [1.5, 2.5]}


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        pytest.param(np.zeros((1, 2)), [], id="rows"),
        pytest.param(np.float32(1.0), [], id="no-rows"),
        pytest.param(np.zeros((2, 1)), [("a", pa.int8()), ("b", pa.int8())], id="count"),
    ],
)
def test_tensors_of_another_shape_are_the_models_fault(
    values: Any, fields: list[tuple[str, pa.DataType]]
) -> None:
    with pytest.raises(TargetError):
        of_tensors({"variable": np.asarray(values)}, 2, configured(*fields))


@pytest.mark.parametrize(
    ("error", "api", "engine"),
    [
        pytest.param(
            Unauthorized(),  # C50
            {"msg": "Jwt is missing", "code": 401},
            {"code": 401, "status": "error", "error": "Jwt is missing", "source": "platform"},
            id="unauthorized",
        ),
        pytest.param(
            NotFound(),
            {"msg": "Not found", "code": 404},
            {"code": 404, "status": "error", "error": "Not found", "source": "platform"},
            id="not-found",
        ),
    ],
)
def test_errors_have_two_forms(
    error: HTTPException, api: dict[str, Any], engine: dict[str, Any]
) -> None:
    assert errors.api_form(hide_errors=False).answer(error).json == api
    assert errors.engine_form(hide_errors=False).answer(error).json == engine
