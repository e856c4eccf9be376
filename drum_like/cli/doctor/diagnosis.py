"""Findings about a model from the report of the child that tried it."""

from collections.abc import Iterator

import psutil

from drum_like import plugins
from drum_like.cli.doctor.examination import (
    EXAMPLE,
    GIVEN,
    LOAD,
    MADE_UP,
    Failure,
    Report,
)
from drum_like.cli.doctor.finding import Finding, Suggestion, advice, error, warning
from drum_like.cli.doctor.packages import install_command
from drum_like.config.file_settings import DoctorSettings
from drum_like.model.manifests import has_manifest
from drum_like.model.metadata import FILE_NAME
from drum_like.system import cgroup
from drum_like.types.target import TargetType

_MIB = 1 << 20
_SHARE = 0.8
"""Share of the memory that workers may fill; requests take the rest."""

_INPUT_SCHEMA = f"""name rows with --input; or add an entry for each column to {FILE_NAME}:
inputSchema:
  type: object
  properties:
    COLUMN:
      type: number
      examples:
        - 1.5"""
_LOGGED = {
    "sklearn-version": (
        "pip install 'scikit-learn=={}'; or load the model with {}, look at its answers, and save "
        "it again"
    ),
    "unused-files": "take {1} away, or {0} if that is not the model",
    "codes": "save the whole model with XGBoost 3.1 or later",
}
"""Fixes of warnings that a load logs, by their code, with the parts of the message."""

_SAVE_AGAIN = "copy the file again from where it was made, or save the model again there"


