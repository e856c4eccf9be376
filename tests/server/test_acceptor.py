"""The acceptor: which worker takes a new connection."""

import os
import resource
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from drum_like.server.acceptor import DEFERRAL_S, Acceptor, ConnectionCounts
from drum_like.server.listeners import SETTLING_S, turn_away

MOST = 4


@pytest.fixture(name="listener")
def fixture_listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)  # noqa: FBT003 - its only form
        yield listener


@pytest.fixture(name="selector")
def fixture_selector() -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as selector:
        yield selector


@pytest.fixture(name="counts")
def fixture_counts() -> ConnectionCounts:
    counts = ConnectionCounts(2)
    counts.join(0)
    return counts


@pytest.fixture(name="acceptor")
def fixture_acceptor(
    listener: socket.socket, selector: selectors.BaseSelector, counts: ConnectionCounts
) -> Acceptor:
    return Acceptor([listener], selector, lambda _listener, _leader: None, MOST, counts)


def other_worker(counts: ConnectionCounts, number: int) -> bool:
    """Let another process count connections; return whether it sees a worker with fewer."""
    child = os.fork()
    if not child:
        counts.join(1)
        counts.count(number)
        os._exit(counts.has_fewer(number))
    _, status = os.waitpid(child, 0)
    return bool(os.waitstatus_to_exitcode(status))


def is_watched(listener: socket.socket, selector: selectors.BaseSelector) -> bool:
    """Return whether somebody waits for clients."""
    return listener in {key.fileobj for key in selector.get_map().values()}


def test_takes_clients_while_there_is_room(
    acceptor: Acceptor, listener: socket.socket, selector: selectors.BaseSelector
) -> None:
    watched = []
    for number in (0, MOST - 1, MOST, MOST - 1):
        acceptor.update(number)
        watched.append(is_watched(listener, selector))

    assert watched == [True, True, False, True]


def test_gives_a_socket_that_does_not_block(acceptor: Acceptor, listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        found = acceptor.take(listener, 0)

        assert found is not None
        with found[0] as sock:
            assert sock.gettimeout() == 0
            assert found[1] == client.getsockname()


def test_a_client_that_would_be_a_standard_stream_needs_a_file_more(
    acceptor: Acceptor, listener: socket.socket
) -> None:
    with socket.create_connection(listener.getsockname()):
        child = os.fork()
        if not child:
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            with suppress(OSError):
                while True:
                    os.dup(0)
            os.close(1)
            taken = acceptor.take(listener, 0)
            os._exit(taken is None and acceptor.lacks_files)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 1


def test_takes_nobody_where_nobody_waits(acceptor: Acceptor, listener: socket.socket) -> None:
    assert acceptor.take(listener, 0) is None


@pytest.mark.parametrize("numbers", [(1, 0), (3, 1)], ids=["none", "two-less"])
def test_leaves_a_client_to_a_worker_that_has_clearly_fewer_but_not_for_ever(
    numbers: tuple[int, int],
    acceptor: Acceptor,
    listener: socket.socket,
    selector: selectors.BaseSelector,
    counts: ConnectionCounts,
) -> None:
    own, others = numbers
    other_worker(counts, others)
    acceptor.update(own)
    with socket.create_connection(listener.getsockname()):
        left = acceptor.take(listener, own)
        acceptor.update(own, time.monotonic())
        watched_at_once = is_watched(listener, selector)
        is_deferring = acceptor.is_deferring
        acceptor.update(own, time.monotonic() + DEFERRAL_S)
        taken = acceptor.take(listener, own)

    assert left is None
    assert is_deferring
    assert not watched_at_once
    assert is_watched(listener, selector)
    assert taken is not None
    taken[0].close()


@pytest.mark.parametrize("others", [1, 2, 3], ids=["one-less", "as-many", "more"])
def test_takes_a_client_if_no_other_worker_has_clearly_fewer(
    others: int, acceptor: Acceptor, listener: socket.socket, counts: ConnectionCounts
) -> None:
    other_worker(counts, others)
    with socket.create_connection(listener.getsockname()):
        taken = acceptor.take(listener, 2)

    assert taken is not None
    taken[0].close()


def test_looks_again_at_once_if_its_own_connections_have_gone(
    acceptor: Acceptor,
    listener: socket.socket,
    selector: selectors.BaseSelector,
    counts: ConnectionCounts,
) -> None:
    other_worker(counts, 1)
    with socket.create_connection(listener.getsockname()):
        acceptor.take(listener, 3)
        acceptor.update(2, time.monotonic())

    assert is_watched(listener, selector)


def test_workers_that_leave_clients_to_each_other_take_some_first(
    acceptor: Acceptor, listener: socket.socket, counts: ConnectionCounts
) -> None:
    other_worker(counts, 0)
    with socket.create_connection(listener.getsockname()):
        acceptor.take(listener, 1)

    assert [number for number in range(7) if other_worker(counts, number)] == [5, 6]


def test_leaves_nobody_to_a_worker_that_has_ended(
    acceptor: Acceptor, listener: socket.socket, counts: ConnectionCounts
) -> None:
    other_worker(counts, 0)
    counts.clear(1)
    with socket.create_connection(listener.getsockname()):
        taken = acceptor.take(listener, 1)

    assert taken is not None
    taken[0].close()


def test_does_not_look_again_and_again_where_there_is_no_room(
    acceptor: Acceptor, listener: socket.socket, counts: ConnectionCounts
) -> None:
    other_worker(counts, 0)
    with socket.create_connection(listener.getsockname()):
        acceptor.update(MOST - 1)
        acceptor.take(listener, MOST - 1)

    acceptor.update(MOST, time.monotonic() + DEFERRAL_S)

    assert not acceptor.is_deferring


def test_at_the_end_it_takes_those_who_wait_and_turns_others_away(
    acceptor: Acceptor, listener: socket.socket, selector: selectors.BaseSelector
) -> None:
    address = listener.getsockname()
    acceptor.update(0)
    with socket.create_connection(address):
        acceptor.close()
        acceptor.end()
        time.sleep(SETTLING_S)
        to_accept = acceptor.finish(MOST - 1)
        without_room = acceptor.finish(MOST)
        taken = acceptor.take(listener, 0)
        left = acceptor.finish(1)

    assert (to_accept, without_room, left) == ([listener], [], [])
    assert taken is not None
    taken[0].close()
    assert not acceptor.is_ending
    assert not selector.get_map()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot turn clients away")
def test_who_is_turned_away_cannot_connect_and_who_waits_is_not_lost(
    listener: socket.socket,
) -> None:
    with socket.create_connection(listener.getsockname()) as early:
        turn_away([listener])
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.2)
        early.sendall(b"early")
        sock, _ = listener.accept()

        with sock:
            assert sock.recv(9) == b"early"


def test_after_the_end_it_takes_nobody_and_counts_for_nobody(
    acceptor: Acceptor,
    listener: socket.socket,
    selector: selectors.BaseSelector,
    counts: ConnectionCounts,
) -> None:
    acceptor.update(0)

    acceptor.close()
    acceptor.update(0)

    assert not is_watched(listener, selector)
    assert not counts.has_fewer(1)
