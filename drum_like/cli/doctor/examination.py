"""An examination in a child process: the report of the child, and the parent that waits for it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import orjson

from drum_like.config.command_line import flags_of
from drum_like.config.file_settings import DoctorSettings
from drum_like.config.settings import options, values_of
from drum_like.config.verbs import DOCTOR, SERVER

LOAD_TIMEOUT_S = 600.0
"""Time that a model may take to load."""

_POLL_S = 0.05
_NOT_PASSED = frozenset({"class_labels_file", "runtime_params_file"})
"""Settings that others hold already: the labels of the file, variables of the environment."""

LOAD, PREDICT = "load", "predict"
"""The steps of an examination."""

GIVEN, EXAMPLE, MADE_UP, NONE = "given", "example", "made-up", "none"
"""The sources of sample rows: --input, the examples of the schema, its types; or there are none."""


@dataclass(frozen=True, slots=True)
class Note:
    """A warning that was logged while the model was loaded.

    Attributes:
        text: The message.
        code: The kind of fault.
        words: The parts of the message that differ between models.
    """

    text: str
    code: str = "logged-at-load"
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """The end of an examination before its time.

    Attributes:
        step: LOAD or PREDICT.
        kind: Class of the exception; Ended or Timeout for a child that was ended.
        text: The message, without cells of rows.
        causes: Class of the exception, and those of the exceptions that it came from.
        module: The module that does not import; empty for other failures.
        place: Line of custom.py, and class of the exception; may be empty.
    """

    step: str
    kind: str
    text: str
    causes: tuple[str, ...] = ()
    module: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The facts about a model that a child found.

    Attributes:
        step: The last step that began.
        done: Whether all steps are over.
        tried: Number of rows that were tried.
        name: Name of the model.
        framework: That predicts; empty where hooks do.
        target: Target type; empty if it is unknown.
        labels: Labels of a classifier, in the order of its outputs.
        model_class: Module and name of the class of the model object.
        pickles: Names of the model files that can run code.
        hooked: Whether hooks see or make rows.
        takes_files: Whether it is asked with whole files, not with rows: it transforms, is
            unstructured, or has a read_input_data hook.
        typed: Whether the types of all columns are known.
        predicts_rows: Whether rows are predicted at all.
        sample: The source of the rows.
        columns: Names of the columns.
        rows: The cells of the rows that were answered.
        finite: Whether all predicted numbers are finite.
        load_s: Time of the load, in seconds.
        predict_s: Longest time of a prediction, in seconds.
        memory: Bytes of the process after it predicted.
        printed: Bytes that the process wrote to standard output.
        notes: Warnings of the load.
        failure: Why it ended before its time; None if it did not.
    """

    step: str = LOAD
    done: bool = False
    tried: int = 0
    name: str = ""
    framework: str = ""
    target: str = ""
    labels: tuple[str, ...] = ()
    model_class: str = ""
    pickles: tuple[str, ...] = ()
    hooked: bool = False
    takes_files: bool = False
    typed: bool = False
    predicts_rows: bool = False
    sample: str = NONE
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    finite: bool = True
    load_s: float = 0.0
    predict_s: float = 0.0
    memory: int = 0
    printed: int = 0
    notes: tuple[Note, ...] = ()
    failure: Failure | None = None


def read_report(place: Path) -> Report:
    """Return the report in a file; an empty one if there is none."""
    if not place.is_file():
        return Report()
    content: dict[str, Any] = orjson.loads(place.read_bytes())
    failure, notes = content.pop("failure"), content.pop("notes")
    rows = tuple(map(tuple, content.pop("rows")))
    facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Report(
        **facts,
        rows=rows,
        notes=tuple(Note(**note) for note in notes),
        failure=None if failure is None else Failure(**failure),
    )


def examine(settings: DoctorSettings, environ: Mapping[str, str]) -> Report:
    """Return the report of a child that loads the model and predicts sample rows.

    The child is ended when a step takes longer than it may; then, and where it ends by itself, the
    report has a failure that says so.
    """
    with TemporaryDirectory(prefix="drum-like-doctor-") as folder:
        place, out = Path(folder) / "report.json", Path(folder) / "out"
        command = [sys.executable, "-m", "drum_like.cli.doctor.trial", str(place)]
        with out.open("wb") as stream:
            child = subprocess.Popen(  # noqa: S603 - our own program
                [*command, DOCTOR, *flags(settings, DOCTOR)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.DEVNULL,
                env=dict(environ),
                start_new_session=True,
            )
        try:
            in_time = _wait(child, place, settings.request_timeout_s or inf)
        finally:
            _end(child)
        report = read_report(place)
    return (
        report if report.done else replace(report, failure=_ended(report, child, in_time=in_time))
    )


def flags(settings: DoctorSettings, verb: str) -> list[str]:
    """Return the flags of a verb with the same settings."""
    declared = options()
    values = {
        name: value
        for name, value in values_of(settings).items()
        if name not in _NOT_PASSED and value != declared[name].default
    }
    language = ["--language", settings.load.language] if settings.load.language else []
    return [*flags_of(declared, values, verb), *(language if verb == SERVER else ())]


def _wait(child: "subprocess.Popen[bytes]", place: Path, timeout_s: float) -> bool:
    """Wait for the end of the child; return whether each of its steps was in time."""
    step, began = ("", 0), monotonic()
    while child.poll() is None:
        sleep(_POLL_S)
        report = read_report(place)
        if report.done:
            return True
        if (report.step, report.tried) != step:
            step, began = (report.step, report.tried), monotonic()
        limit = LOAD_TIMEOUT_S if report.step == LOAD else timeout_s
        if monotonic() - began > limit:
            return False
    return True


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End all processes of the child's session."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(_POLL_S)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _ended(report: Report, child: "subprocess.Popen[bytes]", *, in_time: bool) -> Failure:
    """Return the failure of a child that did not finish."""
    if not in_time:
        return Failure(report.step, "Timeout", "")
    code = child.returncode
    if code < 0 and -code in set(signal.Signals):
        return Failure(report.step, "Ended", f"was ended by {signal.Signals(-code).name}")
    return Failure(report.step, "Ended", f"left with exit code {code}")
