"""The end of a listening socket, which loses no client that the kernel has accepted.

The kernel accepts connections by itself, and resets those that wait still when the last process
closes the socket. So new ones are turned away first: their first packet is dropped as if it were
lost, and when the client repeats it the socket is closed, and it is told so.
"""

import ctypes
import select
import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress

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
