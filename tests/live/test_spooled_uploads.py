"""Uploads that are longer than the memory for bodies: they lie on the disk while they come."""

import hashlib
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from drum_like.system.memory import is_memory
from tests.live.steered import eventually
from tests.support.http_calls import Part, call, form
from tests.support.models import ONE_WORKER
from tests.support.raw_clients import connected, get_s, half_close, whole
from tests.support.serving import Server, serve
from tests.support.wallaroo_api import Api, sums, version_id, zipped

MIB = 1024 * 1024
BUDGET_MIB = 8
SIZE = 40 * MIB

STREAM = "/v1/api/models/upload_stream?name=m&filename=m.onnx&visibility=private&workspace_id=1"
HEAD = f"POST {STREAM} HTTP/1.1\r\nHost: localhost\r\n"
CHUNK = b"100000\r\n" + b"x" * MIB + b"\r\n"
FLAGS = (*ONE_WORKER, "--max-bodies-mb", str(BUDGET_MIB), "--max-body-mb", "4")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("store")
    if is_memory(directory):
        pytest.skip("the temporary directory is in memory")
    return directory


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    limits = ("--max-upload-mb", "64", "--request-timeout-s", "5")
    with serve(None, "--store", str(root), *FLAGS, *limits) as running:
        Api(running).stored("good")
        yield running


def worker(server: Server) -> psutil.Process:
    (found,) = psutil.Process(server.process.pid).children()
    return found


