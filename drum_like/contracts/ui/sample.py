"""A sample row of a model, and its columns, as JSON writes them."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from drum_like.errors import DrumLikeError
from drum_like.http.wire import JSON
from drum_like.inference.service import Service
from drum_like.types.column import Column, DataType
from drum_like.types.payload import Limits, Payload

Row = Mapping[str, Any]
"""The cells of one row by the names of their columns."""

SAMPLE = "sample.csv"
"""The file of a model directory whose first row is shown as its sample."""

_DATE = "2024-01-15"
_PLACEHOLDERS: Mapping[DataType, Any] = {
    DataType.BOOL: True,
    DataType.INT32: 0,
    DataType.INT64: 0,
    DataType.STR: "text",
    DataType.TIME64: _DATE,
    DataType.BYTES: "",
}
_GUESSES = (0, "text", _DATE)
"""Cells of columns of unknown type, in the order in which they are tried."""

_JSON_TYPES: Mapping[DataType, str] = {
    DataType.BOOL: "boolean",
    DataType.INT32: "integer",
    DataType.INT64: "integer",
    DataType.FLOAT32: "number",
    DataType.FLOAT64: "number",
}


def sample_row(service: Service, limits: Limits) -> Row | None:
    """Return a row that the model predicts.

    That is the first one of sample.csv in its directory, or else one of examples, categories and
    placeholders. Where the type of a column is not known, rows are tried until one is predicted.

    Args:
        service: The model.
        limits: On the row.

    Returns:
        None if the model predicts no rows, or neither tells its columns nor has a sample. The first
        row if it predicts none of them.
    """
    kind = service.target.type
    if not kind.predicts_rows:
        return None
    rows = list(_rows(service))
    # To ask a model of another kind may take long, and cost money.
    if len(rows) > 1 and (kind.is_classification or kind.is_numeric):
        return next((row for row in rows if _is_predicted(service, row, limits)), rows[0])
    return rows[0] if rows else None


def _rows(service: Service) -> Iterator[Row]:
    columns = None if service.inputs is None else service.inputs.columns
    sample = _row_of_file(str(service.description().get("codeDir", "")))
    if sample is not None and columns is None:
        yield {name: _guessed(text) for name, text in sample.items()}
    elif sample is not None and columns is not None:
        known = {c.name: c for c in columns}
        if known.keys() <= sample.keys():
            yield {name: _of_text(sample[name], column) for name, column in known.items()}
    if columns is None:
        return
    guesses = _GUESSES[: 1 if all(column.is_typed for column in columns) else None]
    yield from ({c.name: _cell(c, guess) for c in columns} for guess in guesses)


def _row_of_file(directory: str) -> Mapping[str, str] | None:
    """Return the first row of a directory's sample; None if it has none that can be read."""
    path = Path(directory) / SAMPLE
    if not directory or not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.DictReader(file, restval="", strict=True), None)
    except (OSError, UnicodeDecodeError, csv.Error):
        return None


def column_schema(column: Column) -> dict[str, Any]:
    """Return the JSON Schema of a cell; a missing one is null."""
    if column.categories:
        return {"enum": [*categories(column), None]}
    if not column.is_typed:
        return {}
    found: dict[str, Any] = {"type": [_JSON_TYPES.get(column.dtype, "string"), "null"]}
    if column.dtype is DataType.BYTES:
        found["contentEncoding"] = "base64"
    return found


def categories(column: Column) -> list[Any]:
    """Return the categories of a column as JSON writes them."""
    return [_plain(value) for value in column.categories]


def _cell(column: Column, guess: Any) -> Any:
    if column.example is not None:
        return _read(column.example, column.dtype)
    if column.categories:
        return _plain(column.categories[0])
    return _PLACEHOLDERS.get(column.dtype, 0.0) if column.is_typed else guess


def _of_text(text: str, column: Column) -> Any:
    """Return a cell of CSV as one of JSON; an empty one is missing."""
    if not text:
        return None
    by_text = {str(value): _plain(value) for value in column.categories}
    known = by_text.get(text)
    if known is not None:
        return known
    return _read(text, column.dtype) if column.is_typed else _guessed(text)


def _guessed(text: str) -> Any:
    """Return a cell of CSV of an unknown type."""
    if not text:
        return None
    is_whole = text.removeprefix("-").isdigit()
    return _read(text, DataType.INT64 if is_whole else DataType.FLOAT64)


def _read(example: str, dtype: DataType) -> Any:
    """Return an example that is text as a cell of its type; itself where it is none."""
    if dtype is DataType.BOOL:
        return {"true": True, "false": False}.get(example.lower(), example)
    if not dtype.is_float and not dtype.is_integer:
        return example
    try:
        return int(example) if dtype.is_integer else float(example)
    except ValueError:
        return example


def _plain(value: Any) -> Any:
    """Return a category as JSON knows it: NumPy's numbers as Python's, times as text."""
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, bool | int | float | str) else str(value)


def _is_predicted(service: Service, row: Row, limits: Limits) -> bool:
    payload = Payload(orjson.dumps([row]), JSON, None, None, JSON, limits)
    try:
        service.predict(payload)
    except DrumLikeError:
        return False
    return True
