"""Bodies that together are more than the memory for them, from clients that never end them."""

import gzip
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import psutil
import pytest

from tests.live.steered import eventually
from tests.support.metrics import scrape
from tests.support.raw_clients import connected, half_close, until_closed, whole
from tests.support.serving import Server, serve

MIB = 1024 * 1024
BUDGET_MIB = 32

HOOK = """
import time


def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, **kwargs):
    if "fail" in query:
        raise ValueError("as asked")
    time.sleep(float(query.get("sleep", 0)))
    answer = "x" * int(query.get("size", 0)) or str(len(data or ""))
    return answer, {"mimetype": "text/plain"}
"""

BEFORE_THEY_ARE_CUT_OFF_S = 4.0

START = "POST /predictUnstructured/?{} HTTP/1.1\r\nHost: localhost\r\n"
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "2", "--request-timeout-s", "5")
    with serve(directory, *flags, "--max-bodies-mb", str(BUDGET_MIB)) as running:
        yield running


def head(size_mib: float, query: str = "") -> bytes:
    return f"{START.format(query)}Content-Length: {int(size_mib * MIB)}\r\n\r\n".encode()


def resident_mib(server: Server) -> float:
    """Return the resident memory of a server; what its processes share counts once."""
    master = psutil.Process(server.process.pid)
    return sum(p.memory_full_info().pss for p in (master, *master.children())) / MIB


def sent(server: Server, size_mib: float, query: str = "") -> int:
    """Send a body, and return the status of its answer."""
    return server.post(f"/predictUnstructured/?{query}", b"x" * int(size_mib * MIB)).status


def fits(server: Server) -> bool:
    """Return whether there is room for a body that takes nearly all of it."""
    return sent(server, BUDGET_MIB - 1) == 200


