"""The spread of connections over workers."""

import http.client
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from tests.live.steered import both, write
from tests.support.serving import Server, serve

FLAGS = ("--target-type", "regression", "--max-workers", "2")
N_CLIENTS = 8
ROUNDS = 20

NOTICED_S = 0.1
"""Time in which the workers see that the connections of the last round are closed."""


def worker_of(connection: http.client.HTTPConnection) -> str:
    """Return the process that answers on a connection, which stays open."""
    connection.request("POST", "/predict/", b"do,value\npid,0\n", {"Content-Type": "text/csv"})
    return connection.getresponse().read().decode()


def smaller_share(server: Server) -> int:
    """Return the number of clients, of several at once, at the worker that gets fewer."""
    time.sleep(NOTICED_S)
    address = urlsplit(server.url).netloc
    with ExitStack() as stack:
        connections = [http.client.HTTPConnection(address, timeout=20) for _ in range(N_CLIENTS)]
        for connection in connections:
            connection.connect()
            stack.callback(connection.close)
        found = Counter(map(worker_of, connections))
    return min(found.values()) if len(found) > 1 else 0


def test_clients_that_come_at_once_are_shared_out(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        both(server)

        shares = [smaller_share(server) for _ in range(ROUNDS)]

    assert sum(shares) / ROUNDS >= N_CLIENTS / 4, shares
