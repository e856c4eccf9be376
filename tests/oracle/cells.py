"""The cells of training, written for each kind of body by the published contracts."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.oracle.rows import Cell, Column, Columns, Row, Spelled, value_of


def as_text(column: Column, cell: Cell) -> str:
    """Return a cell as pandas writes training data into CSV; missing is empty.

    Raises:
        ValueError: a format of texts cannot say it.
    """
    if isinstance(cell, Spelled):
        if cell.text is None:
            raise ValueError(cell)
        return cell.text
    if cell is None:
        return ""
    if isinstance(cell, float):
        narrow = column.is_float and column.dtype == np.float32
        return str(np.float32(cell)) if narrow else repr(cell)
    return str(cell)


def as_json(cell: Cell) -> Cell:
    """Return a cell as JSON has it: a number, text, a truth value or null."""
    return value_of(cell)


def to_csv(columns: Columns, rows: Sequence[Row], order: Sequence[int]) -> bytes:
    """Return rows as CSV with a header."""
    header = [columns.all[place].name for place in order]
    lines = [[as_text(columns.all[at], row[at]) for at in order] for row in rows]
    return "".join(map(_line, [header, *lines])).encode()


def to_csv_rows(columns: Columns, rows: Sequence[Row]) -> bytes:
    """Return rows as CSV without a header, in the order of training."""
    order = range(len(columns.all))
    header = to_csv(columns, (), order)
    return to_csv(columns, rows, order)[len(header) :]


def _line(cells: Sequence[str]) -> str:
    """Return a line of CSV; the csv module leaves a lone CR without quotes."""
    if list(cells) == [""]:
        return '""\n'
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(text: str) -> str:
    special = any(character in text for character in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if special else text


def to_table(columns: Columns, rows: Sequence[Row], order: Sequence[int]) -> pa.Table:
    """Return rows as pyarrow makes a table of the training frame, without the notes of pandas."""
    ordered = [columns.all[place] for place in order]
    arrays = [
        _array(column, [value_of(row[place]) for row in rows])
        for column, place in zip(ordered, order, strict=True)
    ]
    return pa.table(arrays, names=[column.name for column in ordered])


def to_stream(table: pa.Table) -> bytes:
    """Return a table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def to_file(table: pa.Table) -> bytes:
    """Return a table as an Arrow file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def to_parquet(table: pa.Table) -> bytes:
    """Return a table as a Parquet file."""
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue())


def to_records(columns: Columns, rows: Sequence[Row], order: Sequence[int]) -> bytes:
    """Return rows of numbers as a NumPy array of records, with the types of training."""
    ordered = [columns.all[place] for place in order]
    cells = [[value_of(row[place]) for row in rows] for place in order]
    kinds = [
        np.dtype(getattr(column.dtype, "numpy_dtype", column.dtype))
        if column.is_float
        else np.array(values).dtype
        for column, values in zip(ordered, cells, strict=True)
    ]
    fields = [(column.name, kind) for column, kind in zip(ordered, kinds, strict=True)]
    sink = BytesIO()
    np.save(sink, np.array(list(zip(*cells, strict=True)), fields), allow_pickle=False)
    return sink.getvalue()


def to_matrix_market(columns: Columns, rows: Sequence[Row]) -> bytes:
    """Return rows of numbers in coordinate form; whole numbers keep their digits."""
    cells = [
        f"{i} {j} {value_of(cell)!r}"
        for i, row in enumerate(rows, 1)
        for j, cell in enumerate(row, 1)
        if value_of(cell) != 0
    ]
    field = "integer" if all(column.is_integer for column in columns.all) else "real"
    head = f"%%MatrixMarket matrix coordinate {field} general"
    size = f"{len(rows)} {len(columns.all)} {len(cells)}"
    return "\n".join([head, size, *cells, ""]).encode()


def _array(column: Column, cells: Sequence[Any]) -> pa.Array:
    if column.is_category:
        values = column.dtype.categories
        places = [None if cell is None else values.get_loc(cell) for cell in cells]
        held = pa.array(values.tolist(), pa.Array.from_pandas(values).type)
        return pa.DictionaryArray.from_arrays(pa.array(places, pa.int8()), held)
    if column.is_text:
        return pa.array(cells, pa.large_string())
    return pa.array(cells, _arrow_type(column))


def _arrow_type(column: Column) -> pa.DataType:
    if column.is_bool:
        return pa.bool_()
    return pa.from_numpy_dtype(getattr(column.dtype, "numpy_dtype", column.dtype))
