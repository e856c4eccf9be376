"""Which worker takes a new connection."""

import os
import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from drum_like.server.acceptor import LEFT_S, Entrance
from drum_like.system.connection_counts import Crowd

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


@pytest.fixture(name="crowd")
def fixture_crowd() -> Crowd:
    crowd = Crowd(2)
    crowd.join(0)
    return crowd


@pytest.fixture(name="entrance")
def fixture_entrance(
    listener: socket.socket, selector: selectors.BaseSelector, crowd: Crowd
) -> Entrance:
    return Entrance([listener], selector, lambda _listener, _turn: None, MOST, crowd)


def other_worker(crowd: Crowd, number: int) -> bool:
    """Let another process have so many connections; return whether it sees one with fewer."""
    child = os.fork()
    if not child:
        crowd.join(1)
        crowd.count(number)
        os._exit(crowd.has_fewer(number))
    _, status = os.waitpid(child, 0)
    return bool(os.waitstatus_to_exitcode(status))


def is_watched(listener: socket.socket, selector: selectors.BaseSelector) -> bool:
    """Return whether somebody waits for clients."""
    return listener in {key.fileobj for key in selector.get_map().values()}


def test_takes_clients_while_there_is_room(
    entrance: Entrance, listener: socket.socket, selector: selectors.BaseSelector
) -> None:
    watched = []
    for number in (0, MOST - 1, MOST, MOST - 1):
        entrance.look(number)
        watched.append(is_watched(listener, selector))

    assert watched == [True, True, False, True]


def test_gives_a_socket_that_does_not_block(entrance: Entrance, listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        found = entrance.take(listener, 0)

        assert found is not None
        with found[0] as sock:
            assert sock.gettimeout() == 0
            assert found[1] == client.getsockname()


def test_takes_nobody_where_nobody_waits(entrance: Entrance, listener: socket.socket) -> None:
    assert entrance.take(listener, 0) is None


@pytest.mark.parametrize("numbers", [(1, 0), (3, 1)], ids=["none", "two-less"])
def test_leaves_a_client_to_a_worker_that_has_clearly_fewer_but_not_for_ever(
    numbers: tuple[int, int],
    entrance: Entrance,
    listener: socket.socket,
    selector: selectors.BaseSelector,
    crowd: Crowd,
) -> None:
    own, others = numbers
    other_worker(crowd, others)
    entrance.look(own)
    with socket.create_connection(listener.getsockname()):
        left = entrance.take(listener, own)
        entrance.look(own, time.monotonic())
        watched_at_once = is_watched(listener, selector)
        is_leaving = entrance.is_leaving
        entrance.look(own, time.monotonic() + LEFT_S)
        taken = entrance.take(listener, own)

    assert left is None
    assert is_leaving
    assert not watched_at_once
    assert is_watched(listener, selector)
    assert taken is not None
    taken[0].close()


@pytest.mark.parametrize("others", [1, 2, 3], ids=["one-less", "as-many", "more"])
def test_takes_a_client_if_no_other_worker_has_clearly_fewer(
    others: int, entrance: Entrance, listener: socket.socket, crowd: Crowd
) -> None:
    other_worker(crowd, others)
    with socket.create_connection(listener.getsockname()):
        taken = entrance.take(listener, 2)

    assert taken is not None
    taken[0].close()


def test_looks_again_at_once_if_its_own_connections_have_gone(
    entrance: Entrance, listener: socket.socket, selector: selectors.BaseSelector, crowd: Crowd
) -> None:
    other_worker(crowd, 1)
    with socket.create_connection(listener.getsockname()):
        entrance.take(listener, 3)
        entrance.look(2, time.monotonic())

    assert is_watched(listener, selector)


def test_workers_that_leave_clients_to_each_other_take_some_first(
    entrance: Entrance, listener: socket.socket, crowd: Crowd
) -> None:
    other_worker(crowd, 0)
    with socket.create_connection(listener.getsockname()):
        entrance.take(listener, 1)

    assert [number for number in range(7) if other_worker(crowd, number)] == [5, 6]


def test_leaves_nobody_to_a_worker_that_has_ended(
    entrance: Entrance, listener: socket.socket, crowd: Crowd
) -> None:
    other_worker(crowd, 0)
    crowd.bury(1)
    with socket.create_connection(listener.getsockname()):
        taken = entrance.take(listener, 1)

    assert taken is not None
    taken[0].close()


def test_does_not_look_again_and_again_where_there_is_no_room(
    entrance: Entrance, listener: socket.socket, crowd: Crowd
) -> None:
    other_worker(crowd, 0)
    with socket.create_connection(listener.getsockname()):
        entrance.look(MOST - 1)
        entrance.take(listener, MOST - 1)

    entrance.look(MOST, time.monotonic() + LEFT_S)

    assert not entrance.is_leaving


def test_after_the_end_it_takes_nobody_and_counts_for_nobody(
    entrance: Entrance, listener: socket.socket, selector: selectors.BaseSelector, crowd: Crowd
) -> None:
    entrance.look(0)

    entrance.close()
    entrance.look(0)

    assert not is_watched(listener, selector)
    assert not crowd.has_fewer(1)
