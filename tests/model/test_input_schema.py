"""The columns that callers send, by inputSchema and by the model."""

from typing import Any

import pytest

from drum_like.model.input_schema import callers_columns, read_input_schema, typed
from drum_like.model.type_schema import Condition, Requirement, TypeSchema
from drum_like.types.column import DataType
from drum_like.types.schema import Column, Schema


def declared(**properties: Any) -> tuple[Column, ...]:
    """Return the columns of an inputSchema with these properties."""
    return read_input_schema({"type": "object", "properties": properties})


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ({"type": "number"}, DataType.FLOAT64),
        ({"type": "number", "format": "float"}, DataType.FLOAT32),
        ({"type": "integer"}, DataType.INT64),
        ({"type": "integer", "format": "int32"}, DataType.INT32),
        ({"type": "boolean"}, DataType.BOOL),
        ({"type": "string"}, DataType.STR),
        ({"type": "string", "format": "email"}, DataType.STR),
        ({"type": "string", "format": "date-time"}, DataType.TIME64),
        ({"type": "string", "format": "binary"}, DataType.BYTES),
        ({"type": "string", "contentEncoding": "base64"}, DataType.BYTES),
        ({"type": "number", "format": "date"}, DataType.FLOAT64),
    ],
    ids=str,
)
def test_properties_have_types(given: dict[str, str], dtype: DataType) -> None:
    (column,) = declared(a=given)

    assert (column.name, column.dtype, column.is_typed) == ("a", dtype, True)


@pytest.mark.parametrize(
    "given", [{"type": "array"}, {"type": ["string"]}, {"description": "x"}, {}, "text"], ids=str
)
def test_properties_of_other_types_are_left_to_the_model(given: Any) -> None:
    (column,) = declared(a=given)

    assert (column.kind, column.is_typed) == ("any", False)


@pytest.mark.parametrize(
    ("given", "example"),
    [
        ({"type": "string", "examples": ["x", "y"]}, "x"),
        ({"type": "string", "example": "x"}, "x"),
        ({"type": "string", "examples": []}, None),
        ({"type": "string", "examples": [{"a": "b"}]}, None),
        ({"type": "string"}, None),
    ],
    ids=str,
)
def test_the_first_example_is_kept(given: dict[str, Any], example: str | None) -> None:
    (column,) = declared(a=given)

    assert column.example == example


def test_without_an_input_schema_nothing_is_declared() -> None:
    assert read_input_schema(None) == ()


NUMBER = {"type": "integer"}


def test_columns_of_the_model_get_the_types_that_are_declared() -> None:
    model = Schema((Column("a"), Column("b"), Column("c", stored=DataType.FLOAT32)))

    found = callers_columns(declared(b=NUMBER, x=NUMBER), model, hooked=False)

    assert found is not None
    assert [(column.name, column.dtype) for column in found.columns] == [
        ("a", DataType.FLOAT64),
        ("b", DataType.INT64),
        ("c", DataType.FLOAT32),
    ]


def test_columns_without_names_get_those_that_are_declared() -> None:
    model = Schema((Column("0"), Column("1")), named=False)

    found = callers_columns(declared(a=NUMBER, b={}), model, hooked=False)

    assert found is not None
    assert (found.names, found.named) == (("a", "b"), False)
    assert [column.dtype for column in found.columns] == [DataType.INT64, DataType.FLOAT64]


def test_a_declaration_of_another_width_gives_no_names() -> None:
    model = Schema((Column("0"), Column("1")), named=False)

    assert callers_columns(declared(a=NUMBER), model, hooked=False) == model


def test_behind_hooks_only_the_declaration_counts() -> None:
    model = Schema((Column("pixel"),))

    assert callers_columns((), model, hooked=True) is None
    found = callers_columns(declared(image={"type": "string"}), model, hooked=True)
    assert found is not None
    assert found.names == ("image",)


def test_a_model_that_takes_anything_has_the_declared_columns() -> None:
    assert callers_columns((), None, hooked=False) is None
    assert callers_columns(declared(a=NUMBER), None, hooked=False) == Schema(declared(a=NUMBER))


@pytest.mark.parametrize(
    ("given", "kind", "type_"),
    [
        ({"type": "string"}, "text", "text"),
        ({"type": "number"}, "number", "number"),
        ({"type": "integer"}, "any", "integer"),
        ({"type": "boolean"}, "any", "boolean"),
        ({}, "any", "unknown"),
    ],
    ids=str,
)
def test_metadata_types_what_the_model_does_not(
    given: dict[str, str], kind: str, type_: str
) -> None:
    schema = Schema((Column("a", "any"), Column("b")))

    column, other = typed(schema, declared(a=given, b={"type": "string"}), TypeSchema()).columns

    assert (column.kind, column.type) == (kind, type_)
    assert other.kind == "number"


@pytest.mark.parametrize(
    ("condition", "values", "kind"),
    [
        (Condition.EQUALS, ("NUM",), "number"),
        (Condition.IN, ("TXT", "CAT"), "text"),
        (Condition.IN, ("NUM", "CAT"), "any"),
        (Condition.NOT_IN, ("NUM",), "any"),
    ],
)
def test_a_type_schema_that_allows_one_type_types_all_columns(
    condition: Condition, values: tuple[str, ...], kind: str
) -> None:
    demands = TypeSchema((Requirement("data_types", condition, values),))

    (column,) = typed(Schema((Column("a", "any"),)), (), demands).columns

    assert column.kind == kind
