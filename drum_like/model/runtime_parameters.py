"""DRUM's runtime parameters: definitions, a file of values, and the variables that they become.

A parameter is defined under runtimeParameterDefinitions in model-metadata.yaml. With
--runtime-params-file every defined parameter becomes a variable MLOPS_RUNTIME_PARAM_<name>, which
custom.py reads as RuntimeParameters.get(name) and which steers the server.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drum_like.config.environment import (
    PARAMETER_TYPES,
    RUNTIME_PARAMETER,
    RuntimeParameterError,
    data_error,
    has_parameter,
    parameter,
    payload_error,
    payload_fault,
)
from drum_like.errors import SettingsError
from drum_like.model.metadata import FILE_NAME
from drum_like.system.lazy import yaml

PREFIX = RUNTIME_PARAMETER
"""What the variables of runtime parameters start with."""

_SECTION = "runtimeParameterDefinitions"


@dataclass(frozen=True, slots=True)
class Definition:
    """A runtime parameter as model-metadata.yaml defines it.

    Attributes:
        name: The fieldName.
        type: One of PARAMETER_TYPES.
        default: Value without one in the file of values; None is empty.
        low: Smallest number accepted, None for any.
        high: Largest number accepted, None for any.
    """

    name: str
    type: str
    default: Any = None
    low: float | None = None
    high: float | None = None


def has(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether a parameter is defined, with a value or without."""
    return has_parameter(name, environ)


def get(name: str, environ: Mapping[str, str]) -> Any:
    """Return a parameter's value, None if it is defined without one.

    Raises:
        RuntimeParameterError: there is no such parameter, or its variable is not what DRUM
            writes; also a ValueError, as custom.py expects.
    """
    return parameter(name, environ)


def exports(code_dir: Path, values_file: Path) -> dict[str, str]:
    """Return the variables that a file of values and the definitions make.

    A value of the file wins over a default; values without a definition are ignored.

    Raises:
        SettingsError: a file is missing, empty or malformed, or a value breaks its definition; in
            DRUM's words, without the value.
    """
    definitions = read_definitions(code_dir)
    values = _values(values_file)
    exported: dict[str, str] = {}
    for definition in definitions:
        value = values.get(definition.name, definition.default)
        reason = None if value is None else _fault(definition, value)
        if reason is not None:
            raise SettingsError(
                f"Failed to load runtime parameter '{definition.name}'. {payload_error(reason)}"
            )
        content = {"payload": value, "type": definition.type}
        exported[PREFIX + definition.name] = json.dumps(content, default=str)
    return exported


def read_definitions(code_dir: Path) -> tuple[Definition, ...]:
    """Return the runtime parameters that a model directory defines.

    Raises:
        SettingsError: there is no metadata, no definition, a wrong one, or two of one name.
    """
    path = code_dir / FILE_NAME
    if not path.is_file():
        raise SettingsError(f"{FILE_NAME} must exist to use runtime parameters")
    content = _load(path, f"Invalid {FILE_NAME} content!")
    if not content:
        raise SettingsError("Model-metadata YAML file is empty!")
    lines = content.get(_SECTION) if isinstance(content, dict) else None
    if not isinstance(lines, list) or not lines:
        raise SettingsError(
            f"{FILE_NAME}: YAML file must contain at least one parameter definition in the "
            f"section '{_SECTION}'"
        )
    definitions = tuple(map(_definition, lines))
    names = [definition.name for definition in definitions]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise SettingsError(f"Failed to load runtime parameter [{name}], duplicated definition")
    return definitions


def _definition(line: Any) -> Definition:
    content = line if isinstance(line, dict) else {}
    faults = {key: data_error("is required") for key in ("fieldName", "type") if key not in content}
    if "type" in content and content["type"] not in PARAMETER_TYPES:
        faults["type"] = data_error("value doesn't match any variant")
    for key in ("minValue", "maxValue"):
        if not isinstance(content.get(key), int | float | None):
            faults[key] = data_error("value can't be converted to float")
    if faults:
        listed = ", ".join(f"'{key}': {fault}" for key, fault in faults.items())
        raise SettingsError(f"Failed to load runtime parameter: {{{listed}}}")
    return Definition(
        name=str(content["fieldName"]),
        type=content["type"],
        default=content.get("defaultValue"),
        low=content.get("minValue"),
        high=content.get("maxValue"),
    )


def _values(path: Path) -> dict[str, Any]:
    problem = "Invalid runtime parameter values YAML content!"
    content = _load(path, problem)
    if not content:
        raise SettingsError("Runtime parameter values YAML file is empty!")
    if not isinstance(content, dict):
        raise SettingsError(f"{problem} Expected names with values, found {type(content).__name__}")
    return {str(name): value for name, value in content.items()}


def _load(path: Path, problem: str) -> Any:
    """Return the content of a plain YAML file: numbers are numbers, yes is True."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise SettingsError(f"{problem} {path.name} is not a YAML file{where}") from error


def _fault(definition: Definition, value: Any) -> str | None:
    """Return why a value does not fit its definition, in the words of DRUM's validator."""
    reason = payload_fault(definition.type, value)
    if reason is not None or definition.type != "numeric":
        return reason
    number = float(value)
    if definition.low is not None and number < definition.low:
        return f"value is less than {definition.low}"
    if definition.high is not None and number > definition.high:
        return f"value is greater than {definition.high}"
    return None


__all__ = [
    "PREFIX",
    "Definition",
    "RuntimeParameterError",
    "exports",
    "get",
    "has",
    "read_definitions",
]
