"""The settings of each verb, from its command line and the environment.

An option is a flag (`--kebab-case`), an environment variable (`DRUM_LIKE_UPPER_CASE`, and DRUM's
own name where it has one), a line of --help and a row of docs/cli.md; all four are made from one
field of a settings class. `load` is the only reader of the command line and the environment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, fields, is_dataclass, replace
from inspect import get_annotations
from typing import Any, TypeVar

from drum_like.config import command_line, resolve
from drum_like.config.file_settings import (
    CalibrateSettings,
    DoctorSettings,
    ExplainSettings,
    FileCommandSettings,
    PerfTestSettings,
    ScoreSettings,
    SparseCommandSettings,
    ValidationSettings,
)
from drum_like.config.model_settings import (
    CommandSettings,
    DirectorySettings,
    LoadSettings,
    LoggedSettings,
    ModelCommandSettings,
    ModelSettings,
    NewModelSettings,
    PayloadSettings,
    TargetSettings,
    TimedSettings,
)
from drum_like.config.options import Option
from drum_like.config.platforms import SageMakerSettings
from drum_like.config.server_settings import STORE_CONTRACTS, ServerSettings, ServingSettings
from drum_like.config.store_settings import (
    AliasSettings,
    ListSettings,
    LogSettings,
    PrintedSettings,
    PushSettings,
    RemoveSettings,
    ShowSettings,
    StoreSettings,
    UploadSettings,
)
from drum_like.config.verbs import VERBS

_CLASSES: tuple[type[Any], ...] = (
    DirectorySettings,
    NewModelSettings,
    ShowSettings,
    PushSettings,
    AliasSettings,
    StoreSettings,
    ListSettings,
    UploadSettings,
    RemoveSettings,
    PrintedSettings,
    LogSettings,
    TargetSettings,
    ServerSettings,
    SageMakerSettings,
    FileCommandSettings,
    ScoreSettings,
    ValidationSettings,
    ExplainSettings,
    CalibrateSettings,
    SparseCommandSettings,
    ModelSettings,
    ServingSettings,
    LoadSettings,
    PayloadSettings,
    PerfTestSettings,
    DoctorSettings,
    TimedSettings,
    CommandSettings,
    ModelCommandSettings,
    LoggedSettings,
)
"""The classes of settings, in the order of their options in --help and in docs/cli.md."""

BY_VERB: Mapping[str, type[CommandSettings]] = {
    verb: kind for verb in VERBS for kind in _CLASSES if getattr(kind, "verb", None) == verb
}
"""The settings of each verb."""

Kind = TypeVar("Kind")
Command = TypeVar("Command", bound=CommandSettings)


def load(kind: type[Command], argv: Sequence[str], environ: Mapping[str, str]) -> Command:
    """Return the settings of a command line, then of an environment, then the defaults.

    What model-metadata.yaml adds comes from `drum_like.model.configuration`. Prints and leaves
    for --help, --version and a missing verb.

    Args:
        kind: The settings of the verb that the command line has; CommandSettings for any verb.
        argv: The words after the program's name, the verb first.
        environ: The environment; an empty variable counts as unset.

    Raises:
        UsageError: the command line cannot be understood.
        SettingsError: a variable is wrong, or settings contradict each other.
        TypeError: the command line has another verb.
    """
    declared = options()
    line = command_line.parse(declared, argv)
    values = resolve.resolved(declared, line, environ)
    settings: CommandSettings = assemble(BY_VERB[line.verb], values)
    if isinstance(settings, ServerSettings) and settings.needs_store and "contracts" not in values:
        contracts = (*settings.contracts, *sorted(STORE_CONTRACTS))
        settings = replace(settings, contracts=contracts)
    if not isinstance(settings, kind):
        raise TypeError(f"{line.verb} has other settings than {kind.__name__}")
    return settings


def options() -> dict[str, Option]:
    """Return every declared option by field name, in order, with the verbs that have it."""
    verbs: dict[str, tuple[str, ...]] = {}
    for verb, kind in BY_VERB.items():
        for name, _ in _options_of(kind):
            verbs[name] = (*verbs.get(name, ()), verb)
    return {
        field.name: replace(option, verbs=option.verbs or verbs[field.name])
        for kind in _CLASSES
        for field in _fields(kind)
        if field.name in get_annotations(kind) and (option := field.metadata.get(Option))
    }


def assemble(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """Return settings with the values of their fields, and of the fields of their groups, by name.

    A field without a value has its default; values of other fields are left out.
    """
    given = {}
    for field in _fields(kind):
        if _is_group(field):
            given[field.name] = assemble(type(field.default), values)
        elif field.name in values:
            given[field.name] = values[field.name]
    return kind(**given)


def values_of(settings: CommandSettings) -> dict[str, Any]:
    """Return the values of all options by field name, also of those in groups."""
    return dict(_values(settings))


def _values(settings: Any) -> Iterator[tuple[str, Any]]:
    for field in _fields(type(settings)):
        value = getattr(settings, field.name)
        if _is_group(field):
            yield from _values(value)
        elif Option in field.metadata:
            yield field.name, value


def _options_of(kind: type[Any]) -> Iterator[tuple[str, Option]]:
    for field in _fields(kind):
        if _is_group(field):
            yield from _options_of(type(field.default))
        elif Option in field.metadata:
            yield field.name, field.metadata[Option]


def _fields(kind: type[Any]) -> tuple[Field[Any], ...]:
    return fields(kind)


def _is_group(field: Field[Any]) -> bool:
    """Return whether a field holds settings that several verbs or functions share."""
    return is_dataclass(field.default)
