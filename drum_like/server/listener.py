"""The socket to listen on, opened before anything else is begun."""

import errno
import socket

from drum_like.errors import SettingsError


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


def url(listener: socket.socket) -> str:
    """Return the address as callers on this machine can use it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
