"""The rows of an inference request: pandas records in JSON, or an Arrow file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
from flask import Request

from drum_like.codecs.arrow import CODEC, read_table
from drum_like.codecs.columnar import plain_column
from drum_like.codecs.columnar.plain import check_type, without_decimals
from drum_like.codecs.json.text import refuse_repeated_keys
from drum_like.contracts.wallaroo.inference.arrow_cells import refuse_nulls
from drum_like.errors import MediaTypeError, PayloadError
from drum_like.http.accepted import media_types
from drum_like.http.requests import whole_body
from drum_like.types.payload import Limits

ARROW = "application/vnd.apache.arrow.file"
JSON = "application/json"
RECORDS = f"{JSON}; format=pandas-records"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as columns, without missing cells; at least one row and one column.

    Attributes:
        table: Columns of plain types, each of one chunk.
        sent: The table as it was sent; None for JSON.
        records: The rows as they were sent; None for Arrow.
    """

    table: pa.Table
    sent: pa.Table | None = None
    records: Sequence[dict[str, Any]] | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)


def read(request: Request, limits: Limits) -> Rows:
    """Return the rows of a request.

    Raises:
        MediaTypeError: the body is of a type that is not read here.
        PayloadError: it does not parse, has no rows, or a missing cell.
        SizeError: it declares more than the limits allow.
        BodyError: the body does not arrive as its headers say.
    """
    media_type = request.mimetype
    form = request.mimetype_params.get("format", "pandas-records")
    if media_type in CODEC.media_types:
        return _from_arrow(whole_body(request), limits)
    if media_type in ("", JSON) and form == "pandas-records":
        return _from_records(whole_body(request), limits)
    raise MediaTypeError(
        f"rows of type {(request.content_type or '')[:100]!r} are not read here; send "
        f"`{RECORDS}` or `{ARROW}`"
    )


def wants_arrow(request: Request) -> bool:
    """Return whether the Accept header asks for Arrow, and for it before JSON."""
    wanted = media_types(request.headers.get("Accept", ""))
    return next((name == ARROW for name in wanted if name in (JSON, ARROW)), False)


def _from_records(body: bytes, limits: Limits) -> Rows:
    try:
        records = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise PayloadError("the body is not JSON") from error
    if not isinstance(records, list) or not all(isinstance(row, dict) for row in records):
        raise PayloadError("the body must be a list of objects, one a row (pandas records)")
    if not records or not records[0]:
        raise PayloadError("the body holds no rows, or rows without columns")
    refuse_repeated_keys(body, records)
    names = records[0].keys()
    limits.check_rows(len(records))
    limits.check_columns(len(names))
    for at, row in enumerate(records):
        if row.keys() != names:
            raise PayloadError(f"row {at + 1} has other columns than the first")
    columns = {name: _column(name, [row[name] for row in records]) for name in names}
    return Rows(pa.table(columns), None, records)


def _column(name: str, cells: list[Any]) -> pa.Array:
    """Return the cells of a column as an array of their common type."""
    try:
        column = pa.array(cells)
    except OverflowError:
        column = _wide(name, cells)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise _mixed(name) from error
    check_type(column.type)
    refuse_nulls(column, name)
    return column


def _wide(name: str, cells: list[Any]) -> pa.Array:
    try:
        return pa.array(cells, pa.uint64())
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise _mixed(name) from error


def _mixed(name: str) -> PayloadError:
    return PayloadError(
        f"column {name[:100]!r} must hold cells of one type: numbers of at most 64 bits, truth "
        "values, text, or lists of them"
    )


def _from_arrow(body: bytes, limits: Limits) -> Rows:
    sent = read_table(body, limits)
    if not sent.num_rows:
        raise PayloadError("the Arrow body holds no rows")
    if len(set(sent.column_names)) < sent.num_columns:
        raise PayloadError("two columns of the Arrow body have the same name")
    columns = {}
    for name, column in zip(sent.column_names, sent.columns, strict=True):
        columns[name] = pa.concat_arrays(without_decimals(plain_column(column)).chunks)
        refuse_nulls(columns[name], name)
    return Rows(pa.table(columns), sent)
