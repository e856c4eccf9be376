"""Resolution of the settings' values from a command line and an environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drum_like.config import drum_flags, platforms
from drum_like.config.command_line import CommandLine, usage_error
from drum_like.config.environment import has_parameter, parameter, server_notes
from drum_like.config.options import OWN_PREFIX, Option, variables
from drum_like.config.verbs import CALIBRATE, DIRECTORIES, FILES, NEW_MODEL, SERVER
from drum_like.errors import SettingsError

_NO_CREDENTIALS = (
    "--require-auth: no credentials are configured; set --credentials or DRUM_LIKE_PASSPHRASE"
)
_BINARY = (
    "\nError - for binary classification case, both positive and negative class labels have to "
    "be provided. \nSee --help option for more information"
)
_MULTICLASS = (
    "\nError - for multiclass classification, either the class labels or a class labels file "
    "should be provided, but not both.\nSee --help option for more information"
)


def resolved(
    declared: Mapping[str, Option], line: CommandLine, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return values for the fields of the settings: flag, environment, platform.

    Fields that were not set are left out.

    Raises:
        UsageError: something is missing, or flags contradict each other.
        SettingsError: a variable is wrong, or labels are.
    """
    found = {name: text for name, text in environ.items() if text}
    own = {name: option for name, option in declared.items() if line.verb in option.verbs}
    values = _steered(own, found, beating=False) | _from_environment(own, found, line)
    values |= line.values
    values |= _steered(own, found, beating=True)
    values |= _platform(own, line, values, found)
    fault = _path_fault(line.verb, values) or _label_fault(values)
    if values.get("require_auth") and not values.keys() & {"passphrase", "credentials"}:
        fault = fault or _NO_CREDENTIALS
    if fault:
        raise usage_error(line.verb, fault, declared)
    values |= _labels(values)
    notes = _inert_notes(line, values, found)
    if line.verb == SERVER:
        notes += platforms.unreachable(
            found, values.get("url_prefix", ""), sagemaker=_in_sagemaker(line, found)
        ) + server_notes(found)
    if "code_dir" in values:
        values["code_dir"] = values["code_dir"].expanduser().resolve()
    return values | {
        "language": line.inert.get("--language", ""),
        "notes": notes,
    }


def _from_environment(
    own: Mapping[str, Option], environ: Mapping[str, str], line: CommandLine
) -> dict[str, Any]:
    """Return the values of variables, for options whose flag was not given."""
    values: dict[str, Any] = {}
    for name, option in own.items():
        if name in line.values:
            continue
        variable = next((known for known in variables(name, option) if known in environ), None)
        if variable is not None:
            values[name] = _read(option, variable, environ[variable])
    if "class_labels_file" in values or "class_labels_file" in line.values:
        values.pop("class_labels", None)
    if "class_labels" in line.values:
        values.pop("class_labels_file", None)
    return values


def _read(option: Option, variable: str, text: str) -> Any:
    try:
        return option.from_text(text)
    except ValueError as error:
        raise SettingsError(f"{variable} {error}") from error


def _steered(
    own: Mapping[str, Option], environ: Mapping[str, str], *, beating: bool
) -> dict[str, Any]:
    """Return the values of runtime parameters, of those that beat flags or of the others."""
    values: dict[str, Any] = {}
    for name, option in own.items():
        runtime_parameter = option.runtime_parameter
        if runtime_parameter is None or runtime_parameter.beats_flag is not beating:
            continue
        if has_parameter(runtime_parameter.name, environ):
            accepted = runtime_parameter.accept(parameter(runtime_parameter.name, environ))
            values |= {} if accepted is None else {name: accepted}
    return values