def peak_mib(server: Server) -> float:
    """Return the most memory that the worker ever had."""
    (line,) = (
        line
        for line in Path(f"/proc/{worker(server).pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )
    return int(line.split()[1]) / 1024


def on_disk(server: Server, root: Path) -> list[str]:
    """Return the files of uploads under way that a worker has open."""
    found = []
    for link in Path(f"/proc/{worker(server).pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [name for name in found if name.startswith(str(root / "incoming"))]


def streamed(server: Server, body: Any) -> int:
    return call(server.url, "POST", STREAM, body=body).status


def begin(client: socket.socket, *, in_chunks: bool = False) -> None:
    """Send the first part of an upload that is longer than the budget."""
    if in_chunks:
        client.sendall(HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 16)
    else:
        client.sendall(f"{HEAD}Content-Length: {SIZE}\r\n\r\n".encode() + b"x" * 16 * MIB)


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_an_upload_longer_than_the_budget_takes_no_memory(
    server: Server, root: Path, *, in_chunks: bool
) -> None:
    assert streamed(server, b"x" * 2 * MIB) == 400  # imports what it needs
    before = peak_mib(server)

    body: Any = [b"x" * MIB] * 40 if in_chunks else b"x" * SIZE
    reply = call(server.url, "POST", STREAM, body=body)

    assert reply.status == 400
    assert "its suffix .onnx" in reply.text  # read, and found to be no model
    assert peak_mib(server) < before + BUDGET_MIB
    assert on_disk(server, root) == []


def test_a_form_longer_than_the_budget_is_stored_as_it_was_sent(server: Server, root: Path) -> None:
    api = Api(server)
    yaml = "name: large\ntype: inference\ntargetType: regression\n"
    content = zipped(
        {"model-metadata.yaml": yaml, "model.onnx": sums(), "notes": secrets.token_bytes(SIZE)}
    )

    reply = api.upload(api.metadata("large", "custom"), content, "m.zip", "upload_and_convert")

    assert reply.status == 202, reply.text
    version = api.checked(version_id(reply))
    assert version["status"] == "ready", version
    assert version["file_info"]["sha"] == hashlib.sha256(content).hexdigest()
    assert on_disk(server, root) == []


def test_other_routes_have_the_limit_of_their_own(server: Server) -> None:
    assert call(server.url, "POST", "/v1/api/models/list", body=b"x" * 5 * MIB).status == 413
    assert streamed(server, b"x" * 80 * MIB) == 413
    assert streamed(server, [b"x" * MIB] * 80) == 413
    packed = {"Content-Encoding": "gzip"}
    assert call(server.url, "POST", STREAM, body=b"x" * SIZE, headers=packed).status == 413


def _malformed(client: socket.socket) -> None:
    client.sendall(b"no chunk\r\n")
    assert whole(client).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("end", "in_chunks"),
    [
        (socket.socket.close, False),
        (socket.socket.close, True),
        (half_close, False),
        (_malformed, True),
    ],
    ids=["left", "left-chunks", "half-closed", "malformed"],
)
def test_the_file_of_an_upload_that_did_not_come_whole_is_gone(
    server: Server, root: Path, end: Callable[[socket.socket], None], *, in_chunks: bool
) -> None:
    with server.connect() as client:
        begin(client, in_chunks=in_chunks)
        eventually(lambda: on_disk(server, root))

        end(client)

        eventually(lambda: not on_disk(server, root))


def test_a_slow_upload_is_cut_off_and_its_file_is_gone(server: Server, root: Path) -> None:
    with server.connect() as client:
        client.sendall(f"{HEAD}Content-Length: {SIZE}\r\n\r\n".encode() + b"x" * 100_000)
        eventually(lambda: on_disk(server, root))

        assert whole(client).startswith(b"HTTP/1.1 408 ")

    eventually(lambda: not on_disk(server, root))


def test_several_uploads_at_once_take_room_for_what_is_in_memory(
    server: Server, root: Path
) -> None:
    with connected(server, BUDGET_MIB) as clients, server.connect() as one_more:
        for client in clients:
            client.sendall(f"{HEAD}Content-Length: {SIZE}\r\n\r\n".encode() + b"x" * 100_000)
        eventually(lambda: len(on_disk(server, root)) == BUDGET_MIB)

        one_more.sendall(f"{HEAD}Content-Length: {SIZE}\r\n\r\n".encode())
        answer = whole(one_more)
        row = Api(server).infer("good-0/good", [{"x": [1, 2, 3]}])

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer
    assert row.status == 200
    eventually(lambda: not on_disk(server, root))


def test_a_full_disk_is_told_and_nothing_of_the_body_is_read_as_a_request(
    server: Server, root: Path
) -> None:
    """The body is made of requests, which would be answered if they were read as such."""
    hidden = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    body = hidden * (SIZE // len(hidden))
    serving = worker(server)
    limit = serving.rlimit(psutil.RLIMIT_FSIZE)
    serving.rlimit(psutil.RLIMIT_FSIZE, (4 * MIB, limit[1]))
    try:
        with server.connect() as client:
            with suppress(ConnectionError):
                client.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = whole(client)
        sent = form(Part("metadata", "{}", None), Part("file", body, "m.onnx"))
        headers = {"Content-Type": sent[1]}
        of_form = call(
            server.url, "POST", "/v1/api/models/upload", body=sent[0], headers=headers
        ).status
    finally:
        serving.rlimit(psutil.RLIMIT_FSIZE, limit)

    assert answer.startswith(b"HTTP/1.1 507 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer
    assert b"no space left" in answer
    assert of_form == 507
    eventually(lambda: not on_disk(server, root))
    assert streamed(server, b"x" * SIZE) == 400


def test_a_killed_worker_leaves_no_file(server: Server, root: Path) -> None:
    with server.connect() as client:
        begin(client)
        eventually(lambda: on_disk(server, root))
        os.kill(worker(server).pid, signal.SIGKILL)

        eventually(lambda: _is_alive(server))

    assert on_disk(server, root) == []
    assert list((root / "incoming").iterdir()) == []


def _is_alive(server: Server) -> bool:
    with suppress(OSError, ValueError):
        return worker(server).is_running() and server.get("/readyz").status == 200
    return False


def test_probes_are_answered_beside_an_upload(server: Server) -> None:
    with server.connect() as client:
        client.sendall(f"{HEAD}Content-Length: {SIZE}\r\n\r\n".encode())
        probes_s = []
        for _ in range(SIZE // MIB):
            client.sendall(b"x" * MIB)
            probes_s.append(get_s(server))

        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")

    assert max(probes_s) < 3


def test_where_there_is_no_disk_uploads_are_in_memory_and_the_start_says_so() -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or not is_memory(memory):
        pytest.skip("there is no file system in memory here")
    store = memory / f"store-{secrets.token_hex(8)}"
    try:
        with serve(None, "--store", str(store), *FLAGS) as server:
            status = streamed(server, b"x" * SIZE)
            log = server.log()
    finally:
        shutil.rmtree(store, ignore_errors=True)

    assert status == 413
    assert "uploads up to 4096 MiB, kept in the memory for bodies while they come" in log


def test_the_start_tells_where_uploads_are(server: Server) -> None:
    assert "uploads up to 64 MiB, kept on the disk while they come" in server.log()
