"""Answers that come about when, or after, their request was answered 504: for nobody else.

Each request has a name, which its answer repeats. Clients keep their connections and send two
requests at a time, so that a late answer would have somebody to go to.
"""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import count
from typing import BinaryIO, NamedTuple

import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.live.steered import events, eventually
from tests.support.models import Model, hooks
from tests.support.serving import Server, serve

LIMIT_S = 1
TOOK_S = (0.7 * LIMIT_S, 1.7 * LIMIT_S)
"""The times that hooks take."""

WATCHED_S = scaled(5, 60)
N_CLIENTS = 4
"""The clients of each kind."""

NAMED = Model(
    hooks("""
import json
import time

import pandas as pd


class Chunk:
    object = "chat.completion.chunk"

    def __init__(self, name):
        self.name = name

    def to_json(self, indent=None):
        return json.dumps({"text": self.name})


def score(data, model, **kwargs):
    time.sleep(float(data["seconds"].max()))
    return pd.DataFrame({"answer": data["name"]})


def stream(name, seconds):
    for _ in range(10):
        yield Chunk(name)
        time.sleep(seconds / 10)


def chat(params, model):
    return stream(params["name"], params["seconds"])
"""),
    ("--target-type", "textgeneration"),
    {"TARGET_NAME": "answer"},
)

FLAGS = ("--request-timeout-s", str(LIMIT_S), "--threads", "16", "--hook-threads", "16")

NAME = re.compile(rb"name-\d+-of-\w+")
POST = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}"

_NUMBERS = count()


class Answer(NamedTuple):
    """An answer as far as it came.

    Attributes:
        status: 0 if not even its head came.
        body: Its body, or the beginning of it.
        is_whole: Whether its end came, too.
        goes_on: Whether its connection may be used again.
    """

    status: int
    body: bytes = b""
    is_whole: bool = False
    goes_on: bool = False


LOST = Answer(0)

ANY = {0, 200, 503, 504}
"""The statuses that there may be; a worker that is replaced cuts connections off."""


def prediction(name: str, seconds: float) -> bytes:
    body = f"name,seconds\n{name},{seconds}\n"
    return POST.format("/predict/", "text/csv", len(body), body).encode()


def streamed(name: str, seconds: float) -> bytes:
    body = f'{{"name": "{name}", "seconds": {seconds}}}'
    return POST.format("/chat/completions", "application/json", len(body), body).encode()


Ask = Callable[[str, float], bytes]

KINDS: dict[str, tuple[Ask, Ask]] = {
    "predictions": (prediction, prediction),
    "streams": (streamed, streamed),
    "both": (streamed, prediction),
}
"""A request that takes about as long as it may, and the one that is sent behind it."""


def read(file: BinaryIO) -> Answer:
    """Read an answer, as far as it comes."""
    status, body = 0, b""
    with suppress(OSError, ValueError, LookupError):  # cut off
        status = int((file.readline().split() or [b"", b"0"])[1])
        fields = dict(_fields(file))
        goes_on = fields[b"connection"] != b"close"
        if b"content-length" in fields:
            length = int(fields[b"content-length"])
            body = file.read(length)
            return Answer(status, body, len(body) == length, goes_on)
        while size := int(file.readline(), 16):
            body += file.read(size + 2)[:size]
        file.readline()
        return Answer(status, body, is_whole=True, goes_on=goes_on)
    return Answer(status, body)


def _fields(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while line := file.readline().rstrip():
        name, _, value = line.partition(b":")
        yield name.lower(), value.strip()


def _rest(file: BinaryIO) -> Iterator[bytes]:
    """Give what comes, byte by byte, until it ends or pauses for long."""
    with suppress(OSError):
        while byte := file.read(1):
            yield byte


def asked(server: Server, kind: str, chance: random.Random) -> Iterator[tuple[str, Answer]]:
    """Ask again and again; give each name with the answer to its request.

    What comes behind the last answer of a connection is given without a name.
    """
    end = time.monotonic() + WATCHED_S
    while time.monotonic() < end:
        with closing(server.connect()) as client, client.makefile("rb") as file:
            goes_on = True
            while goes_on and time.monotonic() < end:
                names = [f"name-{next(_NUMBERS)}-of-{kind}" for _ in range(2)]
                late, quick = KINDS[kind]
                with suppress(OSError):
                    client.sendall(late(names[0], chance.uniform(*TOOK_S)) + quick(names[1], 0))
                for name in names:
                    answer = read(file) if goes_on else LOST
                    goes_on = answer.goes_on
                    yield name, answer
            if not goes_on:
                client.settimeout(3 * LIMIT_S)  # a server that errs may not close it
                yield "", Answer(0, b"".join(_rest(file)))


def is_own(name: str, answer: Answer) -> bool:
    """Return whether an answer is the one to a request, or to nobody's."""
    if not name:
        return not answer.body
    if answer.status == 200 and answer.is_whole:
        return set(NAME.findall(answer.body)) == {name.encode()}
    return set(NAME.findall(answer.body)) <= {name.encode()} and answer.status in ANY


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_late_answer_goes_to_nobody(
    n_workers: int, tmp_path_factory: pytest.TempPathFactory, tell: Tell
) -> None:
    directory = NAMED.write(tmp_path_factory.mktemp("model"))
    flags = (*NAMED.flags, *FLAGS, "--max-workers", str(n_workers))
    with serve(directory, *flags, env=NAMED.env) as server:
        with ThreadPoolExecutor(N_CLIENTS * len(KINDS)) as pool:
            calls = [
                (kind, pool.submit(lambda *of: list(asked(server, *of)), kind, random.Random(n)))
                for kind in KINDS
                for n in range(N_CLIENTS)
            ]
            pairs = [(kind, name, answer) for kind, call in calls for name, answer in call.result()]

        told = Counter((kind, one.status, one.is_whole) for kind, name, one in pairs if name)
        tell(f"{n_workers} workers: {dict(sorted(told.items()))}")
        assert [(name, answer) for _, name, answer in pairs if not is_own(name, answer)] == []
        assert told["predictions", 200, True] > 0
        assert told["predictions", 504, True] > 0
        assert told["streams", 200, True] > 0
        assert told["streams", 200, False] > 0
        n_late = sum(number for (_, status, _), number in told.items() if status == 504)
        eventually(lambda: _logged(server, 504) >= n_late)


def _logged(server: Server, status: int) -> int:
    """Return how many requests have a status in the log."""
    return sum(event.get("status") == status for event in events(server.log()))
