"""A server of this program in a process of its own, for as long as a measurement takes."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from types import FrameType
from typing import Any

from drum_like.errors import DrumLikeError
from drum_like.types.payload import CSV

START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.05
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_WATCH = """
import os, signal, sys
sys.stdin.buffer.read()
try:
    os.kill(int(sys.argv[1]), signal.SIGTERM)
except ProcessLookupError:
    pass
"""
_TLS = "DRUM_LIKE_TLS_"  # variables that would have it speak TLS
_LISTENING = re.compile(r"listening http://127\.0\.0\.1:(\d+)")


class ChildServerError(DrumLikeError):
    """The server did not start, or did not answer."""


@dataclass(frozen=True, slots=True)
class Child:
    """A server that listens.

    Attributes:
        port: On 127.0.0.1.
    """

    port: int

    def post(
        self, path: str, body: bytes, timeout_s: float, media_type: str = CSV
    ) -> tuple[int, bytes]:
        """Return status and body of the answer to rows, on a connection of their own.

        Raises:
            ChildServerError: there is no answer in time.
        """
        return self._call("POST", path, body, timeout_s, {"Content-Type": media_type})

    def get(self, path: str, timeout_s: float) -> tuple[int, bytes]:
        """Return status and body of the answer to a GET.

        Raises:
            ChildServerError: there is no answer in time.
        """
        return self._call("GET", path, None, timeout_s, {})

    def stats(self) -> Any:
        """Return the answer of /stats/."""
        return json.loads(self.get("/stats/", START_TIMEOUT_S)[1])

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        timeout_s: float,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException) as error:
            raise ChildServerError(
                f"the server does not answer {path} ({type(error).__name__})"
            ) from error
        finally:
            connection.close()


@contextmanager
def started(flags: Sequence[str], environ: Mapping[str, str]) -> Iterator[Child]:
    """Run `drum-like server` on a free port until the block ends.

    Raises:
        ChildServerError: it ends, or does not listen within START_TIMEOUT_S.
    """
    command = [sys.executable, "-m", "drum_like", "server", "--address", "127.0.0.1:0", *flags]
    with TemporaryDirectory(prefix="drum-like-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdout=stream, stderr=subprocess.STDOUT, env=_plain(environ)
            )
        try:
            with _ending_with_us(process.pid):
                yield Child(_port(process, log))
        finally:
            _stop(process)


def _plain(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose server speaks plain HTTP, as the calls of this module do."""
    return {name: value for name, value in environ.items() if not name.startswith(_TLS)}


@contextmanager
def _ending_with_us(pid: int) -> Iterator[None]:
    """Let a process get SIGTERM when this one ends within the block, even by SIGKILL.

    A small process waits for the end of a pipe that only we hold. Signals that can be handled end
    the block as an exception, so that it is cleaned up.
    """
    watcher = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-S", "-c", _WATCH, str(pid)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # so that Ctrl-C does not reach it
    )
    try:
        with _signals_as_exceptions():
            yield
    finally:
        watcher.kill()
        watcher.communicate()


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    def leave(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    deadline = monotonic() + START_TIMEOUT_S
    while process.poll() is None and monotonic() < deadline:
        found = _LISTENING.search(log.read_text(errors="replace"))
        if found:
            return int(found[1])
        sleep(_POLL_S)
    said = log.read_text(errors="replace").strip()[-2000:]
    raise ChildServerError(
        f"Error: server failed to start while running performance testing.\n{said}"
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