def suggestion(report: Report) -> Suggestion | None:
    """Return the settings for a server; None for a model that was not tried to the end."""
    if not report.memory:
        return None
    workers = max(1, min(cgroup.cpus(), _most_workers(report.memory)))
    return Suggestion(workers, DoctorSettings().threads, workers * report.memory // _MIB)


def findings(report: Report, settings: DoctorSettings) -> Iterator[Finding]:
    """Yield the findings of a report."""
    for note in report.notes:
        fix = _LOGGED.get(note.code, "change what the message names; a server logs it, too")
        yield warning(note.code, note.text, fix.format(*note.words))
    if report.failure is not None:
        yield _of_failure(report.failure, report, settings)
    yield from _of_pickles(report)
    yield from _of_memory(report, settings)
    if report.failure is None:
        yield from _of_sample(report)
        yield from _of_output(report)


def _of_failure(failure: Failure, report: Report, settings: DoctorSettings) -> Finding:
    if failure.kind == "Timeout":
        return _late(failure, settings)
    if failure.kind == "Ended":
        return _ended(failure)
    if failure.module:
        found = f"the module {failure.module!r} does not import"
        return error(
            "missing-module", found, install_command(failure.module, settings.model.code_dir)
        )
    return (
        _of_load(failure, report, settings) if failure.step == LOAD else _refused(failure, report)
    )


def _late(failure: Failure, settings: DoctorSettings) -> Finding:
    if failure.step == LOAD:
        found = "the model does not load within ten minutes"
        return error("slow-load", found, "let custom.py wait for nothing while it is loaded")
    timeout = settings.request_timeout_s
    found = f"the prediction of one row takes longer than --request-timeout-s {timeout}"
    fix = "make the hooks of custom.py faster, or give them time: --request-timeout-s SECONDS"
    return error("slow-prediction", found, fix)


def _ended(failure: Failure) -> Finding:
    doing = "was loaded" if failure.step == LOAD else "predicted a row"
    found = f"the process {failure.text} while the model {doing}"
    fix = (
        "take os._exit() and os.abort() out of custom.py and raise an exception instead; without "
        f"them the model file or its framework ends the process: {_SAVE_AGAIN}"
    )
    return error("process-ended", found, fix)


def _of_load(failure: Failure, report: Report, settings: DoctorSettings) -> Finding:
    """Return the finding for an exception of the load."""
    place = failure.place.partition(":")[0] or "custom.py"
    told = failure.text.rpartition(";")[2].strip() if ";" in failure.text else ""
    match failure.kind:
        case "SettingsError":
            return _of_settings(failure, report)
        case "CustomCodeError":
            code, fix = "custom-code", f"mend {place}"
        case "PluginError":
            code, fix = "no-predictor", plugins.describe_frameworks()
        case _ if has_manifest(settings.model.code_dir):
            code, fix = "manifest", told or _SAVE_AGAIN
        case "ArtifactError" if set(failure.causes) != {"ArtifactError"}:
            code, fix = "unreadable-artifact", _SAVE_AGAIN
        case _ if "TargetError" in failure.causes:
            code, fix = "wrong-target", _target_fix(report)
        case _:
            code, fix = "not-servable", told or _target_fix(report)
    return error(code, failure.text, fix)


def _of_settings(failure: Failure, report: Report) -> Finding:
    """Return the finding for a target that is not known in full."""
    if not report.target:
        fix = (
            f"say it in {FILE_NAME}, for example `targetType: regression`, or with "
            "--target-type regression"
        )
        return error("no-target-type", failure.text, fix)
    if report.target == TargetType.BINARY.value:
        fix = (
            "give --positive-class-label and --negative-class-label; or add your labels to "
            f"{FILE_NAME}:\ninferenceModel:\n  positiveClassLabel: yes\n  negativeClassLabel: no"
        )
        return error("no-labels", failure.text, fix)
    if TargetType(report.target).is_classification:
        fix = (
            f"give --class-labels; or add your labels to {FILE_NAME}, in the order of the model's "
            "outputs:\ninferenceModel:\n  classLabels:\n    - A\n    - B\n    - C"
        )
        return error("no-labels", failure.text, fix)
    return error("settings", failure.text, f"mend {FILE_NAME}, or the flag that is named")


def _target_fix(report: Report) -> str:
    said = f"targetType: {report.target}" if report.target else "the target type"
    return (
        f"let `{said}` and the labels in {FILE_NAME}, or their flags, be those that the model was "
        "trained for"
    )


def _refused(failure: Failure, report: Report) -> Finding:
    """Return the finding for an exception of a prediction."""
    at = failure.place.partition(":")[0]
    where = f" ({failure.place})" if failure.place else ""
    if "SystemExit" in failure.causes:
        fix = f"raise an exception in {at or 'custom.py'} instead of sys.exit()"
        return error("hook-exits", f"a hook exits: {failure.text}{where}", fix)
    if failure.kind == "TargetError":
        return error("wrong-output", failure.text, _output_fix(report))
    if failure.kind in ("HookError", "UserError"):
        found, fix = f"{failure.text}{where}", f"mend {at or 'custom.py'}"
        return _certain(report, "hook-raises", found, f"{fix}; --logging-level debug logs more")
    found = f"the model refuses a row ({_SAMPLES[report.sample]}): {failure.text}"
    return _certain(report, "row-refused", found, _row_fix(report))


_SAMPLES = {GIVEN: "of --input", EXAMPLE: "of the examples", MADE_UP: "made up"}


def _certain(report: Report, code: str, found: str, fix: str) -> Finding:
    """Return an error, or a warning if the row may be at fault, because it was made up."""
    if report.sample == MADE_UP:
        return warning(code, f"{found}; rows were made up", f"{fix}; or {_INPUT_SCHEMA}")
    return error(code, found, fix)


def _row_fix(report: Report) -> str:
    if report.sample == GIVEN:
        return "send rows with the columns and the types of training: correct the file of --input"
    return f"correct the examples of inputSchema in {FILE_NAME}, or name a file with --input"


def _output_fix(report: Report) -> str:
    """Return the form that the output of a score hook has to have."""
    if report.target in _RETURNS:
        return f"let the hook return {_RETURNS[report.target]}"
    if not report.hooked:
        return _target_fix(report)
    names = list(report.labels) or ["Predictions"]
    shape = f"one row for each row of `data`, and the columns {names}"
    return f"let the score hook return a DataFrame with {shape}"


_RETURNS = {
    TargetType.TRANSFORM.value: "a DataFrame",
    TargetType.UNSTRUCTURED.value: "text, bytes or None",
}


def _of_sample(report: Report) -> Iterator[Finding]:
    asked = report.predicts_rows or report.takes_files  # a chat is not
    if not asked or report.sample in (GIVEN, EXAMPLE):
        return
    found = "no row is known, so no prediction was tried"
    if report.sample == MADE_UP:
        found = "no example of a row is known; rows were made up from the types of the columns"
    fix = "name a file for the model with --input" if report.takes_files else _INPUT_SCHEMA
    yield advice("no-sample", found, fix)


def _of_pickles(report: Report) -> Iterator[Finding]:
    """Advise formats that run no code."""
    package = report.model_class.partition(".")[0]
    for name in report.pickles:
        found = f"{name} is a pickle, which can run code when it is loaded"
        yield advice("pickle", found, _DATA_ONLY.get(package, _AS_ONNX).format(name=name))


_AS_ONNX = (
    "save the model as ONNX (with skl2onnx, `model.onnx`), and take {name} away; or keep it, and "
    "load no pickle that you did not make yourself"
)
_DATA_ONLY = {
    "xgboost": "save the model with `model.save_model('model.ubj')`, and take {name} away",
    "lightgbm": "save it with `model.booster_.save_model('model.txt')`, and take {name} away",
}


def _of_output(report: Report) -> Iterator[Finding]:
    if not report.finite:
        fix = (
            "let the score hook, or the model, give a number: JSON shows null for NaN and infinity"
        )
        yield error("not-finite", "the prediction of a sample row is not a finite number", fix)
    if report.printed:
        found = "custom.py prints to standard output, where the server writes its access log"
        fix = "use `logging.getLogger(__name__).info(...)` in custom.py instead of print()"
        yield advice("prints", found, fix)


def _of_memory(report: Report, settings: DoctorSettings) -> Iterator[Finding]:
    workers = settings.max_workers or cgroup.cpus()
    most = _most_workers(report.memory) if report.memory else workers
    if workers <= most:
        return
    each = report.memory // _MIB
    found = f"{workers} workers of {each} MiB each need more than the {_memory() // _MIB} MiB here"
    if most < 1:
        yield error("memory", found, f"give the container {int(each / _SHARE) + 1} MiB of memory")
    else:
        yield error("memory", found, f"start the server with --max-workers {most}")


def _most_workers(each: int) -> int:
    """Return how many processes of so many bytes fit into memory."""
    return int(_memory() * _SHARE) // each


def _memory() -> int:
    """Return the bytes of memory that this container may use."""
    total = int(psutil.virtual_memory().total)
    return min(cgroup.memory().limit or total, total)