def _platform(
    own: Mapping[str, Option],
    line: CommandLine,
    values: Mapping[str, Any],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Return the address, the model directory and the contract that a platform asks for."""
    found: dict[str, Any] = {}
    sagemaker = _in_sagemaker(line, environ)
    if sagemaker and "sagemaker" in own and "sagemaker" not in values:
        found["sagemaker"] = True
    if sagemaker and "multi_model_dir" in own and "multi_model_dir" not in values:
        found["multi_model_dir"] = platforms.models_directory(environ)
    limits = platforms.azure_limits(environ)
    found |= {name: limits[name] for name in limits.keys() & own.keys() - values.keys()}
    needs_directory = "code_dir" in own and not values.get("multi_model")
    if "code_dir" not in values and needs_directory and line.verb != NEW_MODEL:
        mounted = _mounted(values, environ, sagemaker=sagemaker)
        found |= {} if mounted is None else {"code_dir": mounted}
    if "address" not in own or "address" in line.values or OWN_PREFIX + "ADDRESS" in environ:
        return found
    address = platforms.hosted_address(environ, sagemaker=sagemaker)
    if address is None and "address" not in values:
        address = platforms.general_address(environ)
    return found if address is None else found | {"address": address}


def _in_sagemaker(line: CommandLine, environ: Mapping[str, str]) -> bool:
    return line.in_container or platforms.in_sagemaker(environ)


def _mounted(
    values: Mapping[str, Any], environ: Mapping[str, str], *, sagemaker: bool
) -> Path | None:
    """Return the directory of the model that a platform mounts, None without."""
    stored = environ.get("AIP_STORAGE_URI")
    if stored and not _has_source(values):
        return platforms.stored_model(stored)
    return platforms.model_directory(environ, sagemaker=sagemaker)


def _path_fault(verb: str, values: Mapping[str, Any]) -> str:
    """Return the message for wrong or missing paths; empty if all are right."""
    needs_directory = verb in DIRECTORIES and not (verb == SERVER and _has_source(values))
    needed = {"code_dir": "-cd/--code-dir"} if needs_directory else {}
    needed |= {"input": "--input"} if verb in FILES else {}
    needed |= {"target": "--target"} if verb == CALIBRATE else {}
    missing = [flag for name, flag in needed.items() if name not in values]
    if missing:
        return f"the following arguments are required: {', '.join(missing)}"
    path: Path | None = values.get("code_dir")
    message = ""
    if path is not None and verb == NEW_MODEL and path.exists():
        message = f"The path {path} already exists! Please provide a non existing path!"
    elif path is not None and verb != NEW_MODEL and not path.is_dir():
        message = f"The path {path} is not a directory!"
    return f"argument -cd/--code-dir: {message}" if message else ""


def _has_source(values: Mapping[str, Any]) -> bool:
    """Return whether models come from elsewhere than --code-dir."""
    named = any(name in values for name in ("store", "database_url", "models"))
    return named or bool(values.get("multi_model"))


def _label_fault(values: Mapping[str, Any]) -> str:
    """Return the message for contradicting labels; empty if all are right."""
    if ("positive_class_label" in values) != ("negative_class_label" in values):
        return _BINARY
    both = "class_labels" in values and "class_labels_file" in values
    return _MULTICLASS if both else ""


def _labels(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the class labels, from their file if there is one."""
    if "class_labels_file" not in values and "class_labels" not in values:
        return {}
    labels: tuple[str, ...] = values.get("class_labels", ())
    if "class_labels_file" in values:
        labels = labels_of(values["class_labels_file"])
    if len(labels) < 2:
        raise SettingsError("Multiclass classification requires at least 2 labels.")
    return {"class_labels": labels}


def labels_of(path: Path) -> tuple[str, ...]:
    """Return the labels of a file: one a line, empty lines left out.

    Raises:
        SettingsError: the file is not there, or is not text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The file {path} does not exist, or is not UTF-8 text!") from error
    return tuple(label for label in text.split("\n") if label)


def _inert_notes(
    line: CommandLine, values: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[str, ...]:
    flags = drum_flags.given(line.verb, line.inert, environ)
    drum_flags.check_language(line.verb, flags)
    drum_flags.check(flags, values.get("max_workers"), values.get("target_type"))
    return drum_flags.notes(flags)
