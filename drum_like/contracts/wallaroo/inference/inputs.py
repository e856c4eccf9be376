"""The inputs of a model: the names that callers use, and their types.

`tensor_fields` renames inputs by position. An input schema says their order and types; while it is
in force, columns beside it are refused.
"""

from dataclasses import dataclass

import pyarrow as pa
from pyarrow import compute, types

from drum_like.contracts.wallaroo.inference.arrow_cells import decode_schema, is_list, keeps_truth
from drum_like.errors import ColumnsError, PayloadError
from drum_like.store.entities import Config
from drum_like.types.names import listed


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a model as callers see it.

    Attributes:
        sent: Its name for callers.
        name: Its name in the model or the schema.
        type: The type that its cells must have, None without a schema.
    """

    sent: str
    name: str
    type: pa.DataType | None = None


def declared(config: Config | None, names: tuple[str, ...]) -> tuple[Input, ...]:
    """Return the inputs that a configuration declares, in their order.

    Args:
        config: In force; None without one.
        names: The model's names of its inputs; empty if they are not known.

    Raises:
        ColumnsError: there are more or fewer tensor_fields than inputs.
    """
    if config is None:
        return tuple(Input(name, name) for name in names)
    known: tuple[Input, ...] = tuple(Input(name, name) for name in names)
    if config.input_schema is not None:
        schema = decode_schema(config.input_schema)
        known = tuple(Input(field.name, field.name, field.type) for field in schema)
    fields = config.tensor_fields
    if fields is None:
        return known
    if not known:
        return tuple(Input(sent, sent) for sent in fields)
    if len(fields) != len(known):
        raise ColumnsError(
            f"tensor_fields names {len(fields)} inputs, and the model has {len(known)}: "
            f"{listed([one.name for one in known])}"
        )
    return tuple(Input(sent, one.name, one.type) for sent, one in zip(fields, known, strict=True))


def chosen(table: pa.Table, inputs: tuple[Input, ...], *, strict: bool) -> list[pa.Array]:
    """Return the columns that are the inputs, in their order, of their declared types.

    Args:
        table: As sent.
        inputs: Which ones.
        strict: Whether columns beside them are refused.

    Raises:
        ColumnsError: a column is missing, or is one too many.
        PayloadError: cells do not fit their type.
    """
    there = set(table.column_names)
    wanted = [one.sent for one in inputs]
    missing = [name for name in wanted if name not in there]
    if missing:
        raise ColumnsError(f"missing columns: {listed(missing)}; send {listed(wanted)}")
    surplus = sorted(there.difference(wanted))
    if strict and surplus:
        raise ColumnsError(f"columns that are not in the input schema: {listed(surplus)}")
    columns = [pa.concat_arrays(table.column(name).chunks) for name in wanted]
    return [
        column if one.type is None else conformed(column, one.type, one.sent)
        for one, column in zip(inputs, columns, strict=True)
    ]


def conformed(column: pa.Array, kind: pa.DataType, name: str) -> pa.Array:
    """Return a column as the type that a schema says.

    Numbers and truth values are cast where that loses nothing but digits of a float: 0 and 1 are
    truth values, other numbers are none.

    Raises:
        PayloadError: a cell does not fit.
    """
    if column.type.equals(kind):
        return column
    if _family(column.type) == _family(kind):
        try:
            wide = column.cast(_inexact(kind))
            cast = wide.cast(kind)
        except (pa.ArrowException, ValueError) as error:
            raise _misfit(name, column.type, kind) from error
        if keeps_truth(column, cast) and _is_finite_still(wide, cast):
            return cast
    raise _misfit(name, column.type, kind)


def _inexact(kind: pa.DataType) -> pa.DataType:
    """Return a type on the way: Arrow refuses whole numbers that a narrow float would round."""
    if is_list(kind):
        inner = _inexact(kind.value_type)
        return kind if inner is kind.value_type else pa.list_(inner)
    return pa.float64() if types.is_float32(kind) or types.is_float16(kind) else kind


def _family(kind: pa.DataType) -> str:
    """Return the family that a cast keeps: the depth of lists, and numbers or another type."""
    if is_list(kind):
        return f"list of {_family(kind.value_type)}"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return "number"
    return "text" if types.is_string(kind) or types.is_large_string(kind) else str(kind)


def _is_finite_still(column: pa.Array, cast: pa.Array) -> bool:
    """Return whether no number became infinite."""
    while is_list(cast.type):
        column, cast = column.flatten(), cast.flatten()
    if not types.is_floating(cast.type) or not types.is_floating(column.type):
        return True
    n_before = compute.sum(compute.is_inf(column)).as_py()
    return bool(n_before == compute.sum(compute.is_inf(cast)).as_py())


def _misfit(name: str, found: pa.DataType, expected: pa.DataType) -> PayloadError:
    return PayloadError(
        f"column {name[:100]!r} holds {str(found)[:100]} that does not fit the input schema's "
        f"{str(expected)[:100]}"
    )
