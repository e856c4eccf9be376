"""The application in a WSGI server of the user's own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.steered import eventually, write
from tests.support.http_calls import call
from tests.support.serving import environment, stop
from tests.support.stock import listening

GUNICORN = (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "drum_like.wsgi:app")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Serve a model directory under a plain gunicorn; gives the path of its log."""
    path = tmp_path / "log"
    directory = write(tmp_path / "model")
    settings = {"CODE_DIR": str(directory), "TARGET_TYPE": "regression"}
    with path.open("wb") as out:
        process = subprocess.Popen(
            GUNICORN, stdout=out, stderr=subprocess.STDOUT, env=environment(settings)
        )
    yield path
    assert stop(process) == 0


def test_it_serves_the_model_that_the_environment_names(log: Path) -> None:
    url = eventually(lambda: listening(log), timeout_s=60)

    reply = call(
        url, "POST", "/predict/", body="do,value\nlog,1\n", headers={"Content-Type": "text/csv"}
    )
    ready = eventually(lambda: call(url, "GET", "/readyz").status == 200)

    assert reply.status == 200
    assert len(reply.json()["predictions"]) == 1
    assert ready


def test_a_chunked_body_is_read_by_the_server_that_is_there(log: Path) -> None:
    url = eventually(lambda: listening(log), timeout_s=60)

    reply = call(
        url,
        "POST",
        "/predict/",
        body=[b"do,value\n", b"log,1\n"],
        headers={"Content-Type": "text/csv"},
    )

    assert reply.status == 200
