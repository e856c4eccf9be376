"""The frame of a scoring request, and the uploaded files that its cells name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Request
from werkzeug.datastructures import FileStorage

from drum_like.codecs.json.frame import JsonFrame
from drum_like.contracts.h2o.score_request import ScoreRequest
from drum_like.errors import ColumnsError, MediaTypeError, PayloadError
from drum_like.inference.service import Service
from drum_like.types.column import DataType
from drum_like.types.frame import Frame
from drum_like.types.names import Names, listed, missing_error
from drum_like.types.schema import Schema

Files = Mapping[str, bytes]
"""Uploaded files by name."""

Cells = dict[str, Sequence[Any]]
"""The cells of columns by name."""


def frame_of(service: Service, request: ScoreRequest, files: Files | None = None) -> Frame:
    """Return the columns that the model knows, in its order; all but the id where it knows none.

    Args:
        service: The model.
        request: The columns.
        files: The files that cells of media fields name; None without uploads.

    Raises:
        ColumnsError: a column is missing, a cell is not of its type, or a file was not uploaded.
    """
    schema = service.inputs
    cells = _cells(request, schema, files, request.rows)

    def exactly() -> Cells:
        return _cells(request, schema, files, request.exactly())

    if schema is not None:
        return _known(schema, cells, exactly, len(request.rows))
    if not cells:
        raise ColumnsError("`fields` names no column but `idField`; send those of the model, too")
    return JsonFrame(tuple(cells), lambda: tuple(cells.values()), lambda: tuple(exactly().values()))


def _cells(
    request: ScoreRequest,
    schema: Schema | None,
    files: Files | None,
    rows: Sequence[Sequence[Any]],
) -> Cells:
    """Return the columns by name: the files that cells of media fields name; without an id."""
    columns = list(zip(*rows, strict=True)) or [()] * len(request.fields)
    # An empty text is a missing cell to H2O MLOps.
    gapped = [
        [None if c == "" else c for c in column] if "" in column else column for column in columns
    ]
    cells: Cells = dict(zip(request.fields, gapped, strict=True))
    if files is not None:
        cells |= _contents(request, schema, files, cells)
    if schema is None:
        cells.pop(request.id_field or "", None)
    return cells


def media_columns(schema: Schema | None) -> frozenset[str]:
    """Return the names of the columns that hold files."""
    columns = () if schema is None else schema.columns
    return frozenset(column.name for column in columns if column.dtype is DataType.BYTES)


def _known(schema: Schema, cells: Cells, exactly: Callable[[], Cells], n_rows: int) -> Frame:
    sources = dict(zip(schema.as_known(tuple(cells)), cells, strict=True))
    missing = [name for name in schema.names if name not in sources]
    if missing and not schema.absent_is_missing:
        raise _missing(missing, schema, tuple(cells))
    nothing = (None,) * n_rows

    def wanted(cells: Cells) -> list[Sequence[Any]]:
        return [cells[sources[n]] if n in sources else nothing for n in schema.names]

    return schema.conform(JsonFrame(schema.names, lambda: wanted(cells), lambda: wanted(exactly())))


def _missing(missing: Sequence[str], schema: Schema, sent: Names) -> ColumnsError:
    error = missing_error(missing, sent)
    if schema.named or not set(schema.names).isdisjoint(sent):
        return error
    return ColumnsError(
        f"{error}; the model has no names of its own, its fields are their positions: declare "
        "names as inputSchema in model-metadata.yaml"
    )


def _contents(
    request: ScoreRequest,
    schema: Schema | None,
    files: Files,
    cells: Mapping[str, Sequence[Any]],
) -> dict[str, Sequence[Any]]:
    """Return the columns of media fields with the files that their cells name."""
    media = media_columns(schema)
    asked = request.media_fields
    named = [field for field in request.fields if field in (media if asked is None else asked)]
    unfit = [name for name in named if schema is not None and name in set(schema.names) - media]
    if unfit:
        raise ColumnsError(f"media fields that the model does not take as files: {listed(unfit)}")
    return {field: [_content(name, files) for name in cells[field]] for field in named}


def _content(name: Any, files: Files) -> bytes | None:
    if name is None or name == "":
        return None
    if not isinstance(name, str) or name not in files:
        raise ColumnsError(
            f"no file named {str(name)[:100]!r} was uploaded; the cells of media fields are the "
            "names of files in the form"
        )
    return files[name]


PART = "scoreMediaRequest"
"""The part that holds the scoring request."""

FILES = "files"
"""The parts that hold files; there may be many of that name."""

MOST_PARTS = 10_000
"""Files of one request."""

_ESCAPES = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))


def read_form(request: Request) -> tuple[bytes, Files]:
    """Return the scoring request in a form, and the uploaded files by name.

    Raises:
        MediaTypeError: the body is no form.
        PayloadError: the form has no scoring request, or two files of one name.
    """
    if request.mimetype != "multipart/form-data" or "boundary" not in request.mimetype_params:
        raise MediaTypeError(
            f"media are sent as multipart/form-data: the part {PART!r} with the request as JSON, "
            f"and a part {FILES!r} for each file"
        )
    request.max_form_memory_size = request.max_content_length
    request.max_form_parts = MOST_PARTS
    if PART in request.files:
        body = request.files[PART].stream.read()
    elif PART in request.form:
        body = request.form[PART].encode()
    else:
        raise PayloadError(f"the form has no part {PART!r} with the request as JSON")
    return body, _files(request.files.getlist(FILES))


def _files(parts: list[FileStorage]) -> Files:
    files: dict[str, bytes] = {}
    for part in parts:
        name = _unescaped(part.filename or "")
        if name in files:
            raise PayloadError(f"two files are named {name[:100]!r}; give each a name of its own")
        files[name] = part.stream.read()
    return files


def _unescaped(name: str) -> str:
    """Undo the escapes that browsers and httpx write into names of a form."""
    for escape, character in _ESCAPES:
        name = name.replace(escape, character)
    return name
