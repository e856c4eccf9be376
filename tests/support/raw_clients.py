"""Clients that send and read bytes as a test has them, and the times of those that want answers."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.support.serving import Server


@contextmanager
def connected(server: Server, number: int = 1) -> Iterator[list[socket.socket]]:
    """Give so many connections; they are closed at the end of the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(server.connect()) for _ in range(number)]


def whole(client: socket.socket) -> bytes:
    """Return all that is sent until the server closes its side.

    Raises:
        ConnectionResetError: the connection is cut off.
    """
    return b"".join(iter(lambda: client.recv(1 << 16), b""))


def until_closed(client: socket.socket) -> bytes:
    """Return all that is sent until the connection is closed, or cut off with bytes unread."""
    pieces = []
    with suppress(ConnectionResetError):
        while piece := client.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


def half_close(client: socket.socket) -> None:
    """Send no more; the request that is cut off by that has to be answered with 400."""
    client.shutdown(socket.SHUT_WR)
    assert whole(client).startswith(b"HTTP/1.1 400 ")


def reset(client: socket.socket) -> None:
    """Close a connection by a reset, which tells the server that nobody reads on."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def is_open(client: socket.socket) -> bool:
    """Return whether the server has not closed a connection on which nothing is to come."""
    client.settimeout(0)
    try:
        client.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def get_s(server: Server, path: str = "/livez") -> float:
    """Return the time of a GET over a new connection, which has to be answered with 200."""
    began = time.monotonic()
    assert server.get(path).status == 200
    return time.monotonic() - began
