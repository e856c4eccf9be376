"""Server processes: start, wait, look at their memory, stop."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from benchmarks.environments import Environments
from benchmarks.peer import Peer, Site
from benchmarks.plan import Setup

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
_PORTS = 3
_INHERITED = ("HOME", "LANG", "PATH", "TMPDIR", "TZ")


class ServerFailedError(Exception):
    """A server ended, or did not answer in time; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a server: all its processes together, in MB of 10^6 bytes.

    Attributes:
        pss_mb: Proportional set size; shared pages count once.
        peak_rss_mb: Largest resident size since the start, summed over the processes.
    """

    pss_mb: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    Attributes:
        peer: What it is.
        setup: How it was set up.
        port: Where it listens, at 127.0.0.1.
        process: The first of its processes.
        start_s: Time from its start to its first answer.
    """

    peer: Peer
    setup: Setup
    port: int
    process: subprocess.Popen[bytes]
    start_s: float

    def memory(self) -> Memory:
        """Return the memory of all its processes."""
        main = psutil.Process(self.process.pid)
        processes = [main, *main.children(recursive=True)]
        pss = sum(process.memory_full_info().pss for process in processes)
        peaks = sum(peak_rss(process.pid) for process in processes)
        return Memory(pss / 1e6, peaks / 1e6)


@dataclass(frozen=True, slots=True)
class Servers:
    """Starts servers.

    Attributes:
        environments: Where their programs are.
        models: Holds a directory for each model.
        scratch: For large files, on a disk.
    """

    environments: Environments
    models: Path
    scratch: Path

    @contextmanager
    def running(self, peer: Peer, setup: Setup) -> Iterator[Running]:
        """Run a server until the block ends.

        Raises:
            EnvironmentFailedError: it cannot be installed.
            ServerFailedError: it does not answer.
        """
        python = self.environments.python(peer)
        with tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-") as name:
            folder = Path(name)
            model, port = self.models / setup.model, _free_port()
            site = Site(python, folder, model, port, setup.workers, setup.threads)
            start = peer.start(site)
            environ = clean_environment() | dict(start.environ)
            began = time.perf_counter()
            process = spawn(list(start.command), folder, environ)
            try:
                _wait_until_ready(process, port, peer.ready, folder)
                yield Running(peer, setup, port, process, time.perf_counter() - began)
            finally:
                stop(process)


def clean_environment() -> dict[str, str]:
    """Return an environment without any setting of a server."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def spawn(command: list[str], folder: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; what it writes goes to `log` in its folder."""
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program politely, then whatever is left of its session by force."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, path: str, folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(port, path):
            return
        time.sleep(0.01)
    log = (folder / "log").read_text(errors="replace")[-1500:]
    raise ServerFailedError(f"exit code {process.poll()}, the log ends with:\n{log}")


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    """Return the first of a few ports in a row that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first: int = probe.getsockname()[1]
        if all(_is_free(first + offset) for offset in range(_PORTS)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def peak_rss(pid: int) -> int:
    """Return the high-water mark of a process' resident size, in bytes.

    Source: proc_pid_status(5), VmHWM.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
