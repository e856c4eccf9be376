"""Clients that send a mixture of requests at a steady rate, and judge the answers."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from tests.soak.mix import Ask, Bytes, Item
from tests.support.http_calls import send
from tests.support.serving import connect

N_CLIENTS = 6
_TIMEOUT_S = 60
_KEPT = 50
"""Requests on one connection."""


@dataclass(slots=True)
class Account:
    """Requests of clients, and their answers.

    Attributes:
        sent: Number of requests.
        statuses: How many answers there were of each.
        failures: How many were wrong, by the request and what was wrong.
    """

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


def load(
    url: str, items: Sequence[Item], rate: float, seconds: float, n_clients: int = N_CLIENTS
) -> Account:
    """Send the requests in any order for a time; return the account of their answers."""
    account = Account()
    until = time.monotonic() + seconds
    clients = [_Client(url, random.Random(number), items, account) for number in range(n_clients)]
    threads = [
        threading.Thread(target=client.run, args=(n_clients / rate, until)) for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return account


class _Client:
    """One client; only the interpreter's lock guards the account, whose counts may be late."""

    def __init__(
        self, url: str, rng: random.Random, items: Sequence[Item], account: Account
    ) -> None:
        self._url = url
        self._rng = rng
        self._items = items
        self._account = account

    def run(self, pause_s: float, until: float) -> None:
        due = time.monotonic() + self._rng.random() * pause_s
        while due < until:
            connection = HTTPConnection(urlsplit(self._url).netloc, timeout=_TIMEOUT_S)
            for _ in range(self._rng.randint(1, _KEPT)):
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due + pause_s, time.monotonic() - 1)
                if due >= until:
                    break
                self._send(connection, self._rng.choice(self._items))
            connection.close()

    def _send(self, connection: HTTPConnection, item: Item) -> None:
        self._account.sent += 1
        try:
            wrong = self._leave(item) if isinstance(item, Bytes) else self._ask(connection, item)
        except (OSError, HTTPException) as error:
            connection.close()
            wrong = type(error).__name__
        if wrong:
            self._account.failures[f"{item.name}: {wrong}"] += 1

    def _ask(self, connection: HTTPConnection, ask: Ask) -> str:
        method = "GET" if ask.body is None else "POST"
        reply = send(connection, method, ask.path, body=ask.body, headers=ask.headers)
        self._account.statuses[reply.status] += 1
        if reply.headers.get("Connection") == "close":
            connection.close()
        if reply.status not in ask.allowed:
            return f"{reply.status} {reply.body[:80]!r}"
        return "" if ask.answer in (None, reply.body) else f"answered {reply.body[:80]!r}"

    def _leave(self, item: Bytes) -> str:
        with connect(self._url) as client, suppress(ConnectionError):
            client.sendall(item.stream)
            while item.waits and client.recv(65536):
                pass
        return ""
