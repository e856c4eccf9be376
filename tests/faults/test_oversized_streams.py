"""Bodies over the limit, from many clients at once that do not stop sending."""

import gzip
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.live.steered import eventually
from tests.live.test_body_budget import resident_mib
from tests.support.models import Model, hooks, served
from tests.support.raw_clients import whole
from tests.support.serving import Server

MIB = 1 << 20
LIMIT_MIB = 64
N_CLIENTS = 20
MOST = scaled(3, 2)
"""Memory as a multiple of the budget: heaps keep for a while what bodies leave."""

TEN_GB = 10 * 10**9
WATCHED_S = scaled(4, 30)
DRAIN_S = 2 + 4
"""The time in which a connection is closed after the answer, on any machine."""

SIZED = Model(
    hooks("""
def score_unstructured(model, data, **kwargs):
    return str(len(data))
"""),
    ("--target-type", "unstructured"),
)
server = served(
    SIZED,
    *("--max-workers", "1", "--max-body-mb", str(LIMIT_MIB), "--max-bodies-mb", str(LIMIT_MIB + 1)),
    *("--max-expansion", "10000"),
)

POST = (
    b"POST /predictUnstructured/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/octet-stream\r\n"
)
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"

WAYS = {
    "declared": (POST + b"Content-Length: %d\r\n\r\n" % TEN_GB, b"x" * 65536, {413}),
    "in-chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, {413, 503}),
    "in-coded-chunks": (
        POST + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        CHUNK,
        {413, 415, 503},
    ),
}
"""Bytes that are sent once, bytes that are sent again and again, and statuses of the answer.

The budget for all bodies is that of one, and of one that is compressed: others may have taken it.
"""


class Flood(NamedTuple):
    """The end of a stream.

    Attributes:
        status: Of the answer, 0 without one.
        drain_s: From the answer to the reset.
    """

    status: int
    drain_s: float


def flood(server: Server, head: bytes, piece: bytes) -> Flood:
    """Send until the connection is reset, whatever the answer."""
    answer, since = b"", 0.0
    with server.connect() as client, suppress(ConnectionError):
        client.sendall(head)
        while True:
            if not since and select.select([client], [], [], 0)[0]:
                answer, since = client.recv(65536), time.monotonic()
            client.sendall(piece)
    return Flood(int(answer[9:12] or b"0"), time.monotonic() - since if since else 0.0)


def floods(server: Server, head: bytes, piece: bytes) -> list[Flood]:
    """Send streams, one after the other, for a while."""
    end = time.monotonic() + WATCHED_S
    found = [flood(server, head, piece)]
    while time.monotonic() < end:
        found.append(flood(server, head, piece))
    return found


def size(server: Server, n_bytes: int, framing: bytes) -> tuple[int, str]:
    """Send a body of this many bytes; return status and text of the answer."""
    body = b"x" * n_bytes
    with server.connect() as client:
        if framing == b"chunked":
            client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (n_bytes, body)
        elif framing == b"gzip":
            body = gzip.compress(body, 1)
            client.sendall(
                POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
        else:
            client.sendall(POST + b"Content-Length: %d\r\n\r\n" % n_bytes)
        with suppress(ConnectionError):
            client.sendall(body)
        client.shutdown(socket.SHUT_WR)
        head, _, text = whole(client).partition(b"\r\n\r\n")
    return int(head[9:12]), text.decode()


@pytest.mark.parametrize("framing", [b"length", b"chunked", b"gzip"])
def test_the_limit_is_accepted_and_a_byte_more_is_refused(server: Server, framing: bytes) -> None:
    """F-20."""
    most = LIMIT_MIB * MIB

    accepted = eventually(lambda: _unless_busy(size(server, most, framing)))

    assert accepted == (200, str(most))
    assert eventually(lambda: _unless_busy(size(server, most + 1, framing)))[0] == 413


def _settled(server: Server) -> float | None:
    """Return the resident memory once it has stopped to change."""
    first = resident_mib(server)
    time.sleep(1)
    return first if abs(resident_mib(server) - first) < 1 else None


def _unless_busy(answer: tuple[int, str]) -> tuple[int, str] | None:
    return None if answer[0] == 503 else answer


@pytest.mark.parametrize("way", WAYS)
def test_endless_streams_take_little_memory_and_hold_nobody_up(
    server: Server, way: str, tell: Tell
) -> None:
    """F-20."""
    head, piece, statuses = WAYS[way]
    others_s, most = list[float](), 0.0

    with ThreadPoolExecutor(N_CLIENTS) as pool:
        list(pool.map(lambda _: flood(server, head, piece), range(N_CLIENTS)))  # imports are done
        before = eventually(lambda: _settled(server))
        streams = [pool.submit(floods, server, head, piece) for _ in range(N_CLIENTS)]
        while not all(stream.done() for stream in streams):
            began = time.monotonic()
            reply = server.post("/predictUnstructured/", b"12345", "application/octet-stream")
            others_s.append(time.monotonic() - began)
            assert (reply.status, reply.text) == (200, "5")
            most = max(most, resident_mib(server))
        ends = [end for stream in streams for end in stream.result()]

    drain_s = max(end.drain_s for end in ends)
    tell(
        f"{way}: {len(ends)} streams, {most - before:.1f} MiB more, reset after {drain_s:.1f} s, "
        f"{len(others_s)} others in at most {max(others_s):.2f} s"
    )
    assert {end.status for end in ends} <= statuses | {0}
    assert sum(end.status == 0 for end in ends) <= len(ends) // 2, "reset before the answer came"
    assert drain_s <= DRAIN_S
    assert most - before <= MOST * LIMIT_MIB
    assert max(others_s) <= 5
    assert server.get("/livez").status == 200
