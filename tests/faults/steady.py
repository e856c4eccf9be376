"""Clients that ask at a steady rate whatever becomes of their requests, and ask once more."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

N_CLIENTS = 10
RETRY_S = 0.05
TIMEOUT_S = 20


@dataclass(slots=True)
class Steady:
    """What became of the requests.

    Attributes:
        asked: Number of requests.
        failed: Those without an answer 200.
        lost: Those whose retry failed, too.
        wrong: Answers 200 that are those of other requests.
        times: How long answers took, in seconds.
    """

    asked: int = 0
    failed: int = 0
    lost: int = 0
    wrong: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def p99_s(self) -> float:
        """The time that one answer in a hundred takes longer than."""
        return sorted(self.times)[int(0.99 * len(self.times))] if self.times else 0.0


@contextmanager
def steady(url: str, rate: float = 50) -> Iterator[Steady]:
    """Ask for predictions until the block ends; each request has a number of its own."""
    account, guard, ending = Steady(), threading.Lock(), threading.Event()
    pause_s = N_CLIENTS / rate

    def ask(number: int) -> None:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        due, value = time.monotonic() + number / rate, number * 1_000_000
        while not ending.wait(max(0.0, due - time.monotonic())):
            due, value = due + pause_s, value + 1
            began = time.monotonic()
            answer = _answer(connection, value)
            took_s = time.monotonic() - began
            again = answer or _again(connection, value)
            with guard:
                _note(account, value, answer, again)
                account.times.append(took_s)
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(N_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield account
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _note(account: Steady, value: int, answer: bytes | None, again: bytes | None) -> None:
    account.asked += 1
    account.failed += answer is None
    account.lost += again is None
    if again is not None and again != b"%d" % value:
        account.wrong.append(again)


def _again(connection: HTTPConnection, value: int) -> bytes | None:
    time.sleep(RETRY_S)
    return _answer(connection, value)


def _answer(connection: HTTPConnection, value: int) -> bytes | None:
    """Return the body of an answer 200, None for anything else."""
    try:
        connection.request("POST", "/predictUnstructured/", str(value))
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException):
        connection.close()
        return None
    return body if response.status == 200 else None
