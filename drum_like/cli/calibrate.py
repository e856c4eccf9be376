"""`drum-like calibrate`: measure the errors of a model on rows that it was not fitted on.

The file that it writes, and the lines for model-metadata.yaml that it prints, give the model
prediction intervals.
"""

import csv
from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from io import StringIO
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drum_like.cli.input_file import input_path, is_csv, template
from drum_like.cli.streams import replacing
from drum_like.cli.tables import print_text
from drum_like.config.file_settings import CalibrateSettings
from drum_like.errors import SettingsError, UnsupportedError
from drum_like.inference.explain import residuals
from drum_like.inference.explain.capabilities import Absent
from drum_like.inference.explain.conformal import QuantileIntervals
from drum_like.inference.loading import open_service, predict_limiter
from drum_like.inference.model_service import ModelService
from drum_like.inference.pipeline import decode
from drum_like.model.interval_settings import IntervalSettings, Method
from drum_like.types.names import listed
from drum_like.types.numbers import text_to_number
from drum_like.types.payload import Payload
from drum_like.types.prediction import Prediction
from drum_like.types.target import TargetType

FILE_NAME = "residuals.csv"

Values = NDArray[np.float64]


class Holdout(NamedTuple):
    """Rows and their true values.

    Attributes:
        rows: CSV without the target.
        targets: (n_rows,) float64.
    """

    rows: bytes
    targets: Values


def run(settings: CalibrateSettings, _environ: MutableMapping[str, str]) -> int:
    """Write the residuals into the model directory; print the lines that the metadata need.

    Raises:
        LoadError: the model does not load.
        SettingsError: the file is no hold-out data, or has too few rows for the level.
        DrumLikeError: the model refuses the rows.
    """
    path = input_path(settings)
    if not is_csv(path):
        raise SettingsError("--input: hold-out data have to be CSV, with the target as a column")
    # As scoring does it: one process has all CPUs to itself.
    service = open_service(settings.model, settings.load, limiter=predict_limiter(1))
    if service.target.type is not TargetType.REGRESSION:
        raise SettingsError(
            "only targets of type regression have prediction intervals, this one is "
            f"{service.target.type.value}"
        )
    holdout = split(path.read_bytes(), settings.target)
    plan = _plan(settings, service)
    _check_size(len(holdout.targets), plan)
    header, numbers = _errors(settings, service, holdout, plan)
    with replacing(settings.model.code_dir / FILE_NAME) as stream:
        stream.write(residuals.text(header, numbers).encode())
    print_text(_report(service, plan, len(numbers)))
    return 0


def split(content: bytes, target: str) -> Holdout:
    """Return the rows of a CSV file without their target, and the target.

    Raises:
        SettingsError: the file is no CSV in UTF-8, lacks the column, or has a row without a
            finite target.
    """
    try:
        lines = [line for line in csv.reader(StringIO(content.decode("utf-8-sig"))) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError("--input: the file is not CSV in UTF-8") from error
    names = lines[0] if lines else []
    if names.count(target) != 1:
        raise SettingsError(
            f"--target: the file has {names.count(target)} columns named {target!r}; its columns "
            f"are {listed(names)}"
        )
    at = names.index(target)
    for number, line in enumerate(lines):
        if len(line) != len(names):
            raise SettingsError(
                f"--input: row {number} has {len(line)} cells, the header {len(names)}"
            )
    targets = [_target(line[at], row, target) for row, line in enumerate(lines[1:], 1)]
    out = StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([*line[:at], *line[at + 1 :]] for line in lines)
    return Holdout(out.getvalue().encode(), np.array(targets, dtype=np.float64))


def _target(cell: str, row: int, name: str) -> float:
    number = text_to_number(cell)
    if number is None or not isfinite(number):
        raise SettingsError(
            f"--target: column {name!r} holds no finite number in row {row}; leave out rows whose "
            "true value is not known"
        )
    return number


def _plan(settings: CalibrateSettings, service: ModelService) -> IntervalSettings:
    """Return the plan of the intervals: a pair of quantiles where the metadata name one."""
    told = service.explanations.intervals
    if told is not None and told.method is Method.QUANTILE_PAIR:
        return replace(told, level=settings.level, residuals=FILE_NAME)
    method = Method.ASYMMETRIC if settings.asymmetric else Method.SPLIT_CONFORMAL
    return IntervalSettings(method, settings.level, FILE_NAME)


def _check_size(n_rows: int, plan: IntervalSettings) -> None:
    try:
        residuals.check_size(n_rows, plan)
    except UnsupportedError as error:
        raise SettingsError(f"--input: {error}") from error


def _errors(
    settings: CalibrateSettings, service: ModelService, holdout: Holdout, plan: IntervalSettings
) -> tuple[str, Sequence[float]]:
    """Return the header and the numbers of the file: residuals, or conformity scores."""
    payload = replace(template(settings, input_path(settings)), body=holdout.rows)
    prediction = service.predict(payload)
    values = np.asarray(prediction.column, dtype=np.float64)
    if values.shape != holdout.targets.shape or not np.isfinite(values).all():
        raise SettingsError(
            f"--input: {len(holdout.targets)} rows have {int(np.isfinite(values).sum())} "
            "predictions that are finite numbers; leave out rows without"
        )
    if plan.method is not Method.QUANTILE_PAIR:
        return residuals.RESIDUAL, (holdout.targets - values).tolist()
    return residuals.SCORE, _scores(service, payload, holdout.targets)


def _scores(service: ModelService, payload: Payload, targets: Values) -> Sequence[float]:
    """Return the distance of each target outside of the two quantiles; negative inside."""
    source = service.explanations.interval_source
    if not isinstance(source, QuantileIntervals):
        raise SettingsError(
            "the models of the quantiles do not give intervals yet: "
            f"{source.reason if isinstance(source, Absent) else 'they are not in use'}; calibrate "
            "with prediction_intervals that name neither residuals nor model_sha256"
        )
    frame = decode(payload)
    raw = replace(source, margin=0.0)(frame, Prediction(np.empty(frame.n_rows)))
    found: list[float] = np.maximum(raw.lower - targets, targets - raw.upper).tolist()
    return found


def _report(service: ModelService, plan: IntervalSettings, n_rows: int) -> str:
    lines = [f"  method: {plan.method.value}", f"  level: {float(plan.level)!r}"]
    if plan.method is Method.QUANTILE_PAIR:
        lines += [f"  lower_model: {plan.lower_model}", f"  upper_model: {plan.upper_model}"]
    lines.append(f"  residuals: {FILE_NAME}")
    if service.info.sha256 is not None:
        lines.append(f"  model_sha256: {service.info.sha256}")
    about = (
        f"{FILE_NAME}: the errors on {n_rows} rows. The model must not have been fitted or tuned "
        "on them."
    )
    head = ["model-metadata.yaml has to say:", "", "prediction_intervals:"]
    return "\n".join([about, *head, *lines])
