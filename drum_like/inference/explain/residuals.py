"""The file that `drum-like calibrate` writes: one number a row of the hold-out data."""

import csv
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor, isfinite
from pathlib import Path

from drum_like.errors import UnsupportedError
from drum_like.inference.explain.context import ExplainContext
from drum_like.model.interval_settings import IntervalSettings, Method
from drum_like.types.numbers import text_to_number


def symmetric(n: int, level: Fraction) -> int:
    """Return the rank, from 1, of the absolute residual that bounds; beyond n there is none."""
    return ceil((n + 1) * level)


def asymmetric(n: int, level: Fraction) -> tuple[int, int]:
    """Return the ranks, from 1, of the lower and the upper residual; 0 and n + 1 mean none."""
    tail = (1 - level) / 2
    return floor((n + 1) * tail), ceil((n + 1) * (1 - tail))


def enough(n: int, level: Fraction, *, two_sided: bool) -> bool:
    """Return whether n residuals are enough for a level: whether its ranks exist."""
    if two_sided:
        low, high = asymmetric(n, level)
        return low >= 1 and high <= n
    return symmetric(n, level) <= n


def needed(level: Fraction, *, two_sided: bool) -> int:
    """Return the smallest number of residuals that is enough for a level."""
    # n of them are enough from (n + 1) x tail = 1 on, which a rounding may move by one.
    tail = (1 - level) / (2 if two_sided else 1)
    start = max(1, ceil(1 / tail) - 2)
    return _first(start, lambda n: enough(n, level, two_sided=two_sided))


def _first(start: int, holds: Callable[[int], bool]) -> int:
    n = start
    while not holds(n):
        n += 1
    return n


RESIDUAL = "residual"
"""Header of target minus prediction."""

SCORE = "conformity_score"
"""Header of how far a target lies outside of two quantiles; negative inside."""


def sample(context: ExplainContext, settings: IntervalSettings, header: str) -> tuple[float, ...]:
    """Return the numbers that a model directory ships, sorted, enough of them for the level.

    Raises:
        UnsupportedError: the file is missing, is none, is about another model file, or holds too
            few numbers: a bound would be infinite.
    """
    if settings.sha256 not in (None, context.sha256):
        raise UnsupportedError(
            f"{settings.residuals} is about another model file, as model_sha256 shows; run "
            "`drum-like calibrate` again"
        )
    numbers = read(inside(context.directory, settings.residuals or ""), header)
    check_size(len(numbers), settings)
    return numbers


def check_size(n_rows: int, settings: IntervalSettings) -> None:
    """Refuse a sample that is too small for a level.

    Raises:
        UnsupportedError: a bound would be infinite; says how many rows are enough.
    """
    two_sided = settings.method is Method.ASYMMETRIC
    if not enough(n_rows, settings.level, two_sided=two_sided):
        least = needed(settings.level, two_sided=two_sided)
        raise UnsupportedError(
            f"{n_rows} rows are too few for prediction intervals of level "
            f"{float(settings.level):g}; at least {least} are needed"
        )


def inside(directory: Path, name: str) -> Path:
    """Return a file of the model directory.

    Raises:
        UnsupportedError: there is none of that name, or it lies elsewhere.
    """
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()) or not path.is_file():
        raise UnsupportedError(f"the model directory has no file {name!r}")
    return path


def read(path: Path, header: str) -> tuple[float, ...]:
    """Return the numbers of a file, sorted.

    Args:
        path: CSV of one column.
        header: Its name.

    Raises:
        UnsupportedError: the file has another header, or a line is no finite number.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            lines = [line for line in csv.reader(stream) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnsupportedError(f"{path.name} cannot be read as CSV in UTF-8") from error
    if not lines or lines[0] != [header]:
        raise UnsupportedError(f"{path.name} has to be CSV with the one column {header!r}")
    return tuple(sorted(_number(line, at, path.name) for at, line in enumerate(lines[1:], 2)))


def text(header: str, numbers: Sequence[float]) -> str:
    """Return the content of a residual file."""
    return "\n".join([header, *map(repr, numbers), ""])


def _number(line: Sequence[str], at: int, name: str) -> float:
    number = text_to_number(line[0]) if len(line) == 1 else None
    if number is None or not isfinite(number):
        raise UnsupportedError(f"line {at} of {name} is not one finite number")
    return number
