"""Inputs and outputs of models as other products tell them: tensors, and the columns in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from drum_like.types.column import Column, DataType
from drum_like.types.columns_frame import completed
from drum_like.types.frame import Frame
from drum_like.types.schema import Schema

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
