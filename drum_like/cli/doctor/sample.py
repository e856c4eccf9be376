"""Sample rows of a model: of a file, of the examples of its columns, or made up."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np

from drum_like.cli.doctor.examination import EXAMPLE, GIVEN, MADE_UP, NONE
from drum_like.cli.input_file import input_path, template, unstructured_answer
from drum_like.config.file_settings import DoctorSettings
from drum_like.inference.model_service import ModelService
from drum_like.inference.pipeline import decode_step
from drum_like.types.cells import is_missing
from drum_like.types.column import DataType
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.frame import Frame
from drum_like.types.probe_rows import example_rows, guessed_rows, probe_rows
from drum_like.types.schema import Schema

MOST = 3
"""Rows that are predicted, at most."""


def is_asked_with_files(service: ModelService) -> bool:
    """Return whether a model gets whole files, not rows that can be compared."""
    return service.transformer is not None or service.is_unstructured or service.reads_any_type


def answer_file(service: ModelService, settings: DoctorSettings) -> None:
    """Let a model that is asked with files answer that of --input.

    Raises:
        DrumLikeError: it does not.
    """
    path = input_path(settings)
    if service.is_unstructured:
        unstructured_answer(settings, service)
        return
    payload = replace(template(settings, path), body=path.read_bytes())
    if service.transformer is None:
        service.predict(payload)
    else:
        service.transform(payload)


def rows_of(service: ModelService, settings: DoctorSettings) -> tuple[str, Iterator[Frame]]:
    """Return the source of the sample rows, and frames of one row each.

    Raises:
        DrumLikeError: the file of --input cannot be read as rows.
    """
    if settings.input is not None:
        path = input_path(settings)
        payload = replace(template(settings, path), body=path.read_bytes())
        return GIVEN, islice(_singles(decode_step(service.hooks)(payload)), MOST)
    schema = service.inputs
    example = next(example_rows(schema), None)
    if schema is None:
        return NONE, iter(())
    if example is not None:
        first = _typed(example, schema)
        return EXAMPLE, iter((first, _shifted(first)))
    return MADE_UP, chain(probe_rows(schema, gaps=False), guessed_rows(schema))


def _singles(frame: Frame) -> Iterator[Frame]:
    """Yield the rows of a frame as frames of one row."""
    data = frame.pandas
    for at in range(min(frame.n_rows, MOST)):
        cells = [_array(data.iloc[at, column]) for column in range(data.shape[1])]
        yield ColumnsFrame(tuple(map(str, data.columns)), cells)


def _typed(example: Frame, schema: Schema) -> Frame:
    """Return the row of examples, which are texts, with the types of its columns."""
    cells = [
        _array(_parsed(cell, column.dtype) if column.is_typed else cell)
        for cell, column in zip(cells_of(example), schema.columns, strict=True)
    ]
    return ColumnsFrame(schema.names, cells)


def _parsed(cell: Any, dtype: DataType) -> Any:
    text = str(cell)
    if dtype is DataType.BOOL:
        return text.lower() == "true"
    try:
        return int(text) if dtype.is_integer else float(text) if dtype.is_float else text
    except ValueError:
        return text


def _shifted(row: Frame) -> Frame:
    """Return a neighbour of a row whose numbers differ, each by an amount of its own."""
    cells = [
        _array(cell + 1 + at if type(cell) in (int, float) else cell)
        for at, cell in enumerate(cells_of(row))
    ]
    return ColumnsFrame(row.columns or (), cells)


def cells_of(row: Frame) -> list[Any]:
    """Return the cells of a row as JSON has them; None for those that are missing."""
    return [_plain(row.cells(at)[0]) for at in range(row.n_columns)]


def _array(cell: Any) -> Any:
    cell = _plain(cell)
    if isinstance(cell, bool | int | float):
        return np.array([cell])
    cells = np.empty(1, dtype=object)
    cells[0] = cell
    return cells


def _plain(cell: Any) -> Any:
    """Return a cell as JSON has it; None if it is missing."""
    plain = cell.item() if isinstance(cell, np.generic) else cell
    if is_missing(plain):
        return None
    return plain if isinstance(plain, bool | int | float | str) else str(plain)
