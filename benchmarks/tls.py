"""One row over TLS beside one over plain HTTP, on connections that are kept, in turns.

python -m benchmarks.tls     exits with 1 if TLS takes more than 1.3 times as long
"""

import ssl
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from tests.support.certificates import Authority
from tests.support.http_calls import send
from tests.support.serving import serve

MODEL = Path(__file__).parents[1] / "model_templates" / "xgboost_binary"
ROUNDS, REQUESTS = 21, 200
LIMIT = 1.3

Ask = Callable[[], float]
"""Sends one request, and returns the seconds until its answer was read."""


def row() -> str:
    """Return the first row of the model's sample, with its header."""
    return "".join((MODEL / "sample.csv").read_text().splitlines(keepends=True)[:2])


def asking(connection: HTTPConnection, body: str) -> Ask:
    """Return the function that asks for a row on a connection."""

    def ask() -> float:
        began = time.perf_counter()
        reply = send(
            connection, "POST", "/predict/", body=body, headers={"Content-Type": "text/csv"}
        )
        assert reply.status == 200
        return time.perf_counter() - began

    return ask


def medians(over_tls: Ask, plain: Ask) -> tuple[list[float], list[float]]:
    """Return the median milliseconds of both in each round."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for ask, times in zip((over_tls, plain), found, strict=True):
            times.append(median(ask() for _ in range(REQUESTS)) * 1000)
    return found


def main() -> int:
    """Measure, print, and return 1 if TLS takes too long."""
    with TemporaryDirectory() as name:
        authority = Authority(Path(name))
        with (
            serve(MODEL, "--max-workers", "1") as plain,
            serve(MODEL, "--max-workers", "1", *authority.issue().flags) as secure,
        ):
            context: ssl.SSLContext = authority.trusting()
            body = row()
            pair = (
                asking(HTTPSConnection(urlsplit(secure.url).netloc, context=context), body),
                asking(HTTPConnection(urlsplit(plain.url).netloc), body),
            )
            for ask in pair * REQUESTS:
                ask()
            over_tls, over_tcp = medians(*pair)
    ratio = median(a / b for a, b in zip(over_tls, over_tcp, strict=True))
    print(
        f"one row on a kept connection: TLS {median(over_tls):.3f} ms, plain "
        f"{median(over_tcp):.3f} ms, {ratio:.2f} times"
    )
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
