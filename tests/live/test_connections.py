"""More connections than a worker may have: those that do nothing make room."""

import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.live.steered import begin, do, errors, events, eventually, pid, write
from tests.support.raw_clients import get_s, is_open
from tests.support.serving import Server, serve

MOST = 40
OF_ADDRESS = 8
PARTY = 10
"""Clients that come together, and may be closed in any order among themselves: a client has its
answer milliseconds before its connection counts as idle if another thread holds the interpreter."""

FLAGS = ("--target-type", "regression", "--max-workers", "1", "--hook-threads", "4")
PING = b"GET /ping/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
PART = b"POST /predict/ HT"
AT_ONCE_S = 5.0
"""A worker without room looks again every half second; idle connections may stay 75 seconds."""
FRESH_S = 0.2
"""A client that has just connected is not idle yet."""
LOOKS_S = 1.5
"""The decision log has looked for spooled decisions by then."""


@pytest.fixture(scope="module", name="server")
def fixture_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = write(tmp_path_factory.mktemp("model"))
    with serve(directory, *FLAGS, "--worker-connections", str(MOST)) as server:
        yield server


@pytest.fixture(scope="module", name="strict")
def fixture_strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = write(tmp_path_factory.mktemp("model"))
    with serve(directory, *FLAGS, "--connections-per-address", str(OF_ADDRESS)) as server:
        yield server


@pytest.fixture(name="clients")
def fixture_clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def opened(
    server: Server, clients: ExitStack, number: int, sent: bytes = PING
) -> list[socket.socket]:
    """Return so many connections, each of which has sent something, and got its answer if any."""
    found = []
    for _ in range(number):
        client = clients.enter_context(server.connect())
        client.sendall(sent)
        if sent == PING:
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        found.append(client)
    return found


def test_the_oldest_of_too_many_idle_connections_are_closed(
    server: Server, clients: ExitStack
) -> None:
    parties = []
    for _ in range(3 * MOST // PARTY):
        parties.append(opened(server, clients, PARTY))
        time.sleep(FRESH_S)

    assert get_s(server, "/ping/") < AT_ONCE_S
    n_open = [sum(is_open(client) for client in party) for party in parties]
    assert MOST / 2 < sum(n_open) <= MOST
    younger = n_open[next(at for at, number in enumerate(n_open) if number) + 1 :]
    assert younger == [PARTY] * len(younger)


def test_a_request_under_way_is_not_closed_for_others(server: Server, clients: ExitStack) -> None:
    busy = begin(lambda: do(server, "sleep", 2))
    time.sleep(FRESH_S)

    opened(server, clients, 3 * MOST)

    assert not busy.done()
    assert busy.result().status == 200


@pytest.mark.parametrize("sent", [b"", PART])
def test_clients_that_send_no_request_keep_nobody_out(
    server: Server, clients: ExitStack, sent: bytes
) -> None:
    opened(server, clients, 2 * MOST, sent)
    time.sleep(FRESH_S)

    assert max(get_s(server, "/ping/") for _ in range(5)) < AT_ONCE_S


def test_an_address_has_no_more_connections_than_it_may(strict: Server, clients: ExitStack) -> None:
    older = opened(strict, clients, OF_ADDRESS // 2)
    time.sleep(FRESH_S)
    younger = opened(strict, clients, OF_ADDRESS // 2)
    time.sleep(FRESH_S)

    more = opened(strict, clients, 2)

    # A connection that its client has just closed may still count.
    assert sum(is_open(client) for client in older) <= OF_ADDRESS // 2 - 2
    assert all(is_open(client) for client in younger)
    assert all(is_open(client) for client in more)


def test_an_address_whose_requests_are_all_under_way_is_told_so(
    strict: Server, clients: ExitStack
) -> None:
    body = b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
    (worker,) = psutil.Process(strict.process.pid).children()
    # Those of another test count until the server has seen that they are closed.
    eventually(lambda: len(worker.net_connections("tcp")) == 1)
    opened(strict, clients, OF_ADDRESS, body)
    time.sleep(FRESH_S)

    reply = strict.get("/ping/")

    assert (reply.status, "connections" in reply.message) == (429, True)
    clients.close()
    assert eventually(lambda: strict.get("/ping/").status == 200)


def test_a_request_that_has_come_is_answered_though_its_connection_has_expired(
    tmp_path: Path, clients: ExitStack
) -> None:
    """It came in time, but nobody looked: the interpreter was held."""
    with serve(write(tmp_path), *FLAGS, "--keep-alive-s", "2") as server:
        (kept,) = opened(server, clients, 1)
        holding = begin(lambda: do(server, "hold", 4))
        time.sleep(0.7)

        kept.sendall(PING)

        assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        assert holding.result().status == 200


def test_clients_that_have_had_their_last_answer_make_room_first(
    server: Server, clients: ExitStack
) -> None:
    kept = opened(server, clients, MOST - 2)
    (refused,) = opened(server, clients, 1, b"no request\r\n\r\n")
    assert refused.recv(65536).startswith(b"HTTP/1.1 400")
    time.sleep(FRESH_S)

    opened(server, clients, 1)

    assert all(is_open(client) for client in kept)


def test_a_worker_without_open_files_sheds_and_goes_on(tmp_path: Path, clients: ExitStack) -> None:
    """It says so; its work beside requests, such as the look for spooled decisions, waits."""
    state = tmp_path / "state"
    (state / "drum-like" / "store" / "decisions").mkdir(parents=True)
    flags, env = (*FLAGS, "--logging-level", "warning"), {"XDG_STATE_HOME": str(state)}
    with serve(write(tmp_path), *flags, env=env) as server:
        worker = psutil.Process(pid(server))
        most = worker.num_fds() + 20
        worker.rlimit(psutil.RLIMIT_NOFILE, (most, most))

        opened(server, clients, 60)
        time.sleep(LOOKS_S)
        quickest_s = min(get_s(server, "/ping/") for _ in range(3))
        clients.close()

        assert quickest_s < AT_ONCE_S
        assert pid(server) == worker.pid
        found = errors(server.log())
        assert found
        assert all("open files" in message for message in found)


def test_the_start_says_how_many_connections_the_open_files_allow(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with serve(write(tmp_path), *FLAGS, "--worker-connections", "1000") as server:
            lines = "\n".join(event["msg"] for event in events(server.log()))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    found = re.search(r"^connections (\d+) a worker \(open files: (\d+)\)$", lines, re.MULTILINE)
    assert found is not None
    assert int(found[2]) == min(hard, 2024)
    assert int(found[1]) == min(1000, max(hard - 1024, hard // 2))
