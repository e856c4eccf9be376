"""The command `drum-like`: reads command line and environment, runs a verb, returns an exit code.

Nothing heavy is imported here; a verb is imported when it is run.
"""

import os
import sys
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from importlib import import_module

from drum_like.cli.output import discard_standard_output
from drum_like.cli.settings import as_file, load_settings
from drum_like.config.settings import Settings
from drum_like.config.verbs import PROGRAM, UsageError
from drum_like.errors import (
    DrumLikeError,
    LoadError,
    OutputSchemaError,
    TypeSchemaError,
    for_operator,
)

_FAILED, _USAGE, _SCHEMA, _NOT_LOADED, _INTERRUPTED = 1, 2, 3, 4, 130
_PIPE_CLOSED = 141
"""The same as of a program ended by SIGPIPE: the reader of its output, such as `head`, has left."""

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
        0 done; 1 wrong settings, failed scoring, failed validation; 2 wrong command line; 3 the
        data breaks the typeSchema; 4 the model does not load; 130 Ctrl-C; 141 the reader of the
        output has gone.
    """
    show_stacktrace = _STACKTRACE in argv
    try:
        settings = load_settings(argv, environ)
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


def _function_of(verb: str) -> Callable[[Settings, MutableMapping[str, str]], int]:
    """Return the function of a verb: `run_push` of the module `models` for `models push`."""
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
