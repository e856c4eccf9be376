"""Names and types of the columns that callers send, as the inputSchema declares them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from drum_like.model.type_schema import Condition, TypeSchema
from drum_like.types.column import DataType
from drum_like.types.schema import Column, Kind, Schema

_BY_TYPE = {
    "number": DataType.FLOAT64,
    "integer": DataType.INT64,
    "boolean": DataType.BOOL,
    "string": DataType.STR,
}
_BY_FORMAT = {
    "float": DataType.FLOAT32,
    "double": DataType.FLOAT64,
    "int32": DataType.INT32,
    "int64": DataType.INT64,
    "date": DataType.TIME64,
    "date-time": DataType.TIME64,
    "byte": DataType.BYTES,
    "binary": DataType.BYTES,
}
_OF_TYPE = {
    "number": (DataType.FLOAT32, DataType.FLOAT64),
    "integer": (DataType.INT32, DataType.INT64),
    "boolean": (DataType.BOOL,),
    "string": (DataType.STR, DataType.TIME64, DataType.BYTES),
}


def read_input_schema(raw: Mapping[str, Any] | None) -> tuple[Column, ...]:
    """Return the columns that an inputSchema declares, in its order; empty without one.

    Properties are JSON Schema: `type`, refined by `format` (float, int32, date-time, byte, binary
    and so on); `contentEncoding: base64` is bytes as well. A property of another type, or of none,
    is left to the model.

    Args:
        raw: As the metadata holds it, an object with properties.
    """
    if raw is None:
        return ()
    return tuple(_column(name, given) for name, given in raw["properties"].items())


def callers_columns(
    declared: tuple[Column, ...], schema: Schema | None, *, hooked: bool
) -> Schema | None:
    """Return the columns that callers send, None if they are unknown.

    They are the model's own, with the types that the metadata declares; or the declared ones, where
    a hook stands between the caller and the model.

    Args:
        declared: Columns that the metadata declares.
        schema: The columns that the model knows, None if it takes any.
        hooked: Whether a hook makes the model's columns from others.
    """
    if hooked or schema is None:
        return Schema(declared) if declared else None
    if not schema.named and len(declared) == len(schema.columns):
        return _named(declared, schema)
    known = {column.name: column for column in declared}
    columns = tuple(_refined(column, known.get(column.name)) for column in schema.columns)
    return replace(schema, columns=columns)


def typed(schema: Schema, declared: tuple[Column, ...], demands: TypeSchema) -> Schema:
    """Return the columns of a model, with types for those that it leaves untyped.

    Args:
        schema: The columns that the model names.
        declared: Columns of the inputSchema; names and types by position for a model without names.
        demands: The typeSchema; a demand for one type holds for every column.
    """
    if not schema.named and len(declared) == len(schema.columns):
        pairs = zip(schema.columns, declared, strict=True)
        columns = tuple(replace(column, name=given.name) for column, given in pairs)
        schema = replace(schema, columns=columns)
    if all(column.kind != "any" for column in schema.columns):
        return schema
    by_name = {column.name: column for column in declared}
    demanded = _demanded(demands)
    columns = tuple(
        _typed(column, by_name.get(column.name), demanded) if column.kind == "any" else column
        for column in schema.columns
    )
    return replace(schema, columns=columns)


def _typed(column: Column, given: Column | None, demanded: Kind | None) -> Column:
    if given is None or given.stored is None:
        return column if demanded is None else replace(column, kind=demanded)
    if given.stored is DataType.STR:
        return replace(column, kind="text")
    return replace(column, kind="number" if given.stored.is_float else "any", stored=given.stored)


def _demanded(demands: TypeSchema) -> Kind | None:
    """Return the kind of all columns if only numbers, or only text, are allowed."""
    for line in demands.inputs:
        if line.field == "data_types" and line.condition in (Condition.EQUALS, Condition.IN):
            words = frozenset(line.values)
            if words == {"NUM"}:
                return "number"
            if words <= {"TXT", "CAT"}:
                return "text"
    return None


def _column(name: str, given: Any) -> Column:
    known = given if isinstance(given, dict) else {}
    word = str(known.get("type", ""))
    kind: Kind = "number" if word == "number" else "any"
    return Column(name, kind, stored=_stored(word, known), example=_example(known))


def _example(known: Mapping[str, Any]) -> str | None:
    """Return the first of JSON Schema's `examples`, or OpenAPI's `example`."""
    several = known.get("examples")
    found = several[0] if isinstance(several, list) and several else known.get("example")
    return found if isinstance(found, str) else None


def _stored(word: str, known: Mapping[str, Any]) -> DataType | None:
    if word not in _BY_TYPE:
        return None
    if word == "string" and known.get("contentEncoding") == "base64":
        return DataType.BYTES
    refined = _BY_FORMAT.get(str(known.get("format", "")))
    return refined if refined in _OF_TYPE[word] else _BY_TYPE[word]


def _named(declared: tuple[Column, ...], schema: Schema) -> Schema:
    """Return the columns of a model without names under the declared names, in that order."""
    columns = tuple(
        replace(_refined(column, given), name=given.name)
        for column, given in zip(schema.columns, declared, strict=True)
    )
    return replace(schema, columns=columns)


def _refined(column: Column, given: Column | None) -> Column:
    """Return a column whose cells have to be of its narrow type: whole numbers, truth values."""
    stored = column.stored if given is None else given.stored or column.stored
    narrow = column.kind == "number" and stored is not None and not stored.is_float
    example = column.example if given is None else given.example
    return replace(column, kind="any" if narrow else column.kind, stored=stored, example=example)
