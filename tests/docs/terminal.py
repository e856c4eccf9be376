"""A reader's terminal: commands one after another, and a server in a second window."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.pages import Run, Save, Step, pattern
from tests.support.ports import free_port
from tests.support.serving import START_TIMEOUT_S, environment, stop

PORT = "6789"
"""The port that pages show; a free one takes its place."""

COMMAND_TIMEOUT_S = 180.0

_COMMAND = re.compile(r"drum-like (?:server\b|serve$)")
_SERVER = re.compile(rf"(?:\w+=\S* )*{_COMMAND.pattern}")
_LISTENING = pattern(["...", "...listening ...", "..."])
_ASKS_STATUS = "echo $?"

_REMEMBER = """
status=$?
env --null > "$STATE"
exit $status
"""
"""Ends every command: the next one gets the directory and the variables that this one leaves."""


class Terminal:
    """A terminal in a directory of its own.

    Args:
        directory: Where the reader begins.
        state: A file to keep the environment in between two commands.
    """

    def __init__(self, directory: Path, state: Path) -> None:
        self._port = str(free_port())
        self._state = state
        self._status = 0
        self._server: subprocess.Popen[bytes] | None = None
        binaries = Path(sys.executable).parent
        variables = environment(
            {
                "ADDRESS": f"127.0.0.1:{self._port}",
                "COLUMNS": "100",
                "CURL_HOME": str(_curl_home(state)),
                "DRUM_LIKE_LOG_FORMAT": "text",
                "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
                "PWD": str(directory),
                "STATE": str(state),
            }
        )
        state.write_text("\0".join(f"{n}={v}" for n, v in variables.items()), encoding="utf-8")

    def __enter__(self) -> Self:
        """Return the terminal."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Press Ctrl-C where a server still runs."""
        self._stop_server()

    def do(self, step: Step, followed_by: Step | None) -> None:
        """Save a file, or run a command and compare what it prints.

        A command has to succeed, unless the page asks for its status next.

        Raises:
            AssertionError: it prints something else than the page shows, or fails.
        """
        if isinstance(step, Save):
            path = self._directory / step.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.content, encoding="utf-8")
            return
        command = step.command.replace(PORT, self._port)
        output = self._serve(command, step) if _SERVER.match(command) else self._run(command)
        if step.expected is not None:
            shown = f"line {step.number}: {step.command}\nprinted:\n{output}"
            assert step.expected.fullmatch(output), shown
        asked = isinstance(followed_by, Run) and followed_by.command == _ASKS_STATUS
        assert asked or self._status == 0, f"line {step.number}: status {self._status}\n{output}"

    @property
    def _variables(self) -> dict[str, str]:
        kept = filter(None, self._state.read_text("utf-8").split("\0"))
        return dict(variable.split("=", 1) for variable in kept)

    @property
    def _directory(self) -> Path:
        return Path(self._variables["PWD"])

    def _run(self, command: str) -> str:
        """Run a command to its end and return what it prints."""
        finished = subprocess.run(
            ["bash", "-c", f"(exit {self._status})\n{command}\n{_REMEMBER}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=self._variables,
            cwd=self._directory,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        self._status = finished.returncode
        return self._seen(finished.stdout)

    def _serve(self, command: str, step: Run) -> str:
        """Run a server until it listens, or to its end, and return what it has printed."""
        self._stop_server()
        log = self._state.with_suffix(".log")
        with log.open("wb") as file:
            server = subprocess.Popen(
                ["bash", "-c", _COMMAND.sub(r"exec \g<0>", command, count=1)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self._variables,
                cwd=self._directory,
            )
        self._server = server
        wanted = step.expected or _LISTENING
        for output in self._outputs(log, server):
            if wanted.fullmatch(output) and _LISTENING.fullmatch(output):
                self._status = 0
                return output
        self._status = server.wait(COMMAND_TIMEOUT_S)
        self._server = None
        return self._seen(log.read_bytes())

    def _outputs(self, log: Path, server: subprocess.Popen[bytes]) -> Iterator[str]:
        """Yield the server's output so far, again and again, until the server has ended."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while server.poll() is None:
            output = self._seen(log.read_bytes())
            yield output
            assert time.monotonic() < deadline, f"the server prints something else:\n{output}"
            time.sleep(0.05)

    def _stop_server(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            assert stop(server) == 0

    def _seen(self, output: bytes) -> str:
        """Return an output as the page shows it: with its port, and ended by a line break."""
        text = output.decode("utf-8", "replace").replace(self._port, PORT).replace("\r\n", "\n")
        return text if text.endswith("\n") or not text else f"{text}\n"


def _curl_home(state: Path) -> Path:
    """Make curl as quiet as it is on a terminal, where it shows no progress."""
    home = state.with_name("curl")
    home.mkdir()
    (home / ".curlrc").write_text("silent\nshow-error\n", encoding="utf-8")
    return home
