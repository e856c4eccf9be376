"""Servers whose standard output and error are pipes that nobody reads."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.scale import scaled
from tests.live.steered import eventually, write
from tests.support.http_calls import call, send
from tests.support.ports import free_port
from tests.support.serving import COMMAND, environment, stop

N_REQUESTS = scaled(800, 2000)
"""Each leaves 400 bytes in both pipes, which hold 64 kB each."""

ROWS = "do,value\nlog,1\nprint,1\n"


CLOSED = ("sh", "-c", 'exec "$0" "$@" >&- 2>&-')


@contextmanager
def unread(
    directory: Path, *flags: str, through: tuple[str, ...] = ()
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve a model directory, and read nothing of what the server writes."""
    url = f"http://127.0.0.1:{free_port()}"
    address = ("--address", urlsplit(url).netloc)
    command = [*through, *COMMAND, "server", "--code-dir", str(directory), *address, *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    try:
        eventually(lambda: _answers(url))
        yield url, process
    finally:
        stop(process)
        process.communicate()


def _answers(url: str) -> bool:
    try:
        return call(url, "GET", "/livez", timeout_s=20).status == 200
    except OSError:
        return False


def test_requests_are_answered_though_nobody_reads_the_logs(tmp_path: Path) -> None:
    flags = ("--target-type", "regression", "--max-workers", "1")
    with unread(write(tmp_path), *flags) as (url, process):
        netloc = urlsplit(url).netloc
        headers = {"Content-Type": "text/csv"}
        with closing(HTTPConnection(netloc, timeout=20)) as client:
            replies = [
                send(client, "POST", "/predict/", body=ROWS, headers=headers)
                for _ in range(N_REQUESTS)
            ]

        assert {reply.status for reply in replies} == {200}
        process.terminate()
        out, err = process.communicate(timeout=20)

    access, printed = _lines(out)
    assert process.returncode == 0
    assert len(access) + len(printed) > 600, "what was kept is written as soon as someone reads"
    assert set(printed) == {b"printed by a hook"}
    assert [event["msg"] for event in _lines(err)[0]].count("a\nhook 1") > 300


def test_a_server_without_standard_output_and_error_answers(tmp_path: Path) -> None:
    flags = ("--target-type", "regression", "--max-workers", "1")
    with unread(write(tmp_path), *flags, through=CLOSED) as (url, process):
        headers = {"Content-Type": "text/csv"}
        for _ in range(3):
            assert call(url, "POST", "/predict/", body=ROWS, headers=headers).status == 200

        process.terminate()
        assert process.wait(20) == 0


def _lines(output: bytes) -> tuple[list[dict[str, str]], list[bytes]]:
    """Return the lines that are JSON, and the others."""
    lines = output.splitlines()
    logged = [json.loads(line) for line in lines if line.startswith(b"{")]
    return logged, [line for line in lines if not line.startswith(b"{")]
