"""Small bodies that ask for much: refused before memory or time is spent."""

import time
from collections.abc import Callable

import psutil
import pytest

from tests.support.arrow_payloads import many_nulls
from tests.support.serving import Server

ATTEMPTS = 5

MTX = b"%%MatrixMarket matrix coordinate real general\n2 1000000 1\n1 1 1\n"


def equal_headers() -> bytes:
    return b"a," * 39_999 + b"a\n" + b"1," * 39_999 + b"1\n"


@pytest.mark.parametrize(
    ("make", "content_type"),
    [
        pytest.param(lambda: MTX, "text/mtx", id="M-08"),
        pytest.param(equal_headers, "text/csv", id="C-13"),
        pytest.param(many_nulls, "application/vnd.apache.arrow.stream", id="A-12"),
    ],
)
def test_a_bomb_is_refused_at_once(
    reg: Server, make: Callable[[], bytes], content_type: str
) -> None:
    """The best of several tries counts: a busy machine may slow down some of them."""
    body = make()
    before = memory(reg)

    times = []
    for _ in range(ATTEMPTS):
        start = time.monotonic()
        reply = reg.post("/predict/", body, content_type)
        times.append(time.monotonic() - start)

    assert reply.status == 413
    assert reply.message.startswith("ERROR: ")
    assert min(times) <= 0.05
    assert memory(reg) - before < 32 * 1024**2


def memory(server: Server) -> int:
    """Return the resident bytes of the server's processes."""
    family = [server.process.pid, *(c.pid for c in psutil.Process(server.process.pid).children())]
    return sum(int(psutil.Process(pid).memory_info().rss) for pid in family)
