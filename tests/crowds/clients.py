"""The clients of a crowd: each asks on its own connection, and compares what it gets."""

import random
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection

from tests.crowds.asked import Asked
from tests.support.serving import connect

BUSY = 503
_LEAVES = 0.03
_PATIENCE_S = 120.0
_LONGEST_STAY_S = 0.02

Answer = tuple[int, bytes]


@dataclass(slots=True)
class Tally:
    """The answers of a crowd.

    Attributes:
        kinds: Answers by their status, and clients that left.
        failures: What was wrong.
        n_batches: Predictions for requests that had to wait.
        n_batched: Those requests.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    n_batches: int = 0
    n_batched: int = 0

    def add(self, other: "Tally") -> None:
        """Add the answers of another one."""
        self.kinds.update(other.kinds)
        self.failures += other.failures


def ask(connection: HTTPConnection, asked: Asked) -> Answer:
    """Return status and body of an answer."""
    headers = {"Content-Type": asked.media_type}
    connection.request("POST", asked.path, asked.body, headers)
    reply = connection.getresponse()
    return reply.status, reply.read()


def answers_alone(url: str, requests: Sequence[Asked]) -> list[Answer]:
    """Return the answers to requests that are sent one after the other."""
    connection = _connection(url)
    try:
        return [ask(connection, asked) for asked in requests]
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Crowd:
    """Clients that ask at the same time.

    Attributes:
        url: The server.
        requests: What they may ask.
        alone: The answers to them.
    """

    url: str
    requests: Sequence[Asked]
    alone: Sequence[Answer]

    def ask(self, count: int, connections: int, seed: int) -> Tally:
        """Send requests at random from many clients, some of which leave."""
        shares = [count // connections] * connections
        with ThreadPoolExecutor(connections) as pool:
            tallies = list(pool.map(self._client, shares, range(seed, seed + connections)))
        whole = Tally()
        for tally in tallies:
            whole.add(tally)
        return whole

    def _client(self, count: int, seed: int) -> Tally:
        rng, tally, connection = random.Random(seed), Tally(), _connection(self.url)
        for _ in range(count):
            at = rng.randrange(len(self.requests))
            if rng.random() < _LEAVES:
                self._leave(self.requests[at], rng)
                tally.kinds["left"] += 1
                continue
            self._compare(connection, at, tally)
        connection.close()
        return tally

    def _compare(self, connection: HTTPConnection, at: int, tally: Tally) -> None:
        asked = self.requests[at]
        try:
            found = ask(connection, asked)
        except OSError as error:
            tally.failures.append(f"{asked.kind}: {type(error).__name__}")
            connection.close()
            return
        tally.kinds[str(found[0])] += 1
        if found != self.alone[at] and found[0] != BUSY:
            alone = self.alone[at]
            tally.failures.append(f"{asked.kind}: {_shown(found)} instead of {_shown(alone)}")

    def _leave(self, asked: Asked, rng: random.Random) -> None:
        """Send a request, and leave before, or just after, its answer comes."""
        head = f"POST {asked.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {asked.media_type}"
        with connect(self.url) as client:
            client.sendall(f"{head}\r\nContent-Length: {len(asked.body)}\r\n\r\n".encode())
            client.sendall(asked.body)
            time.sleep(rng.random() * _LONGEST_STAY_S)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _connection(url: str) -> HTTPConnection:
    return HTTPConnection(url.removeprefix("http://"), timeout=_PATIENCE_S)


def _shown(answer: Answer) -> str:
    return f"{answer[0]} {answer[1][:200]!r}"
