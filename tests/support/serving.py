"""Real server processes and command lines for tests: start, wait, call, stop."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.http_calls import Reply, call

COMMAND = (os.environ.get("SERVER_PYTHON", sys.executable), "-m", "drum_like")
"""The program under test; clients of other products have an environment without it."""

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0

_ADDRESS = re.compile(r"https?://127(?:\.\d+){3}:[1-9]\d*|(?<=listening )unix:[^\s\"]+")
_INHERITED = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TMPDIR|TZ|COV\w*|VIRTUAL_ENV|PYTHONWARNINGS|OPENBLAS_\w+"
)
"""Names of variables that servers get, too. OpenBLAS rounds by the kind of processor that it is
told, and tests ask the library in their own process."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process.

    Attributes:
        url: Scheme, host and port, without a path.
        process: The process that was started.
        log_path: Where its standard output and error go.
    """

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    def log(self) -> str:
        """Return the log of the process so far."""
        return self.log_path.read_text(errors="replace")

    def get(self, path: str, **headers: str) -> Reply:
        """GET a path; a header's name is given with underscores for dashes."""
        return call(self.url, "GET", path, headers=_header_names(headers))

    def post(
        self, path: str, body: bytes | str = b"", content_type: str | None = None, **headers: str
    ) -> Reply:
        """POST a body; without a content type the header is left out."""
        names = _header_names(headers)
        if content_type is not None:
            names["Content-Type"] = content_type
        return call(self.url, "POST", path, body=body, headers=names)

    def csv(self, text: str, path: str = "/predict/") -> Reply:
        """POST rows as text/csv."""
        return self.post(path, text, "text/csv")

    def connect(self) -> socket.socket:
        """Return a connection for bytes as a test writes them."""
        return connect(self.url)


def connect(url: str) -> socket.socket:
    """Return a connection to the host and port of a URL, or to the path of `unix:PATH`."""
    address = urlsplit(url)
    if address.scheme == "unix":
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        try:
            client.connect(address.path)
        except OSError:
            client.close()
            raise
        return client
    return socket.create_connection((address.hostname, address.port), timeout=20)


class ServerNotReadyError(AssertionError):
    """The server ended, or did not answer in time; the message holds its log."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without any setting of a server, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    state = Path(tempfile.gettempdir()) / f"state-of-tests-{os.getpid()}"
    return kept | {"XDG_STATE_HOME": str(state), "PYTHONUNBUFFERED": "1"} | dict(extra or {})


@contextmanager
def serve(
    code_dir: Path | None,
    *flags: str,
    env: Mapping[str, str] | None = None,
    ready: bool = True,
    timeout_s: float = START_TIMEOUT_S,
) -> Iterator[Server]:
    """Serve a model directory on a free port of the loopback interface until the block ends.

    Args:
        code_dir: The model directory; None for a server that has its models from elsewhere.
        flags: More flags; an `--address` among them replaces the free port.
        env: Environment variables beside a clean environment.
        ready: Whether to wait until the server answers, not only until it listens.
        timeout_s: How long to wait.

    Raises:
        ServerNotReadyError: it ended, or did not answer within `timeout_s`.
    """
    address = () if "--address" in flags else ("--address", "127.0.0.1:0")
    directory = () if code_dir is None else ("--code-dir", str(code_dir))
    command = [*COMMAND, "server", *directory, *address, *flags]
    with tempfile.TemporaryDirectory(prefix="server-log-") as folder:
        log_path = Path(folder) / "log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=environment(env)
            )
        try:
            yield _started(process, log_path, answer=ready, timeout_s=timeout_s)
        finally:
            stop(process)


def run(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = START_TIMEOUT_S,
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end.

    Raises:
        AssertionError: it did not end within `timeout_s`.
    """
    command = [*COMMAND, *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(env),
        cwd=cwd,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        stop(process)
        out, err = process.communicate()
        message = f"still running after {timeout_s} s: {command}\n{out}\n{err}"
        raise AssertionError(message) from None
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def start_failure(
    code_dir: Path, *flags: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `server` on a directory that is expected not to load."""
    return run("server", "--code-dir", code_dir, "--address", "127.0.0.1:0", *flags, env=env)


def stop(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> int:
    """End a process politely, then by force, and return its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(STOP_TIMEOUT_S)


def _started(
    process: subprocess.Popen[bytes], log_path: Path, *, answer: bool, timeout_s: float
) -> Server:
    """Wait until the log names an address, and if asked until something answers there."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        found = _ADDRESS.search(log_path.read_text(errors="replace"))
        if found and (not answer or _answers(found[0], timeout_s)):
            return Server(found[0], process, log_path)
        time.sleep(0.02)
    log = log_path.read_text(errors="replace")
    raise ServerNotReadyError(f"exit code {process.poll()}, log:\n{log}")


def _answers(url: str, timeout_s: float) -> bool:
    try:
        call(url, "GET", "/livez", timeout_s=timeout_s)
    except (OSError, HTTPException):
        return False
    return True


def _header_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
