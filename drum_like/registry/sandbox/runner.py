"""The parent's side: starts a child, waits for its result, ends it."""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from threading import Event

from drum_like.registry.sandbox.task import SandboxLimits, SandboxResult, task_json
from drum_like.registry.stored_model import StoredModel

_ANSWER_BYTES = 64 * 1024
_POLL_S = 0.2
_PASSED_ON = re.compile(r"PATH|LANG|LC_\w+|TZ|PYTHONPATH|LD_LIBRARY_PATH|SYSTEMROOT")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class InterruptedTrialError(Exception):
    """The trial was called off."""


def run_in_sandbox(
    stored: StoredModel,
    limits: SandboxLimits,
    *,
    no_pickle: bool = False,
    skops_types: tuple[str, ...] | None = None,
    cancelled: Event | None = None,
) -> SandboxResult:
    """Return whether a model can be served.

    Args:
        stored: The model.
        limits: Resource limits of the child.
        no_pickle: Whether pickles are refused.
        skops_types: Types that a file of skops may bring along; None for those of its directory.
        cancelled: Calls the trial off.

    Raises:
        InterruptedTrialError: it was called off.
    """
    task = task_json(stored, limits, no_pickle=no_pickle, skops_types=skops_types)
    # What the model's own code has done to the folder is not to spoil its result.
    scratch = TemporaryDirectory(prefix="trial-", ignore_cleanup_errors=True)
    with scratch as folder, _child(folder) as (child, reader):
        with suppress(BrokenPipeError):
            _tell(child, task)
        answer = _answer(reader, limits.wall_s, cancelled)
    return _result(child.returncode, answer, limits)


@contextmanager
def _child(folder: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Run a child in an empty folder; at the end all processes of its session are killed."""
    reader, writer = os.pipe()
    kept = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    try:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "drum_like.registry.sandbox", str(writer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**kept, **dict.fromkeys(_ONE_THREAD, "1"), "HOME": folder, "TMPDIR": folder},
            cwd=folder,
            pass_fds=(writer,),
            start_new_session=True,
        )
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    try:
        yield process, reader
    finally:
        # Before the wait: until then no other process can have its number.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(reader)
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()


def _tell(child: "subprocess.Popen[bytes]", task: bytes) -> None:
    """Write the task as a line; the pipe stays open, because the child ends with it."""
    if child.stdin is not None:
        child.stdin.write(task + b"\n")
        child.stdin.flush()


def _answer(reader: int, wall_s: float, cancelled: Event | None) -> bytes | None:
    """Return the bytes that the child writes until it closes the pipe; None after a timeout."""
    deadline = time.monotonic() + wall_s
    answer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if cancelled is not None and cancelled.is_set():
                raise InterruptedTrialError
            if not selector.select(_POLL_S):
                continue
            piece = os.read(reader, _ANSWER_BYTES)
            answer += piece
            if not piece or len(answer) > _ANSWER_BYTES:
                return answer
    return None


def _result(code: int, answer: bytes | None, limits: SandboxLimits) -> SandboxResult:
    """Parse the child's answer; without a valid one, report how the child ended."""
    if answer is None:
        return SandboxResult(f"the model did not load and predict within {limits.wall_s} s")
    try:
        content = json.loads(answer)
        return SandboxResult(content["error"], tuple(map(str, content["lines"])))
    except (ValueError, TypeError, KeyError):
        return SandboxResult(_ended(code, limits))


def _ended(code: int, limits: SandboxLimits) -> str:
    """Return the end of a child that gave no answer, in words."""
    if code == -signal.SIGXCPU:
        return f"the model used more than {limits.cpu_s} s of CPU time to load and predict"
    if code < 0 and -code in set(signal.Signals):
        return (
            f"the process that loaded the model was ended by {signal.Signals(-code).name}; the "
            "file is damaged, or takes more memory than a trial may use"
        )
    return f"the process that loaded the model left with exit code {code}"
