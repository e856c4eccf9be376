"""The child of `drum-like doctor`: loads a model, predicts sample rows, and reports both.

The report is a file of JSON, written anew before each step, so that the parent knows the step at
which a process ended or hangs. Texts of exceptions that custom.py raises about rows are left out.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import orjson

from drum_like.cli.doctor import sample
from drum_like.cli.doctor.examination import (
    EXAMPLE,
    GIVEN,
    LOAD,
    PREDICT,
    Failure,
    Note,
    Report,
)
from drum_like.cli.main import load_settings
from drum_like.config.file_settings import DoctorSettings
from drum_like.errors import DrumLikeError, HookError, TargetError, for_operator
from drum_like.inference import rehearsal
from drum_like.inference.loading import open_service, predict_limiter
from drum_like.inference.model_service import ModelService
from drum_like.model.artifact import artifact_kinds
from drum_like.model.configuration import configured
from drum_like.model.directory import ModelDirectory
from drum_like.system.memory import resident
from drum_like.types.frame import Frame


class _Kept(logging.Handler):
    """Keeps the warnings of a load."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.notes: list[Note] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message with the code that it may have."""
        if record.name != rehearsal.__name__:  # rows are predicted here, too
            words = record.args if isinstance(record.args, tuple) else ()
            code = getattr(record, "code", "logged-at-load")
            self.notes.append(Note(record.getMessage(), code, tuple(map(str, words))))


def main() -> None:
    """Examine the model of the flags in argv, and write the report to the file argv[1]."""
    place, *words = sys.argv[1:]  # noqa: TID251 - the child has a command line of its own
    settings = load_settings(DoctorSettings, words, os.environ)  # noqa: TID251 - and a start
    kept = _Kept()
    logging.getLogger().addHandler(kept)
    _Trial(settings, Path(place), kept).run()
    os._exit(0)  # threads of a framework, or of the model, may never end


class _Trial:
    """An examination under way."""

    def __init__(self, settings: DoctorSettings, place: Path, kept: _Kept) -> None:
        self._settings, self._place, self._kept = settings, place, kept
        self._report = Report()

    def run(self) -> None:
        """Load, predict, and write the report."""
        self._note(step=LOAD)
        began = monotonic()
        try:
            service = open_service(self._settings.model, self._settings.load, limiter=_limiter())
        except BaseException as error:  # noqa: BLE001 - code of the model may raise anything
            self._note(failure=_failure(error), target=self._target(), done=True)
            return
        self._note(load_s=monotonic() - began, **self._described(service))
        self._note(**self._predicted(service))
        self._note(memory=resident(), printed=_printed(), done=True)

    def _note(self, **facts: Any) -> None:
        """Add facts to the report, and write it."""
        self._report = replace(self._report, **facts, notes=tuple(self._kept.notes))
        new = self._place.with_suffix(".new")
        new.write_bytes(orjson.dumps(asdict(self._report)))
        new.replace(self._place)

    def _target(self) -> str:
        with suppress(DrumLikeError):
            told = configured(self._settings.model).target_type
            return "" if told is None else told.value
        return ""

    def _described(self, service: ModelService) -> dict[str, Any]:
        directory = ModelDirectory(self._settings.model.code_dir)
        hooked = service.hooks.load_model is not None
        claimed = () if hooked else directory.candidates(artifact_kinds())
        classifies = service.target.type.is_classification
        pickles = tuple(path.name for path, kind in claimed if kind.runs_code)
        return {
            "name": service.info.name,
            "framework": service.info.framework or "",
            "target": service.target.type.value,
            "labels": tuple(map(str, service.target.order)) if classifies else (),
            "pickles": pickles,
            "model_class": f"{type(service.model).__module__}.{type(service.model).__qualname__}",
            "hooked": service.hooks.sees_rows,
            "takes_files": sample.is_asked_with_files(service),
            "typed": service.inputs is not None
            and all(column.is_typed for column in service.inputs.columns),
            "predicts_rows": service.pipeline is not None,
        }

    def _predicted(self, service: ModelService) -> dict[str, Any]:
        """Predict rows until enough are answered; return what the report says about it."""
        if service.pipeline is None or service.reads_any_type:
            return self._answered(service)
        try:
            source, frames = sample.rows_of(service, self._settings)
        except DrumLikeError as error:
            return {"failure": _failure(error, PREDICT), "sample": GIVEN}
        self._note(step=PREDICT, sample=source)
        certain, first, answered = None, None, list[Frame]()
        for at, frame in enumerate(frames):
            try:
                self._predict(service, frame)
                answered.append(frame)
            except BaseException as error:  # noqa: BLE001 - code of the model may raise anything
                first = first or _failure(error, PREDICT)
                certain = certain or (
                    _failure(error, PREDICT) if _counts(error, source, at) else None
                )
            if len(answered) == sample.MOST:
                break
        return {
            "columns": list((answered[0].columns if answered else None) or ()),
            "rows": list(map(sample.cells_of, answered)),
            "failure": certain or (None if answered else first),
        }

    def _answered(self, service: ModelService) -> dict[str, Any]:
        """Let the model answer the file of --input, if there is one and it takes any."""
        if self._settings.input is None or not sample.is_asked_with_files(service):
            return {}
        self._note(step=PREDICT, sample=GIVEN, tried=1)
        try:
            sample.answer_file(service, self._settings)
        except BaseException as error:  # noqa: BLE001 - code of the model may raise anything
            return {"failure": _failure(error, PREDICT)}
        return {}

    def _predict(self, service: ModelService, frame: Frame) -> None:
        began = monotonic()
        self._note(tried=self._report.tried + 1)
        values = service.predict(frame).values
        taken = max(self._report.predict_s, monotonic() - began)
        self._note(predict_s=taken, finite=self._report.finite and _is_finite(values))


def _counts(error: BaseException, source: str, at: int) -> bool:
    """Return whether a failure is the model's, not that of a row which was made up."""
    return source == GIVEN or (source == EXAMPLE and at == 0) or isinstance(error, TargetError)


def _limiter() -> Any:
    """Return the limiter of a process that has all CPUs to itself."""
    return predict_limiter(1)


def _failure(error: BaseException, step: str = LOAD) -> Failure:
    """Return an exception in words that hold no cell and no traceback."""
    causes = list(_causes(error))
    missing = [cause.name for cause in causes if isinstance(cause, ImportError)]
    if isinstance(error, HookError):
        text = error.summary or "a hook of custom.py raised an exception"
    elif isinstance(error, DrumLikeError):
        text = for_operator(error)
    else:
        text = f"an exception of the type {type(error).__name__}"
    return Failure(
        step=step,
        kind=type(error).__name__,
        text=text,
        causes=tuple(type(cause).__name__ for cause in causes),
        module=str(missing[-1] or "") if missing else "",
        place=str(getattr(error, "hint", "") or ""),
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that it comes from; one that a hook raises from itself, once."""
    known = set[int]()
    while error is not None and id(error) not in known:
        yield error
        known.add(id(error))
        error = error.__cause__


def _is_finite(values: Any) -> bool:
    kind = np.asarray(values).dtype.kind
    return kind not in "fc" or bool(np.isfinite(values).all())


def _printed() -> int:
    """Return the bytes that were written to standard output, which is a file here."""
    sys.stdout.flush()
    return os.fstat(1).st_size


if __name__ == "__main__":
    main()
