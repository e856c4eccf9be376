"""A server at a unix socket: its file, its callers, its end."""

import signal
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.live.steered import both, do, errors, events, eventually, write
from tests.support.certificates import Authority
from tests.support.curl import curl
from tests.support.http_calls import UnixConnection, call, send
from tests.support.serving import Server, run, serve

HOOK = """
def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, **kwargs):
    return data, {"mimetype": "application/octet-stream"}
"""

ROUTES = """
from flask import request


def init_app(app):
    @app.route("/about")
    def about():
        names = ("wsgi.url_scheme", "REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT")
        return {name: request.environ[name] for name in names}
"""

ECHO = "/predictUnstructured/"
FLAGS = ("--target-type", "unstructured", "--max-workers", "1")
REGRESSION = ("--target-type", "regression")
GONE = (FileNotFoundError, ConnectionRefusedError)


@pytest.fixture(scope="module", name="folder")
def fixture_folder() -> Iterator[Path]:
    """A folder with a short name: paths of sockets are short."""
    with TemporaryDirectory(prefix="unix-") as name:
        yield Path(name)


@pytest.fixture(scope="module", name="model")
def fixture_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    (directory / "custom_flask.py").write_text(ROUTES)
    return directory


@pytest.fixture(scope="module", name="path")
def fixture_path(folder: Path) -> Path:
    return folder / "shared.sock"


@pytest.fixture(scope="module", name="server")
def fixture_server(path: Path, model: Path) -> Iterator[Server]:
    with serve(model, *FLAGS, *at(path), "--connections-per-address", "9") as running:
        yield running


def at(path: Path) -> tuple[str, str]:
    return "--address", f"unix:{path}"


def test_its_file_is_for_user_and_group(server: Server, path: Path) -> None:
    mode = path.stat().st_mode
    said = [event["msg"] for event in events(server.log())]

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert f"listening unix:{path}" in said
    assert not any("credential" in line for line in said)


def test_curl_calls_it_as_the_start_says(server: Server, path: Path, tmp_path: Path) -> None:
    said = next(e["msg"] for e in events(server.log()) if e["msg"].startswith("try it: curl "))
    rows = tmp_path / "rows.csv"
    rows.write_text("a\n1\n")
    reply = curl(*said.removeprefix("try it: curl ").replace("rows.csv", str(rows)).split())

    assert (reply.status, reply.body) == (200, b"a\n1\n")
    assert f"--unix-socket {path} " in said


@pytest.mark.parametrize("size", [0, 1, 70_000, 5_000_000])
def test_bodies_go_both_ways_on_a_kept_connection(size: int, server: Server) -> None:
    connection = UnixConnection(server.url.removeprefix("unix:"))
    replies = [send(connection, "POST", ECHO, body=b"x" * size) for _ in range(3)]
    connection.close()

    assert [(reply.status, reply.body) for reply in replies] == [(200, b"x" * size)] * 3


def test_clients_have_no_address_and_may_name_any_host(server: Server) -> None:
    headers = {"Host": "model.example:8443", "X-Forwarded-Proto": "https"}
    about = call(server.url, "GET", "/about", headers=headers)

    assert about.status == 200
    assert about.json()["REMOTE_ADDR"] == ""
    assert about.json()["wsgi.url_scheme"] == "https"
    assert about.json()["SERVER_NAME"] == "localhost"


def test_a_client_of_http_1_0_needs_no_host(server: Server) -> None:
    with server.connect() as client:
        client.sendall(b"GET /about HTTP/1.0\r\n\r\n")
        assert b" 200 OK\r\n" in client.recv(65536)


def test_all_clients_count_as_one_address(server: Server) -> None:
    clients = [server.connect() for _ in range(9)]
    for client in clients:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1")
    eventually(lambda: server.get("/livez").status == 429)
    for client in clients:
        client.close()
    eventually(lambda: server.get("/livez").status == 200)


