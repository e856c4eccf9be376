"""Runs one of the two programs: a server to talk to, or a command to its end."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tests.parity.report import without_frames
from tests.parity.values import Finished, Request
from tests.parity.wire import send

START_TIMEOUT_S = 240.0
STOP_TIMEOUT_S = 20.0
SHOWN_LOG = 3000


@dataclass(frozen=True, slots=True)
class Program:
    """An executable with DRUM's command line."""

    name: str
    executable: Path

    def environment(self, home: Path, added: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a process: nothing of the caller's own is inherited."""
        return {
            "PATH": f"{self.executable.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",  # messages of libraries print sets
            # Both programs read one directory, and DRUM lists its files in messages.
            "PYTHONDONTWRITEBYTECODE": "1",
            **added,
        }


@dataclass(frozen=True, slots=True)
class Launch:
    """The start of one process; placeholders are filled in already.

    Attributes:
        home: Directory of its own for this process: HOME, working directory and log.
    """

    program: Program
    home: Path
    arguments: Sequence[str]
    environment: Mapping[str, str]

    @property
    def log(self) -> Path:
        """The file that gets standard output and standard error."""
        return self.home / "output.log"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the process in a group of its own."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [str(self.program.executable), *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env=self.program.environment(self.home, self.environment),
                start_new_session=True,
            )

    def said(self) -> str:
        """Return the output of the process so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


class StartError(Exception):
    """A server did not come up; the text says why and ends with its log."""


def free_address() -> str:
    """Return a loopback host and port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    address: str
    launch: Launch
    process: "subprocess.Popen[bytes]"

    def wait(self, ping: str, status: int | None = None) -> None:
        """Return once the server answers, and with that status if one is given.

        Raises:
            StartError: It left, or did not answer so for START_TIMEOUT_S.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                reason = f"left with exit code {self.process.returncode}"
                raise StartError(self._failure(reason))
            answered = send(self.address, Request("GET", ping), START_TIMEOUT_S).status
            if answered and status in (None, answered):
                return
            time.sleep(0.1)
        raise StartError(self._failure(f"did not answer in {START_TIMEOUT_S:.0f} s"))

    def _failure(self, reason: str) -> str:
        said = without_frames(self.launch.said())[-SHOWN_LOG:]
        return f"{self.launch.program.name} {reason}:\n{said}"

    def stop(self) -> int | None:
        """Ask the server to leave; return its exit code, None where it had to be killed."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill_group(self.process)


@contextlib.contextmanager
def serving(launch: Launch, address: str) -> Iterator[Server]:
    """Start a server, which may still be coming up; nothing of it is left afterwards."""
    process = launch.start()
    try:
        yield Server(address, launch, process)
    finally:
        kill_group(process)


def run(launch: Launch, address: str, output: Path, seconds: float) -> Finished:
    """Run a command until it ends, serves at its address, or reaches its time limit."""
    process = launch.start()
    deadline = time.monotonic() + seconds
    serving_now = False
    try:
        while process.poll() is None and time.monotonic() < deadline and not serving_now:
            serving_now = _serves(launch, address)
            time.sleep(0.1)
        code = process.poll()
    finally:
        kill_group(process)
    found = sorted(path for path in output.rglob("*") if path.is_file())
    contents = tuple((str(path.relative_to(output)), path.read_bytes()) for path in found)
    return Finished(code, serving_now, launch.said(), contents)


def _serves(launch: Launch, address: str) -> bool:
    """Return whether a server answers; one that only listens costs a second."""
    if launch.arguments[:1] != ["server"]:
        return False
    return send(address, Request("GET", "/ping/"), 1.0).status == HTTPStatus.OK


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the group that this process was started to lead."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)
