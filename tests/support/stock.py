"""Gunicorn with its own worker and its own threads, to compare with."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.steered import eventually
from tests.support.serving import environment, stop


@contextmanager
def stock_gunicorn(directory: Path, application: str, *flags: str) -> Iterator[str]:
    """Serve a WSGI application of a directory; gives the URL."""
    command = ["-m", "gunicorn", "--bind", "127.0.0.1:0", "--worker-class", "gthread"]
    log = directory / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command, *flags, "--chdir", str(directory), application],
            stdout=out,
            stderr=out,
            env=environment(),
        )
    try:
        yield eventually(lambda: listening(log), timeout_s=60)
    finally:
        stop(process)


def listening(log: Path) -> str | None:
    """Return the address of a gunicorn once its log has it, None before."""
    found = [line for line in log.read_text().splitlines() if "Listening at: " in line]
    return found[0].split("Listening at: ")[1].split()[0] if found else None