def test_without_a_credential_nobody_may_change_anything(folder: Path, model: Path) -> None:
    """A proxy may call for others, and need not say so."""
    path = folder / "store.sock"
    flags = ("--store", str(folder / "store"), *at(path))
    with serve(model, *FLAGS, *flags) as server:
        change = call(
            server.url,
            "POST",
            "/v1/api/workspaces/create",
            body=b'{"workspace_name": "mine"}',
            headers={"Content-Type": "application/json"},
        )
        assert change.status in (401, 403)
        assert server.csv("a\n1\n", ECHO).status == 200


def test_a_file_that_a_killed_server_left_is_replaced(folder: Path, model: Path) -> None:
    path = folder / "stale.sock"
    with serve(model, *FLAGS, *at(path)) as server:
        server.process.kill()
        server.process.wait()
    eventually(lambda: not listens(path))
    assert path.exists()

    with serve(model, *FLAGS, *at(path)) as server:
        assert server.get("/livez").status == 200
    assert not path.exists()


def listens(path: Path) -> bool:
    """Return whether a process listens; the workers of a killed server see that it is gone."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True


def test_a_server_that_listens_keeps_its_file(server: Server, path: Path, model: Path) -> None:
    ended = run("server", "--code-dir", model, *FLAGS, *at(path))

    assert ended.returncode == 1
    assert "a server listens there; stop it, or choose another path" in ended.stderr
    assert server.get("/livez").status == 200


def test_what_is_no_socket_is_left_alone(folder: Path, model: Path) -> None:
    path = folder / "file"
    path.write_text("mine")
    ended = run("server", "--code-dir", model, *FLAGS, *at(path))

    assert ended.returncode == 1
    assert "the file is no socket; remove it" in ended.stderr
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "words"),
    [("nosuch/socket", "its directory does not exist"), ("x" * 200, "at most 100 bytes")],
)
def test_a_path_that_cannot_be_used_is_named(
    name: str, words: str, folder: Path, model: Path
) -> None:
    ended = run("server", "--code-dir", model, *FLAGS, *at(folder / name))

    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_client_is_lost_while_it_stops(folder: Path, tmp_path: Path) -> None:
    """Those that come later find no file."""
    path = folder / "stops.sock"
    with serve(write(tmp_path), *REGRESSION, "--max-workers", "2", *at(path)) as server:
        both(server)
        answered = [0] * 4
        with ThreadPoolExecutor(4) as clients:
            calls = [clients.submit(ask_until_gone, server, answered, at) for at in range(4)]
            eventually(lambda: min(answered) > 1 or any(one.done() for one in calls))
            server.process.send_signal(signal.SIGTERM)
            for one in calls:
                one.result()

        assert server.process.wait(20) == 0
        assert min(answered) > 1
        assert errors(server.log()) == []
    assert not path.exists()


def ask_until_gone(server: Server, answered: list[int], number: int) -> None:
    """Ask on new connections until there is no server; every one has to be answered."""
    while True:
        try:
            client = server.connect()
        except GONE:
            return
        with client:
            client.sendall(b"GET /ping/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        answered[number] += 1


def test_sighup_keeps_the_file(folder: Path, tmp_path: Path) -> None:
    path = folder / "reloads.sock"
    with serve(write(tmp_path), *REGRESSION, "--max-workers", "1", *at(path)) as server:
        before = do(server, "pid").json()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: do(server, "pid").json() != before)

        assert stat.S_ISSOCK(path.stat().st_mode)


def test_tls_is_spoken_there_as_well(folder: Path, model: Path, tmp_path: Path) -> None:
    path, authority = folder / "tls.sock", Authority(tmp_path)
    flags = (*FLAGS, *at(path), *authority.issue().flags)
    with serve(model, *flags, ready=False):
        reply = curl(
            *("--cacert", str(authority.path), "--unix-socket", str(path)),
            "https://localhost/about",
        )

    assert reply.status == 200
    assert reply.json()["wsgi.url_scheme"] == "https"
