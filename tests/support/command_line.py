"""The command line inside the process of the tests, without the price of a new process.

`tests.support.serving.run` takes the same arguments and starts a process; each verb has a test that
does so.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from drum_like.cli import main as cli
from tests.support.serving import environment


def run_here(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end; return what a process would have left behind."""
    words = [*map(str, arguments)]
    out, err = _stream(), _stream()
    with ExitStack() as stack:
        stack.enter_context(_environment(environment(env)))
        stack.enter_context(_modules())
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        if cwd is not None:
            stack.enter_context(chdir(cwd))
        code = _code(words)
    return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def _code(words: list[str]) -> int:
    """Return the exit code; the parser leaves by itself where it has printed help."""
    try:
        return cli.run(words, os.environ)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Give this process another environment: hooks read it, and runtime parameters go into it."""
    before = dict(os.environ)
    _replace(variables)
    try:
        yield
    finally:
        _replace(before)


def _replace(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


@contextmanager
def _modules() -> Iterator[None]:
    """Forget the modules and the import path of the model directory that was loaded."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in {"custom"} - modules:
            sys.modules.pop(name, None)


def _stream() -> io.TextIOWrapper:
    """Return a stream with a buffer below it, as those of a process are."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