@contextmanager
def _begun(server: Server, number: int, *, in_chunks: bool) -> Iterator[list[socket.socket]]:
    """Begin bodies of an eighth of the budget each."""
    with connected(server, number) as clients:
        for client in clients:
            _begin(client, BUDGET_MIB // 8, in_chunks=in_chunks)
        yield clients


def _begin(client: socket.socket, size_mib: int, *, in_chunks: bool) -> None:
    """Send all of a body but its end, as far as the server takes it."""
    with suppress(ConnectionError):
        if not in_chunks:
            client.sendall(head(size_mib) + b"x" * (size_mib * MIB - 1))
            return
        client.sendall(START.format("").encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(16 * size_mib):
            client.sendall(CHUNK)


def _refused(client: socket.socket) -> bytes:
    """Return the answer of a client that got one, b"" where the server waits for the body."""
    client.settimeout(0.5)
    try:
        return whole(client)
    except TimeoutError:
        return b""


def _answered(client: socket.socket, data: bytes) -> bool:
    """Send a beginning, and return whether the server answers instead of waiting for the rest."""
    try:
        client.sendall(data)
        return bool(_refused(client))
    except ConnectionError:
        return True


@contextmanager
def holding(server: Server, data: bytes) -> Iterator[socket.socket]:
    """Begin a body, again until there is room: that of a request ends just after its answer."""
    for _ in range(20):
        with connected(server, 1) as (client,):
            if not _answered(client, data):
                client.settimeout(20)
                yield client
                return
    raise AssertionError("no room")


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_bodies_that_never_end_take_no_more_than_the_budget_and_it_comes_back(
    server: Server, *, in_chunks: bool
) -> None:
    with _begun(server, 8, in_chunks=in_chunks):  # both workers import what they need for that
        pass
    eventually(lambda: fits(server))
    before = resident_mib(server)

    with _begun(server, 32, in_chunks=in_chunks) as clients:
        held = resident_mib(server)
        alive, row = server.get("/livez"), server.post("/predictUnstructured/", b"1,2,3")
        eventually(lambda: len(select.select(clients, [], [], 0)[0]) >= 24)
        answers = [_refused(client) for client in clients]

    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")]
    assert len(refused) >= 24
    assert all(b"\r\nRetry-After: 1\r\n" in answer for answer in refused)
    assert all(b"\r\nConnection: close\r\n" in answer for answer in refused)
    assert held < before + 1.2 * BUDGET_MIB
    assert (alive.status, row.status, row.text) == (200, 200, "5")
    eventually(lambda: resident_mib(server) < 1.1 * before)
    assert fits(server)


def test_the_longest_body_is_told_before_it_is_sent(server: Server) -> None:
    expecting = head(BUDGET_MIB + 1)[:-2] + b"Expect: 100-continue\r\n\r\n"
    chunks = START.format("").encode() + b"Transfer-Encoding: chunked\r\n\r\n8000000\r\n"
    for beginning in (expecting, chunks):
        with connected(server, 1) as (client,):
            client.sendall(beginning)
            answer = whole(client)

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nConnection: close\r\n" in answer

    assert f"bodies up to {BUDGET_MIB} MiB, {BUDGET_MIB} MiB together" in server.log()


def _too_slow(client: socket.socket) -> None:
    end = time.monotonic() + 20
    with suppress(ConnectionError):  # it need not read the answer
        while time.monotonic() < end:
            client.send(b"x")
            time.sleep(0.2)
    assert time.monotonic() < end


@pytest.mark.parametrize(
    ("end", "sent_bytes"),
    [(socket.socket.close, 20 * MIB), (half_close, 20 * MIB), (_too_slow, 100)],
    ids=["left", "half-closed", "slow"],
)
def test_room_of_a_body_that_did_not_come_whole_is_let_go(
    server: Server, end: Callable[[socket.socket], None], sent_bytes: int
) -> None:
    with holding(server, head(BUDGET_MIB - 8) + b"x" * sent_bytes) as client:
        if sent_bytes > MIB:
            eventually(lambda: sent(server, 16) == 503)
        end(client)

        eventually(lambda: fits(server))


@pytest.mark.parametrize(("query", "status"), [("", 200), ("fail=1", 500), ("sleep=5.6", 504)])
def test_room_of_a_request_is_let_go_at_its_end(server: Server, query: str, status: int) -> None:
    size = BUDGET_MIB - 8
    with holding(server, head(size, query) + b"x" * (size * MIB - 1)) as client:
        client.sendall(b"x")
        answer = client.recv(65536)
        eventually(lambda: fits(server))

    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    ("number", "size_mib", "sent_mib"),
    [(4, BUDGET_MIB, 1), (40, 0.7, 0), (240, 0.125, 0)],
    ids=["begun", "more-than-threads", "small"],
)
def test_room_that_slow_clients_only_asked_for_is_left_to_others(
    server: Server, number: int, size_mib: float, sent_mib: int
) -> None:
    with connected(server, number) as clients:
        for client in clients:
            client.sendall(head(size_mib) + b"x" * (sent_mib * MIB))

        eventually(lambda: sent(server, BUDGET_MIB - 8) == 200, BEFORE_THEY_ARE_CUT_OFF_S)


def test_room_of_a_body_is_kept_while_its_request_is_answered(server: Server) -> None:
    size = BUDGET_MIB - 8
    with holding(server, head(size, "sleep=1.5") + b"x" * (size * MIB)) as client:
        eventually(lambda: sent(server, 16) == 503)

        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    eventually(lambda: fits(server))


def test_room_of_a_killed_worker_comes_back(server: Server) -> None:
    size = BUDGET_MIB - 8
    with holding(server, head(size) + b"x" * (20 * MIB)):
        eventually(lambda: sent(server, 16) == 503)
        for worker in psutil.Process(server.process.pid).children():
            os.kill(worker.pid, signal.SIGKILL)

        eventually(lambda: _fits_anew(server))


def _fits_anew(server: Server) -> bool:
    with suppress(OSError):  # a connection that a killed worker had
        return fits(server)
    return False


def test_a_worker_without_memory_for_a_body_takes_nothing_of_it_for_a_request(
    tmp_path: Path,
) -> None:
    """The body is made of requests, which would be answered if they were read as such."""
    (tmp_path / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--max-bodies-mb", "0")
    with serve(tmp_path, *flags) as scarce, connected(scarce, 1) as (client,):
        (worker,) = psutil.Process(scarce.process.pid).children()
        worker.rlimit(psutil.RLIMIT_AS, (worker.memory_info().vms + 300 * MIB,) * 2)
        with suppress(ConnectionError):
            client.sendall(head(500) + b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10_000)
        answer = whole(client)
        row = scarce.post("/predictUnstructured/", b"1,2,3")

    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert row.status == 200


def test_what_a_compressed_body_becomes_takes_room(server: Server) -> None:
    def status(size_mib: int) -> int:
        piece = os.urandom(MIB // 20).hex().encode()
        packed = gzip.compress(piece.ljust(MIB) * size_mib)
        return server.post("/predictUnstructured/", packed, Content_Encoding="gzip").status

    assert status(BUDGET_MIB + 1) == 413
    size = BUDGET_MIB - 8
    with holding(server, head(size) + b"x" * (size * MIB - 1)) as client:
        eventually(lambda: sent(server, 16) == 503)
        beside = status(16)
        client.sendall(b"x")
        client.recv(65536)

    assert beside == 503
    eventually(lambda: status(16) == 200)
    eventually(lambda: fits(server))


def test_heads_that_never_end_take_room_and_it_comes_back(server: Server) -> None:
    beginning = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: " + b"x" * 8000 + b"\r\n"
    beginning += b"".join(b"X-%d: %b\r\n" % (n, b"x" * 8000) for n in range(14))
    number = 2 * BUDGET_MIB * MIB // len(beginning)
    with connected(server, number) as clients:
        for client in clients:
            with suppress(ConnectionError):
                client.sendall(beginning)
        eventually(lambda: sent(server, 16) == 503)
        answers = [_refused(client) for client in clients]
        row = server.post("/predictUnstructured/", b"1,2,3")

    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")]
    assert len(refused) >= number // 3
    assert all(b"\r\nRetry-After: 1\r\n" in answer for answer in refused)
    assert all(b"\r\nConnection: close\r\n" in answer for answer in refused)
    assert row.status == 200
    eventually(lambda: fits(server))


ANSWER_MIB = 8
"""More than the system holds for a client that does not read; a quarter of the budget."""

N_SILENT = 100
CUT_OFF_S = 5.0


@pytest.fixture(name="talker")
def fixture_talker(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--hook-threads", "2")
    with serve(tmp_path, *flags, "--max-bodies-mb", str(BUDGET_MIB)) as running:
        yield running


def _ask(client: socket.socket) -> None:
    """Ask for a large answer, and read nothing."""
    query = f"size={ANSWER_MIB * MIB}"
    client.sendall(f"{START.format(query)}Connection: close\r\nContent-Length: 0\r\n\r\n".encode())


def _is_full(server: Server) -> bool:
    reply = server.post("/predictUnstructured/")
    if reply.status == 200:
        return False
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert "answers" in reply.message
    return True


def _held_answers_mib(server: Server) -> float:
    return scrape(server).total("drum_like_held_answers_bytes") / MIB


def test_answers_that_nobody_takes_fill_no_more_than_their_part_of_the_budget(
    talker: Server,
) -> None:
    assert talker.post(f"/predictUnstructured/?size={ANSWER_MIB * MIB}").status == 200
    before = resident_mib(talker)
    with connected(talker, N_SILENT) as clients:
        for client in clients:
            _ask(client)
        eventually(lambda: _is_full(talker))
        held, began = resident_mib(talker), time.monotonic()
        alive = talker.get("/livez")
        eventually(lambda: not _is_full(talker), CUT_OFF_S)
        took_s = time.monotonic() - began
        eventually(lambda: _held_answers_mib(talker) <= BUDGET_MIB / 4)
        ends = [until_closed(client) for client in clients]

    assert alive.status == 200
    assert held < before + N_SILENT * ANSWER_MIB / 4
    assert sum(end.startswith(b"HTTP/1.1 503 ") for end in ends) > N_SILENT / 2
    n_whole = sum(len(end) > ANSWER_MIB * MIB for end in ends)
    assert n_whole <= 1, "the clients of the others were cut off, but for a quarter of the budget"
    assert took_s > 1.0, "clients have time to take their answers"
    assert "the client that takes least of its own is cut off" in talker.log()


def test_two_clients_that_take_nothing_keep_nobody_out(talker: Server) -> None:
    with connected(talker, 2) as clients:
        for client in clients:
            _ask(client)
            assert client.recv(16).startswith(b"HTTP/1.1 200 ")

        assert not any(_is_full(talker) for _ in range(10))


def test_a_client_that_takes_its_answer_slowly_gets_all_of_it_beside_others_that_take_none(
    talker: Server,
) -> None:
    with connected(talker, 1) as (slow,), connected(talker, N_SILENT) as clients:
        _ask(slow)
        assert slow.recv(16).startswith(b"HTTP/1.1 200 ")
        with taken_slowly(slow) as n_taken:
            for client in clients:
                _ask(client)
            eventually(lambda: _is_full(talker))
            time.sleep(CUT_OFF_S)
            assert not _is_full(talker)
        assert sum(n_taken) + len(until_closed(slow)) > ANSWER_MIB * MIB, "it was cut off"


@contextmanager
def taken_slowly(client: socket.socket) -> Iterator[list[int]]:
    """Read a little of an answer twice a second while the block runs; give the numbers of bytes."""
    n_taken: list[int] = []
    ended = Event()

    def read() -> None:
        while not ended.wait(0.5):
            n_taken.append(len(client.recv(MIB // 16)))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            yield n_taken
        finally:
            ended.set()
        reading.result()


def test_clients_that_take_their_answers_slowly_keep_others_out_for_moments_only(
    talker: Server,
) -> None:
    with connected(talker, 4) as clients:
        for client in clients:
            _ask(client)
        eventually(lambda: _is_full(talker))
        n_full, stop_at = 0, time.monotonic() + 2 * CUT_OFF_S
        while time.monotonic() < stop_at:
            for client in clients:
                with suppress(ConnectionError):
                    client.recv(MIB // 16)
            n_full += _is_full(talker)
            time.sleep(0.25)

    assert n_full < 20, "the slowest are cut off once they have had their time"
