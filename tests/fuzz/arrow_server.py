"""Mutants of Arrow streams and files, sent to a real server."""

import tempfile
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from random import Random

from tests.fuzz.mutator import corpus, mutants
from tests.support.arrow_payloads import NUMBERS, stream
from tests.support.artifacts import native_xgboost
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

_HEADERS = {"Content-Type": "application/vnd.apache.arrow.stream"}


def check_arrow(number: int, seed: int) -> int:
    """Send mutants; return 1 if one is answered 5xx, takes the worker along, or holds it."""
    with tempfile.TemporaryDirectory() as folder:
        model = native_xgboost(".json").model
        model.write(Path(folder) / "model")
        with serve(Path(folder) / "model", *model.flags, *ONE_WORKER) as server:
            before = _worker(server)
            statuses, slowest = _send(server, number, Random(seed))
            same = before == _worker(server)
    faults = sum(times for status, times in statuses.items() if status >= 500)
    print(
        f"{number} Arrow mutants: {dict(sorted(statuses.items()))}, the slowest {slowest:.2f} s, "
        f"the same worker: {same}"
    )
    return int(faults > 0 or not same or slowest > 1)


def _send(server: Server, number: int, random: Random) -> tuple[Counter[int], float]:
    """Return the statuses, and the longest time of an answer that is so long again."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    statuses: Counter[int] = Counter()
    slowest = 0.0
    for _, body in zip(range(number), mutants([*corpus("arrow"), _rows()], random), strict=False):
        status, took = _post(connection, body)
        statuses[status] += 1
        if took > 0.5:  # a busy machine holds anybody, once
            took = min(took, _post(connection, body)[1], _post(connection, body)[1])
        slowest = max(slowest, took)
    connection.close()
    return statuses, slowest


def _post(connection: HTTPConnection, body: bytes) -> tuple[int, float]:
    began = time.monotonic()
    connection.request("POST", "/predict/", body, _HEADERS)
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.monotonic() - began


def _rows() -> bytes:
    return stream(NUMBERS.append_column("b", NUMBERS["a"]))


def _worker(server: Server) -> int:
    return int(server.get("/stats/").json()["drum_info"][0]["pid"])
