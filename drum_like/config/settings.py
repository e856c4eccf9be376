"""The settings of each verb, from its command line and the environment.

An option is a flag (`--kebab-case`), an environment variable (`DRUM_LIKE_UPPER_CASE`, and DRUM's
own name where it has one), a line of --help and a row of docs/cli.md; all four are made from one
field of a settings class. `load` is the only reader of the command line and the environment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, fields, is_dataclass, replace
from typing import Any, TypeVar

from drum_like.config import command_line, resolve
from drum_like.config.file_settings import (
    CalibrateSettings,
    ExplainSettings,
    PerfTestSettings,
    ScoreSettings,
    ValidationSettings,
)
from drum_like.config.model_settings import CommandSettings, NewModelSettings
from drum_like.config.options import Option
from drum_like.config.server_settings import STORE_CONTRACTS, ServerSettings
from drum_like.config.store_settings import (
    AliasSettings,
    ListSettings,
    LogSettings,
    PushSettings,
    RemoveSettings,
    ShowSettings,
)

BY_VERB: Mapping[str, type[CommandSettings]] = {
    kind.verb: kind
    for kind in (
        ServerSettings,
        ScoreSettings,
        ValidationSettings,
        PerfTestSettings,
        ExplainSettings,
        CalibrateSettings,
        NewModelSettings,
        PushSettings,
        ListSettings,
        ShowSettings,
        AliasSettings,
        RemoveSettings,
        LogSettings,
    )
}
"""The settings of each verb."""

_ORDER = """
code_dir name file alias store database_url url token workspace models default_model preload_models
max_models allow_code_uploads max_upload_mb all_versions remove json campaign uuid since until lines
follow address target_type positive_class_label negative_class_label class_labels class_labels_file
target_name input output delimiter decimal encoding passthrough target level asymmetric kind row top
plot sparse_column_file query content_type runtime_params_file deployment_config max_workers threads
hook_threads request_timeout_s graceful_timeout_s keep_alive_s backlog max_requests
max_requests_jitter max_body_mb max_columns max_cells url_prefix contracts campaigns decision_log
log_sync redact with_error_server hide_errors passphrase credentials require_auth
legacy_label_order no_pickle samples iterations timeout in_server show_perf show_stacktrace verbose
logging_level server_log_level log_format
"""
"""The order of options in --help and in docs/cli.md; an option that is not in it comes last."""

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
    """Return every declared option by field name, in order."""
    found = {name: option for kind in BY_VERB.values() for name, option in _options_of(kind)}
    listed = {name: found.pop(name) for name in _ORDER.split()}
    return listed | found


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
