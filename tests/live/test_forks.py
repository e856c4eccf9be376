"""Hooks that fork, and hooks that start processes in the usual ways."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.live.steered import begin, errors, eventually
from tests.support.http_calls import Reply
from tests.support.raw_clients import whole
from tests.support.serving import Server, run, serve

CUSTOM = """
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

# A pool ends its processes while they save their coverage, and they would say so in the log.
os.environ.pop("COVERAGE_PROCESS_CONFIG", None)

HERE = Path(__file__).parent
SOCKETS = "import psutil; print(len(psutil.Process().net_connections()))"


def fork(child=lambda: None):
    with (HERE / "requests").open("a") as requests:
        requests.write("x")
    pid = os.fork()
    if not pid:
        child()
    return pid


def fail():
    raise ValueError("in the child")


def posix_spawn():
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], os.environ)
    return os.waitpid(pid, 0)[1]


def pool(way):
    with multiprocessing.get_context(way).Pool(2) as workers:
        return workers.map(abs, [-1, -2])


def terminated():
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    process.start()
    process.terminate()
    process.join(10)
    return process.exitcode


def parallel(backend):
    from joblib import Parallel, delayed

    return Parallel(n_jobs=2, backend=backend)(delayed(abs)(-n) for n in (1, 2))


def sockets():
    return int(subprocess.run([sys.executable, "-c", SOCKETS], stdout=-1, check=True).stdout)


ACTIONS = {
    "none": lambda: None,
    "fork": fork,
    "fork and fail": lambda: fork(fail),
    "fork and exit": lambda: fork(lambda: sys.exit(5)),
    "fork and sleep": lambda: fork(lambda: time.sleep(60)),
    "subprocess": sockets,
    "posix_spawn": posix_spawn,
    "fork pool": lambda: pool("fork"),
    "spawn pool": lambda: pool("spawn"),
    "terminated": terminated,
    "loky": lambda: parallel("loky"),
    "joblib's multiprocessing": lambda: parallel("multiprocessing"),
    "psutil": lambda: psutil.Process().pid == os.getpid() and len(psutil.pids()) > 1,
}


def load_model(code_dir):
    action = HERE / "at load"
    return ACTIONS[action.read_text()]() if action.exists() else "model"


def score_unstructured(model, data, query, **kwargs):
    return json.dumps(ACTIONS[data]())
"""

CUSTOM_FLASK = """
import os


def init_app(app):
    @app.get("/fork")
    def fork():
        return str(os.fork())
"""

FLAGS = ("--target-type", "unstructured", "--max-workers", "1")


def write(directory: Path) -> Path:
    (directory / "custom.py").write_text(CUSTOM)
    (directory / "custom_flask.py").write_text(CUSTOM_FLASK)
    return directory


@pytest.fixture(name="directory", scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Server]:
    with serve(directory, *FLAGS) as running:
        yield running


def do(server: Server, action: str) -> Reply:
    return server.post("/predictUnstructured/", action, "text/plain")


def children(server: Server) -> list[psutil.Process]:
    """Return the processes below the workers of a server."""
    (worker,) = psutil.Process(server.process.pid).children()
    return [one for one in worker.children(recursive=True) if one.status() != "zombie"]


@pytest.mark.parametrize("action", ["fork", "fork and fail", "fork and exit"])
def test_a_forked_child_ends_where_its_hook_returns(
    action: str, server: Server, directory: Path
) -> None:
    (directory / "requests").write_text("")
    with server.connect() as client:
        client.sendall(
            b"POST /predictUnstructured/ HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: text/plain\r\n"
            + f"Content-Length: {len(action)}\r\nConnection: close\r\n\r\n{action}".encode()
        )
        answer = whole(client)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert (directory / "requests").read_text() == "x"
    eventually(lambda: children(server) == [])


def test_a_child_of_a_route_of_ones_own_ends_with_it(server: Server) -> None:
    for _ in range(5):
        reply = server.get("/fork")
        assert reply.status == 200
        assert int(reply.body) > 0

    eventually(lambda: children(server) == [])


def test_a_child_that_goes_on_has_no_sockets_and_ends_with_the_server(directory: Path) -> None:
    with serve(directory, *FLAGS) as server, server.connect():
        assert do(server, "fork and sleep").status == 200
        (child,) = children(server)

        assert child.net_connections() == []
        assert do(server, "none").status == 200

        server.process.terminate()
        assert server.process.wait(20) == 0
        eventually(lambda: not child.is_running() or child.status() == "zombie")
        with serve(directory, *FLAGS, "--address", server.url.removeprefix("http://")):
            pass


def test_a_child_that_goes_on_can_be_ended(server: Server) -> None:
    do(server, "fork and sleep")
    (child,) = children(server)

    child.send_signal(signal.SIGTERM)

    eventually(lambda: children(server) == [])


@pytest.mark.parametrize("action", ["fork", "fork and sleep"])
def test_a_child_of_a_load_does_not_serve(action: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "at load").write_text(action)
    with serve(tmp_path, *FLAGS) as server:
        assert do(server, "none").status == 200
        found = children(server)

        assert len(found) == (action != "fork")
        assert [child.net_connections() for child in found] == [[]] * len(found)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("subprocess", 0),
        ("posix_spawn", 0),
        ("fork pool", [1, 2]),
        ("spawn pool", [1, 2]),
        ("terminated", -signal.SIGTERM),
        ("loky", [1, 2]),
        ("joblib's multiprocessing", [1, 2]),
        ("psutil", True),
    ],
)
def test_processes_are_started_as_everywhere(action: str, expected: Any, server: Server) -> None:
    if action == "loky" or "joblib" in action:
        pytest.importorskip("joblib")

    reply = begin(lambda: do(server, action)).result(60)

    assert (reply.status, reply.json()) == (200, expected)
    assert errors(server.log()) == []


def test_scores_of_a_hook_that_forks_are_written_once(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text(
        "import os\n\n\ndef load_model(code_dir):\n    return 1\n\n\n"
        "def score(data, model, **kwargs):\n    os.fork()\n"
        "    return data.rename(columns={'x': 'Predictions'})\n"
    )
    (tmp_path / "rows.csv").write_text("x\n1\n2\n")

    flags = ("--code-dir", tmp_path, "--input", tmp_path / "rows.csv")
    done = run("score", *flags, "--target-type", "regression")

    assert done.stdout.count("Predictions") == 1
