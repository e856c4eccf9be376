"""A real PostgreSQL server for tests, from the distribution's package, on the loopback interface.

`python -m tests.support.postgres COMMAND...` runs a command with the server's URL in the
environment variable DRUM_LIKE_TEST_POSTGRES, and ends the server after it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port

URL_VARIABLE = "DRUM_LIKE_TEST_POSTGRES"
"""The variable with the server's address; without it the tests on PostgreSQL are skipped."""

_TIMEOUT_S = 60
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "max_connections": "200",
}


class PostgresError(RuntimeError):
    """The server is not installed, or does not start."""


class Postgres:
    """A server of its own on a free port, which can be stopped for a while.

    Args:
        programs: The folder of its programs.
        data: The folder of its data.
        user: The user that it runs as.
    """

    def __init__(self, programs: Path, data: Path, user: str | None) -> None:
        self._programs = programs
        self._data = data
        self._user = user
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"postgresql://tests@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises:
            PostgresError: it does not.
        """
        program = self._programs / "postgres"
        self._process = _start(program, self._data, self._port, self._user)
        _wait(self._process, self._programs / "pg_isready", self._port)

    def stop(self) -> None:
        """Cut off all connections, and stop."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def server() -> Iterator[Postgres]:
    """Run a server until the block ends.

    Raises:
        PostgresError: there is none, or it does not start.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-of-tests-", dir="/tmp"))
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    try:
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8"], user)
        found = Postgres(programs, data, user)
        try:
            found.start()
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running() -> Iterator[str]:
    """Run a server until the block ends; give its URL.

    Raises:
        PostgresError: there is none, or it does not start.
    """
    with server() as found:
        yield found.url


def main(command: list[str]) -> int:
    """Run a command, beside a server if one is installed; return its exit code."""
    try:
        with running() as url:
            environment = {**os.environ, URL_VARIABLE: url}
            return subprocess.run(command, check=False, env=environment).returncode
    except PostgresError as error:
        sys.stdout.write(f"the tests on PostgreSQL are skipped: {error}\n")
        return subprocess.run(command, check=False).returncode


def _programs() -> Path:
    """Return the folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_release)
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    if on_path is not None and Path(on_path).resolve().with_name("initdb").exists():
        return Path(on_path).resolve().parent
    raise PostgresError("no PostgreSQL server is installed (apt-get install postgresql)")


def _release(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parts[-3].split("."))


def _user() -> str | None:
    """Return the user for the server, which refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(command: list[Path | str], user: str | None) -> None:
    done = subprocess.run(
        command, user=user, cwd="/", check=False, capture_output=True, text=True, timeout=_TIMEOUT_S
    )
    if done.returncode:
        raise PostgresError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")


def _start(program: Path, data: Path, port: int, user: str | None) -> subprocess.Popen[bytes]:
    options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
    with (data.parent / "log").open("wb") as log:
        return subprocess.Popen(
            [program, "-D", data, "-p", str(port), *options],
            user=user,
            cwd="/",
            stdout=log,
            stderr=log,
        )


def _wait(process: subprocess.Popen[bytes], probe: Path, port: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        command = [str(probe), "-h", "127.0.0.1", "-p", str(port)]
        asked = subprocess.run(command, check=False, capture_output=True)
        if asked.returncode == 0:
            return
        time.sleep(0.05)
    raise PostgresError("the server does not start")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
