"""Listening sockets: their beginning, and their end, which loses no accepted client.

The kernel accepts connections by itself, and resets those that wait still when the last process
closes the socket. So new ones are turned away first: their first packet is dropped as if it were
lost, and when the client repeats it the socket is closed, and it is told so.
"""

import ctypes
import errno
import select
import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress

from drum_like.errors import SettingsError

SETTLING_S = 0.1
"""Time for connections that are being established when new ones are turned away."""

_SO_ATTACH_FILTER = 26  # of Linux; the socket module does not name it

_DROP_FIRST_PACKETS = (
    (0x30, 0, 0, 13),  # load the byte of flags from the header of TCP
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # if it is SYN alone, the first packet of a connection,
    (0x06, 0, 0, 0),  # drop it,
    (0x06, 0, 0, 0xFFFFFFFF),  # else take all of it
)
"""A program of the classic Berkeley packet filter: see socket(7), SO_ATTACH_FILTER."""


def turn_away(listeners: Iterable[socket.socket]) -> None:
    """Let no new client connect; those that wait may be accepted, in every process.

    Where a system cannot do that, clients of the last moment are reset.
    """
    if sys.platform != "linux":
        return
    program = b"".join(struct.pack("HBBI", *line) for line in _DROP_FIRST_PACKETS)
    memory = ctypes.create_string_buffer(program)
    pointer = struct.pack("HP", len(_DROP_FIRST_PACKETS), ctypes.addressof(memory))
    for listener in listeners:
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def are_empty(listeners: Iterable[socket.socket]) -> bool:
    """Return whether no client waits to be accepted."""
    poller = select.poll()
    for listener in listeners:
        poller.register(listener, select.POLLIN)
    return not poller.poll(0)


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: A name or an address, IPv4 or IPv6.
        port: 0 for any free one.
        backlog: Connections that may wait to be accepted.

    Raises:
        SettingsError: the port is taken or not allowed, or the host is not one of this machine's.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=backlog)
    except UnicodeError as error:
        message = f"cannot listen on {host[:80]}:{port}: that is not the name of a host"
        raise SettingsError(message) from error
    except OSError as error:
        raise SettingsError(_message(host, port, error)) from error


def url(listener: socket.socket, scheme: str = "http") -> str:
    """Return the address as callers on this machine can use it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _message(host: str, port: int, error: OSError) -> str:
    where = f"cannot listen on {host}:{port}"
    if isinstance(error, socket.gaierror):
        return f"{where}: the host is not known; give a name or address of this machine"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: the port is in use; free it, or choose another with --address"
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need a privilege; choose a higher one with --address"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine does not have that address; choose another with --address"
    return f"{where}: {error.strerror}; choose another address with --address"
