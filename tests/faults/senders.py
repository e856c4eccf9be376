"""Requests at a steady rate: the same again and again, or each over a connection of its own."""

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
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
    token: str | None = None


class Answered(NamedTuple):
    """An answer, and when its request was sent, on the monotonic clock."""

    sent_at: float
    status: int
    body: bytes


class Tried(NamedTuple):
    """A request that may have been lost, and was sent once more then.

    Attributes:
        took_s: From the time when it was due to its answer, or its loss.
        status: 0 if it was lost.
        body: Of the answer.
        status_again: Of the second attempt, after `RETRY_S`; of the first where that was answered.
    """

    took_s: float
    status: int
    body: bytes
    status_again: int


RETRY_S = 0.05
_AT_ONCE = 40


def tried(url: str, questions: Iterable[Question], rate: int = REQUESTS_S) -> list[Tried]:
    """Ask so many questions a second, however slow the answers are; each over a connection."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        began, calls = time.monotonic(), []
        for number, question in enumerate(questions):
            due = began + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            calls.append(pool.submit(_try, url, question, due))
        return [call.result() for call in calls]


def _try(url: str, question: Question, due: float) -> Tried:
    status, body = _fresh_answer(url, question)
    took_s = time.monotonic() - due
    if status == 200:
        return Tried(took_s, status, body, status)
    time.sleep(RETRY_S)
    return Tried(took_s, status, body, _fresh_answer(url, question)[0])


def _fresh_answer(url: str, question: Question) -> tuple[int, bytes]:
    """Return status and body of an answer, 0 if there is none."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)) as connection:
        try:
            answered = _answer(connection, question)
        except (OSError, HTTPException):
            return 0, b""
    return answered.status, answered.body


@contextmanager
def asked(url: str, question: Question, rate: int = REQUESTS_S) -> Iterator[list[Answered]]:
    """Ask a server so many times a second until the block ends; give the answers as they come."""
    ending = threading.Event()
    answers: list[Answered] = []
    pause_s = N_CLIENTS / rate

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
    if question.token is not None:
        headers["Authorization"] = f"Bearer {question.token}"
    connection.request("POST", question.path, question.body, headers)
    response = connection.getresponse()
    return Answered(began, response.status, response.read())
