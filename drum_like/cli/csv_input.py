"""CSV input of `score`: its delimiter, decimal mark and encoding, and columns passed through."""

import csv
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from drum_like.cli.input_file import is_csv
from drum_like.config.file_settings import ScoreSettings
from drum_like.errors import SettingsError
from drum_like.types.column import Column, DataType
from drum_like.types.frame import Frame
from drum_like.types.names import listed
from drum_like.types.payload import python_codec
from drum_like.types.schema import Schema

_NUMBER = re.compile(r"\s*[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?\s*")
_POINTED = re.compile(r"\s*[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The dialect of a CSV file.

    Attributes:
        delimiter: Between fields.
        decimal: The mark in numbers, "." or ",".
        encoding: Python's codec.
    """

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    @classmethod
    def of(cls, settings: ScoreSettings) -> "Dialect":
        """Return the dialect that the flags name.

        Raises:
            SettingsError: the delimiter is the decimal mark.
        """
        delimiter, decimal = settings.delimiter or ",", settings.decimal
        if delimiter == decimal:
            raise SettingsError(
                f"--decimal: {decimal!r} separates the fields, too; name another --delimiter"
            )
        return cls(delimiter, decimal, python_codec(settings.encoding))


@contextmanager
def plain(path: Path, dialect: Dialect, schema: Schema | None) -> Iterator[Path]:
    """Give a file with commas, decimal points and UTF-8, which is there until the block ends.

    Numbers with a decimal comma are rewritten, except in columns that the model reads as text.

    Args:
        path: The file.
        dialect: How it is written.
        schema: The columns of the model; None if they are not known.

    Raises:
        SettingsError: the file is not CSV of that dialect.
    """
    if dialect == Dialect():
        yield path
        return
    if not is_csv(path):
        kind = path.suffix or "other"
        raise SettingsError(
            f"--delimiter, --decimal and --encoding are about CSV, not {kind} files"
        )
    with TemporaryDirectory(prefix="drum-like-") as folder:
        target = Path(folder) / "input.csv"
        _rewrite(path, target, dialect, schema)
        yield target


def _rewrite(path: Path, target: Path, dialect: Dialect, schema: Schema | None) -> None:
    encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
    csv.field_size_limit(sys.maxsize)
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as sink,
        ):
            rows = csv.reader(source, delimiter=dialect.delimiter, strict=True)
            header = next(rows, [])
            writer = csv.writer(sink, lineterminator="\n")
            writer.writerow(header)
            has_commas = dialect.decimal == ","
            writer.writerows(_pointed(rows, header, schema) if has_commas else rows)
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"--input: the file is not {encoding.removesuffix('-sig')}; name its --encoding"
        ) from error
    except csv.Error as error:
        raise SettingsError(
            "--input: the file is not CSV of that --delimiter; are its fields quoted right?"
        ) from error


def _pointed(
    rows: Iterable[list[str]], header: Sequence[str], schema: Schema | None
) -> Iterator[list[str]]:
    """Yield rows with decimal points; a point in a number, as between thousands, is refused."""
    texts = _places(header, schema, _is_text)
    numbers = _places(header, schema, _is_number)
    number = 0
    for row in rows:
        number += bool(row)  # blank lines are no rows
        for at in numbers:
            if at < len(row) and "." in row[at] and _POINTED.fullmatch(row[at]):
                raise SettingsError(
                    f"--decimal: row {number} has a number with a point in column "
                    f"{listed(header[at : at + 1])}; its decimal mark is a comma, and there is no "
                    "mark between thousands"
                )
        yield [
            cell.replace(",", ".") if at not in texts and _NUMBER.fullmatch(cell) else cell
            for at, cell in enumerate(row)
        ]


def _places(
    header: Sequence[str], schema: Schema | None, is_wanted: Callable[[Column], bool]
) -> Collection[int]:
    """Return the positions of some of the model's columns; none where it does not know them."""
    if schema is None:
        return ()
    places = {name: at for at, name in enumerate(header)}
    by_name = schema.goes_by_name(tuple(header))
    found = (
        places.get(column.name) if by_name else at
        for at, column in enumerate(schema.columns)
        if is_wanted(column)
    )
    return {at for at in found if at is not None}


def _is_text(column: Column) -> bool:
    """Return whether a model takes the cells of a column as they were written."""
    return column.is_typed and column.dtype is DataType.STR


def _is_number(column: Column) -> bool:
    return column.kind == "number" and column.dtype is not DataType.STR


def check_names(names: Sequence[str], frame: Frame) -> None:
    """Refuse names that the input does not have.

    Raises:
        SettingsError: a column is missing.
    """
    known = frame.columns or ()
    missing = [name for name in names if name not in known]
    if missing:
        raise SettingsError(
            f"--passthrough: the input has no column {listed(missing)}; its columns are "
            f"{listed(known)}"
        )


def beside(predictions: bytes, frame: Frame, names: Sequence[str]) -> bytes:
    """Return predictions as CSV with columns of the input behind them, their cells as sent.

    Args:
        predictions: CSV with a header.
        frame: The input.
        names: Columns of it.

    Raises:
        SettingsError: the input lacks a column, the predictions have one of that name, or there
            are not as many predictions as rows.
    """
    check_names(names, frame)
    header, *rows = csv.reader(StringIO(predictions.decode(), newline=""))
    taken = [name for name in names if name in header]
    if taken:
        raise SettingsError(f"--passthrough: the predictions have a column {listed(taken)}, too")
    if len(rows) != frame.n_rows:
        raise SettingsError(
            f"--passthrough: the model answers {len(rows)} rows for the {frame.n_rows} of the input"
        )
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*header, *names])
    writer.writerows([*row, *cells] for row, cells in zip(rows, _cells(frame, names), strict=True))
    return out.getvalue().encode()


def _cells(frame: Frame, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
    places = [list(frame.columns or ()).index(name) for name in names]
    return zip(*(frame.cells(place) for place in places), strict=True)
