"""Listening sockets: their beginning, and their end, which loses no accepted client.

The kernel accepts connections by itself, and resets those that wait still when the last process
closes the socket. So new ones are turned away first: their first packet is dropped as if it were
lost, and when the client repeats it the socket is closed, and it is told so.

A unix socket has a file: who cannot find it any more is turned away.
"""

import ctypes
import errno
import os
import select
import socket
import stat
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from drum_like.config.value_types import Address
from drum_like.errors import SettingsError

SETTLING_S = 0.1
"""Time for connections that are being established when new ones are turned away."""

_FOR_OTHERS = 0o117
"""The rights to the file of a unix socket that nobody gets: for its user and its group alone."""

_PROBE_S = 1.0

_files: dict[str, tuple[int, int, int]] = {}
"""The files of our unix sockets by their paths; filled before the workers are forked."""

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
    for listener in listeners:
        if listener.family == socket.AF_UNIX:
            remove_file(listener.getsockname())
        elif sys.platform == "linux":
            _drop_first_packets(listener)


def _drop_first_packets(listener: socket.socket) -> None:
    program = b"".join(struct.pack("HBBI", *line) for line in _DROP_FIRST_PACKETS)
    memory = ctypes.create_string_buffer(program)
    pointer = struct.pack("HP", len(_DROP_FIRST_PACKETS), ctypes.addressof(memory))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def are_empty(listeners: Iterable[socket.socket]) -> bool:
    """Return whether no client waits to be accepted."""
    poller = select.poll()
    for listener in listeners:
        poller.register(listener, select.POLLIN)
    return not poller.poll(0)


def open_listener(address: Address, backlog: int) -> socket.socket:
    """Return a socket that listens at an address; raises as `listen` and `listen_at`."""
    if address.path:
        return listen_at(address.path, backlog)
    return listen(address.host, address.port, backlog)


def listen_at(path: str, backlog: int) -> socket.socket:
    """Return a unix socket that listens at a file, which its user and its group may use.

    Args:
        path: Of the file; one of a server that is gone is replaced.
        backlog: Connections that may wait to be accepted.

    Raises:
        SettingsError: the file is another's, or cannot be made.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        _remove_stale(path)
        mask = os.umask(_FOR_OTHERS)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        listener.listen(backlog)
        _files[path] = _identity(path)
    except OSError as error:
        listener.close()
        raise SettingsError(_unix_message(path, error)) from error
    return listener


def remove_file(path: str) -> None:
    """Remove the file of a unix socket of ours, unless another server has replaced it."""
    with suppress(OSError):
        if _files.get(path) == _identity(path):
            Path(path).unlink()


def _identity(path: str) -> tuple[int, int, int]:
    """Return device, number and time of a file: a later one of its name may reuse its number."""
    found = os.lstat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _remove_stale(path: str) -> None:
    """Remove the file of a server that is gone.

    Raises:
        OSError: there is something else: EADDRINUSE if a server listens there, ENOTSOCK.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PROBE_S)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                Path(path).unlink()
            except TimeoutError:  # it listens, and many wait
                pass


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
    """Return the address as callers on this machine can use it, who may have to be told a path."""
    if listener.family == socket.AF_UNIX:
        return f"{scheme}://localhost"
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _unix_message(path: str, error: OSError) -> str:
    where = f"cannot listen on unix:{path}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: a server listens there; stop it, or choose another path with --address"
    if error.errno == errno.ENOTSOCK:
        return f"{where}: the file is no socket; remove it, or choose another path with --address"
    if error.errno == errno.ENOENT:
        return f"{where}: its directory does not exist; make it, or choose another with --address"
    said = error.strerror or error
    return f"{where}: {said}; choose a path of at most 100 bytes that the server's user may make"


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
