"""Reports of a worker to the master, through a pipe that they share."""

import json
import math
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from io import FileIO

from drum_like.errors import DrumLikeError, SettingsError, TypeSchemaError, for_operator

MODEL_DOES_NOT_LOAD = 4
"""Exit code of a server whose model does not load."""

NOT_LOADED = 70
"""Exit code of a worker that could not load the model; the master knows the rest by the pipe."""

STOPPED = 71
"""Exit code of a worker that was told to stop while it loaded the model."""

_FROM_OUTSIDE = frozenset(
    {signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM}
)
"""The signals that other processes send; a fault of the process itself brings others."""

LOADS_OF_SERVICE = 4
"""Time that a worker serves before it is replaced for want of memory, in times of its load."""

STACKTRACE_LIMIT = 30_000
"""Characters of a traceback that are passed on: a pipe holds 64 kB of unread data."""


class State(StrEnum):
    """The state of a worker; a worn one serves until another has loaded in its place."""

    LOADED = "loaded"
    WORN = "worn"
    FAILED = "failed"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class Report:
    """A message of a worker to the master.

    Attributes:
        state: The new state.
        lines: Of a loaded worker: its model, for the operator.
        reason: Of one that retires by itself: why, as the metrics have it.
        message: Of a failed one: why.
        stacktrace: Of a failed one: where.
        exit_code: Of a failed one: the exit code of the program.
    """

    state: State
    lines: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    stacktrace: str = ""
    exit_code: int = MODEL_DOES_NOT_LOAD


def failure(error: Exception) -> Report:
    """Return the report of a load that raised."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, DrumLikeError):
        text = for_operator(error)
    trace = "".join(traceback.format_exception(error))
    return Report(
        State.FAILED,
        message=text,
        stacktrace=trace[-STACKTRACE_LIMIT:],
        exit_code=_exit_code(error),
    )


def death(exit_code: int) -> Report:
    """Return the report for a worker that died while it loaded, and so could not send one.

    Args:
        exit_code: As of a subprocess: negative for a signal.
    """
    return Report(
        State.FAILED,
        message=f"the process {how_it_ended(exit_code)} while it loaded the model; the model, or "
        "a library that it uses, ends the process that loads it",
    )


def no_process(error: OSError) -> Report:
    """Return the report for a worker that the system has not started."""
    why = error.strerror or type(error).__name__
    return Report(State.FAILED, message=f"no process can be started for it ({why})")


def is_from_outside(exit_code: int) -> bool:
    """Return whether another process, or the kernel, ended a process that was well.

    Args:
        exit_code: As of a subprocess: negative for a signal.
    """
    return exit_code == STOPPED or -exit_code in _FROM_OUTSIDE


def how_it_ended(exit_code: int) -> str:
    """Return the end of a process in words.

    Args:
        exit_code: As of a subprocess: negative for a signal.
    """
    if exit_code == STOPPED:
        return "was told to stop"
    if exit_code >= 0:
        return f"left with exit code {exit_code}"
    hint = " (out of memory?)" if exit_code == -signal.SIGKILL else ""
    known = -exit_code in set(signal.Signals)
    name = signal.Signals(-exit_code).name if known else f"signal {-exit_code}"
    return f"was ended by {name}{hint}"


class ReportPipe:
    """A pipe from one worker to the master; made before the fork."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self._reader, self._writer = FileIO(reader), FileIO(writer, "w")
        self._rest = b""

    def keep_reader(self) -> None:
        """Close the worker's end; called in the master after the fork."""
        self._writer.close()

    def keep_writer(self) -> None:
        """Close the master's end; called in the worker after the fork."""
        self._reader.close()

    def close(self) -> None:
        """Close the master's end, when the worker is gone."""
        self._reader.close()

    def send(self, report: Report) -> None:
        """Send a report; if the master is gone it is dropped."""
        data = json.dumps(asdict(report)).encode() + b"\n"
        try:
            while data:
                data = data[self._writer.write(data) :]
        except OSError:
            return

    def tell(self, report: Report, master: int) -> None:
        """Send a report, and wake the master with the signal that it expects from its children.

        Args:
            report: The report.
            master: Its process id; it gets no signal if it is not the parent any more.
        """
        self.send(report)
        if os.getppid() == master:
            with suppress(OSError):
                os.kill(master, signal.SIGCHLD)

    def received(self) -> Iterator[Report]:
        """Yield the reports that have come since the last call."""
        *lines, self._rest = (self._rest + self._available()).split(b"\n")
        for line in lines:
            fields = json.loads(line)
            fields["state"] = State(fields["state"])
            fields["lines"] = tuple(fields["lines"])
            yield Report(**fields)

    def _available(self) -> bytes:
        return b"".join(iter(lambda: self._reader.read(65536) or b"", b""))


class Recycler:
    """Asks the master once for another worker after memory has run short in this one.

    A worker serves for a while first, so that requests which take all memory do not keep the server
    loading: most of the time of a server is to be left for answers.

    Args:
        wish: Asks the master for a worker in the place of this one.
    """

    def __init__(self, wish: Callable[[], None]) -> None:
        self._wish = wish
        self._began = time.monotonic()
        self._earliest = math.inf
        self._is_spent = False

    def begin(self) -> None:
        """Note that the worker has loaded."""
        now = time.monotonic()
        self._earliest = now + LOADS_OF_SERVICE * (now - self._began)

    def note_shortage(self) -> None:
        """Note that memory ran short; there may be none now for anything more, such as a thread."""
        self._is_spent = True

    def look(self) -> None:
        """Ask for another worker if it is time."""
        if self._is_spent and time.monotonic() >= self._earliest:
            self._earliest = math.inf
            self._wish()


def _exit_code(error: Exception) -> int:
    if isinstance(error, TypeSchemaError):
        return 3
    return 1 if isinstance(error, SettingsError) else MODEL_DOES_NOT_LOAD
