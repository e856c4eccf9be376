"""Ports for servers that cannot choose one themselves."""

import random
import socket

_RANGE = range(20000, 32000)
"""Below the ports that systems give to clients: the tests beside this one open many connections."""


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    while True:
        port = random.choice(_RANGE)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
