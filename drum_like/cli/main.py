"""The command `drum-like`: reads command line and environment, runs a verb, returns an exit code.

Nothing heavy is imported here; a verb is imported when it is run.
"""

import os
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

from drum_like.cli.streams import as_file, discard_standard_output
from drum_like.config.file_settings import DoctorSettings
from drum_like.config.model_settings import (
    CommandSettings,
    ModelCommandSettings,
    ModelSettings,
)
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.config.verbs import PROGRAM, SERVER, UsageError
from drum_like.errors import (
    DrumLikeError,
    LoadError,
    OutputSchemaError,
    TypeSchemaError,
    for_operator,
)
from drum_like.model.configuration import configured
from drum_like.model.runtime_parameters import exports

Command = TypeVar("Command", bound=CommandSettings)

_FAILED, _USAGE, _SCHEMA, _NOT_LOADED, _INTERRUPTED = 1, 2, 3, 4, 130
_PIPE_CLOSED = 141
"""The code of a program ended by SIGPIPE: the reader of its output, such as `head`, has left."""

EXIT_CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "done; a server that was told to stop and has answered what it had begun",
        _FAILED: "wrong settings, metadata or runtime parameters; the address is in use; the "
        "certificate cannot be used; failed scoring; failed validation; an error that `doctor` "
        "found",
        _USAGE: "the command line cannot be understood",
        _SCHEMA: "the data, or the typeSchema itself, breaks the rules of the typeSchema",
        _NOT_LOADED: "the model does not load",
        _INTERRUPTED: "Ctrl-C",
        _PIPE_CLOSED: "the reader of standard output, such as `head`, has closed it",
    }
)
"""The codes that the program leaves with, and why."""

_STACKTRACE = "--show-stacktrace"


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    sys.exit(run(sys.argv[1:], os.environ))


def run(argv: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: The words after the program's name.
        environ: The environment; runtime parameters and thread counts are put into it.

    Returns:
        A key of EXIT_CODES.
    """
    show_stacktrace = _STACKTRACE in argv
    try:
        settings = load_settings(CommandSettings, argv, environ)
        show_stacktrace = settings.show_stacktrace
        for note in settings.notes:
            sys.stderr.write(f"{PROGRAM}: {note}\n")
        run_verb = _function_of(settings.verb)
        with as_file(settings) as complete:
            code = int(run_verb(complete, environ))
        sys.stdout.flush()
    except BrokenPipeError:
        discard_standard_output()
        return _PIPE_CLOSED
    except DrumLikeError as error:
        return _failed(error, show_stacktrace=show_stacktrace)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def load_settings(
    kind: type[Command], argv: Sequence[str], environ: MutableMapping[str, str]
) -> Command:
    """Return the settings of a process, completed from the metadata of its model directory.

    Runtime parameters of --runtime-params-file are put into the environment, where custom.py and
    the server's own settings look for them.

    Args:
        kind: The settings of the verb that the command line has; CommandSettings for any verb.
        argv: The words after the program's name, the verb first.
        environ: The environment.

    Raises:
        UsageError: the command line cannot be understood.
        SettingsError: a variable, the metadata or a runtime parameter is wrong.
    """
    settings = load(kind, argv, environ)
    model = settings.model if isinstance(settings, ModelCommandSettings) else ModelSettings()
    if model.runtime_params_file is not None and not isinstance(settings, DoctorSettings):
        environ.update(exports(model.code_dir, model.runtime_params_file))
        settings = load(kind, argv, environ)
    return _with_metadata(settings)


def load_server_settings(environ: MutableMapping[str, str]) -> ServerSettings:
    """Return the settings of a server without a command line; see load_settings."""
    return load_settings(ServerSettings, [SERVER], environ)


def _with_metadata(settings: Command) -> Command:
    """Return settings completed from the metadata of their model directory, if they have one."""
    if not isinstance(settings, ModelCommandSettings) or not settings.model.has_code_dir:
        return settings
    if isinstance(settings, ServerSettings) and settings.with_error_server:
        return settings  # an error in the metadata is answered over HTTP
    if isinstance(settings, DoctorSettings):
        return settings  # an error in the metadata is a finding
    return replace(settings, model=configured(settings.model))


def _serve(settings: ServerSettings, environ: MutableMapping[str, str]) -> int:
    """Serve until a signal says to stop; return the exit code."""
    if settings.verbose:
        print("Detected server mode", flush=True)  # noqa: T201 - DRUM's line
    return int(import_module("drum_like.server").serve(settings, environ))


def _function_of(verb: str) -> Callable[[Any, MutableMapping[str, str]], int]:
    """Return the function of a verb: `run_push` of the module `models` for `models push`."""
    if verb == SERVER:
        return _serve
    first, _, second = verb.replace("-", "_").partition(" ")
    module = import_module(f"drum_like.cli.{first}")
    function: Callable[..., int] = getattr(module, f"run_{second}" if second else "run")
    return function


def _failed(error: DrumLikeError, *, show_stacktrace: bool) -> int:
    """Print an error on standard error; return the exit code of its kind."""
    if show_stacktrace:
        traceback.print_exception(error)
    usage = error.usage if isinstance(error, UsageError) else ""
    sys.stderr.write(f"{usage}{PROGRAM}: error: {for_operator(error)}\n")
    if usage:
        return _USAGE
    if isinstance(error, TypeSchemaError | OutputSchemaError):
        return _SCHEMA
    return _NOT_LOADED if isinstance(error, LoadError) else _FAILED
