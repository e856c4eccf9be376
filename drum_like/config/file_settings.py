"""Settings of the verbs about a file of rows."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from drum_like.config.model_settings import ModelCommandSettings, TimedSettings
from drum_like.config.options import option, switch
from drum_like.config.server_settings import ServingSettings
from drum_like.config.store_settings import PrintedSettings
from drum_like.config.value_types import (
    CHARSET,
    COLUMN,
    DELIMITER,
    FILE,
    INPUT,
    KIND,
    NAMES,
    NEW_FILE,
    NUMBER,
    SECONDS,
    SHARE,
    TEXT,
)
from drum_like.config.verbs import CALIBRATE, DOCTOR, EXPLAIN, PERF_TEST, SCORE, VALIDATION


@dataclass(frozen=True)
class FileCommandSettings(ModelCommandSettings):
    """Settings of a verb that reads a file of rows."""

    input: Path | None = option(None, "file to score; - for standard input", INPUT)


@dataclass(frozen=True)
class SparseCommandSettings(FileCommandSettings):
    """Settings of a verb whose file may be Matrix Market."""

    sparse_column_file: Path | None = option(
        None, "column names of Matrix Market input, one a line", FILE
    )


@dataclass(frozen=True)
class ScoreSettings(SparseCommandSettings, TimedSettings):
    """Settings of `score`."""

    verb = SCORE
    output: Path | None = option(
        None, "file to write, - for standard output; else print a table", NEW_FILE
    )
    delimiter: str | None = option(
        None, "character between the fields of --input, else a comma", DELIMITER
    )
    decimal: str = option(".", "decimal mark in the numbers of --input", TEXT, choices=(".", ","))
    encoding: str | None = option(None, "encoding of --input, else UTF-8", CHARSET)
    passthrough: tuple[str, ...] = option(
        (), "columns of --input to repeat behind the predictions", NAMES
    )


@dataclass(frozen=True)
class ValidationSettings(SparseCommandSettings):
    """Settings of `validation`."""

    verb = VALIDATION


@dataclass(frozen=True)
class PerfTestSettings(ServingSettings, SparseCommandSettings):
    """Settings of `perf-test`."""

    verb = PERF_TEST
    samples: int | None = option(
        None, "rows of a request, for one case of --iterations", NUMBER, short="-s"
    )
    iterations: int | None = option(None, "requests of that case", NUMBER, short="-i")
    timeout: int = option(600, "time that a case may take", SECONDS)
    in_server: bool = switch("print the server's own timing too")


@dataclass(frozen=True)
class DoctorSettings(ServingSettings, FileCommandSettings, PrintedSettings):
    """Settings of `doctor`; they are those of the server that it is asked about."""

    verb = DOCTOR


@dataclass(frozen=True)
class ExplainSettings(FileCommandSettings, PrintedSettings):
    """Settings of `explain`."""

    verb = EXPLAIN
    kind: str | None = option(
        None,
        "columns to explain: as they are sent, or as the final estimator sees them; else the "
        "first kind that the model has",
        KIND,
        choices=("ORIGINAL", "TRANSFORMED"),
    )
    row: int | None = option(None, "explain this row only; the first is 1", NUMBER)
    top: int = option(5, "columns to show for a row, the largest contributions", NUMBER)
    plot: Path | None = option(
        None, "SVG file to draw one row into: that of --row, else the first", NEW_FILE
    )


@dataclass(frozen=True)
class CalibrateSettings(FileCommandSettings):
    """Settings of `calibrate`."""

    verb = CALIBRATE
    target: str = option("", "column of --input that holds the true values", COLUMN)
    level: Fraction = option(
        Fraction(9, 10), "share of true values that the intervals should contain", SHARE
    )
    asymmetric: bool = switch("make intervals wider on the side of the larger errors")
