"""Names and types of the columns that callers send: inputSchema, and what other products tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from drum_like.model.type_schema import Condition, TypeSchema
from drum_like.types.column import DataType
from drum_like.types.columns_frame import completed
from drum_like.types.frame import Frame
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


Told = tuple[str, str, tuple[int, ...]]
"""A tensor: its name, numpy's name of its type, and its shape: rows first, -1 for an open size."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a model as its description tells them.

    Attributes:
        columns: In the order of the description; empty if it leaves them open.
        named: Whether they are matched by name; else the names stand for positions.
        optional: Names of those that callers may leave out.
    """

    columns: tuple[Column, ...] = ()
    named: bool = True
    optional: frozenset[str] = frozenset()

    def completion(self, known: Schema) -> Callable[[Frame], Frame] | None:
        """Return the function that adds optional columns of a model; None if it has none."""
        names, optional = frozenset(known.names), self.optional.intersection(known.names)
        lacks = partial(completed, required=names - optional, optional=optional)
        return lacks if optional else None


_NUMBERS = {
    "bool": DataType.BOOL,
    "float64": DataType.FLOAT64,
    "float32": DataType.FLOAT32,
    "float16": DataType.FLOAT32,
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "uint16"), DataType.INT32),
    **dict.fromkeys(("int64", "uint32"), DataType.INT64),
}


def column_of(name: str, dtype: str, example: str | None = None) -> Column:
    """Return the column of cells of a type.

    Args:
        name: Its name.
        dtype: numpy's name of the type; str for text, datetime64 for times, bytes. A column of any
            other type is left to the model.
        example: A cell.
    """
    stored = _NUMBERS.get(dtype)
    if stored is not None and stored.is_float:
        return Column(
            name, stored=stored, example=example, width="" if dtype == "float64" else dtype
        )
    if stored is not None:
        return Column(name, "any", stored=stored, example=example)
    if dtype.startswith("datetime64"):
        stored = DataType.TIME64
        return Column(name, "encoded", times="datetime64[ns]", stored=stored, example=example)
    if dtype == "str":
        return Column(name, "text", stored=DataType.STR, example=example)
    return Column(name, "any", stored=DataType.BYTES if dtype == "bytes" else None, example=example)


OPEN_INFERENCE = {
    "BOOL": "bool",
    "BYTES": "str",
    "STRING": "str",
    **{f"FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"INT{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
}
"""numpy's names of types by those of the Open Inference Protocol, and of Triton behind TYPE_."""


def inputs_of(tensors: Sequence[Told]) -> Inputs:
    """Return the columns of tensors: one tensor of all of them, or one a column, by name.

    Tensors that are no such columns, or of open width, leave them to the model.
    """
    if len(tensors) == 1:
        name, dtype, shape = tensors[0]
        wide = [size for size in shape[1:] if size != 1]
        if len(wide) > 1 or -1 in wide:
            return Inputs()
        width = wide[0] if wide else 1
        names = [name] if width == 1 and name else map(str, range(width))
        return Inputs(tuple(column_of(one, dtype) for one in names), named=False)
    if any(size != 1 for _, _, shape in tensors for size in shape[1:]):
        return Inputs()
    return Inputs(tuple(column_of(name, dtype) for name, dtype, _ in tensors))


def output_name_of(tensors: Sequence[Told]) -> str | None:
    """Return the name of the one output of floats of a model, None if it has several, or none."""
    floats = [name for name, kind, _ in tensors if kind.startswith("float")]
    return floats[0] or None if len(floats) == 1 else None


def output_of(tensors: Sequence[Told]) -> DataType | None:
    """Return the type of the one output of a model, None if it has several, or a wide one."""
    if len(tensors) != 1 or any(size != 1 for size in tensors[0][2][1:]):
        return None
    return column_of("", tensors[0][1]).stored
