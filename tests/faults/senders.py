"""The same request again and again, at a steady rate, from several connections."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

N_CLIENTS = 5
REQUESTS_S = 50
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Question:
    """A body to send by POST."""

    path: str
    body: str | bytes
    content_type: str


class Answered(NamedTuple):
    """An answer, and when its request was sent, on the monotonic clock."""

    sent_at: float
    status: int
    body: bytes


@contextmanager
def asked(url: str, question: Question) -> Iterator[list[Answered]]:
    """Ask a server until the block ends; give the answers as they come."""
    ending = threading.Event()
    answers: list[Answered] = []
    pause_s = N_CLIENTS / REQUESTS_S

    def send(number: int) -> None:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        due = time.monotonic() + pause_s * number / N_CLIENTS
        while not ending.wait(max(0.0, due - time.monotonic())):
            due += pause_s
            answers.append(_answer(connection, question))
        connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(N_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def wait_for_answers(url: str, question: Question, n_good: int = 20) -> None:
    """Wait until a question is answered with 200 this many times in a row."""
    deadline = time.monotonic() + TIMEOUT_S
    found = 0
    while found < n_good:
        assert time.monotonic() < deadline
        connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        found = found + 1 if _answer(connection, question).status == 200 else 0
        connection.close()


def _answer(connection: HTTPConnection, question: Question) -> Answered:
    began = time.monotonic()
    headers = {"Content-Type": question.content_type}
    connection.request("POST", question.path, question.body, headers)
    response = connection.getresponse()
    return Answered(began, response.status, response.read())
