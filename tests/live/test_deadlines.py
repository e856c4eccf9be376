"""The time that a request may take, against every way in which a client can be slow."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live.test_slow_clients import HOOK, POST
from tests.support.raw_clients import get_s
from tests.support.serving import Server, serve

TIMEOUT_S = 5
LATEST_S = 2 * TIMEOUT_S
"""The answer 408, or 504, and the time that a client gets to read it, come on top."""

TEXT = b"POST /predictUnstructured/%b HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = TEXT % b"" + b"Transfer-Encoding: chunked\r\n\r\n"
SLEEP = TEXT % b"?sleep=12" + b"Content-Length: 0\r\n\r\n"

SENT: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "half-a-head": (b"POST /predict/ HT", b""),
    "a-head-byte-by-byte": (b"POST /predict/ HTTP/1.1\r\nX-Never: ", b"x"),
    "a-second-head-byte-by-byte": (POST.format(1, 0).encode() + b"POST /pre", b"x"),
    "half-a-body": (POST.format(1, 100).encode() + b"half", b""),
    "a-body-byte-by-byte": (POST.format(1, 100_000).encode(), b"x"),
    "a-body-at-a-thousand-bytes-a-second": (POST.format(1, 1_000_000).encode(), b"x" * 100),
    "a-large-body-at-a-thousand-bytes-a-second": (POST.format(1, 9_000_000).encode(), b"x" * 100),
    "a-body-after-100-continue": (
        POST.format(1, 100_000).replace("Host", "Expect: 100-continue\r\nHost").encode(),
        b"",
    ),
    "chunks-byte-by-byte": (CHUNKED, b"1\r\nx\r\n"),
    "the-line-of-a-chunk-byte-by-byte": (CHUNKED + b"1;", b"x"),
    "one-chunk-byte-by-byte": (CHUNKED + b"186A0\r\n", b"x"),
    "the-fields-behind-the-chunks-byte-by-byte": (CHUNKED + b"0\r\nX-Never: ", b"x"),
    "a-hook": (SLEEP, b""),
}
"""The bytes that a client sends at once, and those that it repeats ten times a second."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory: Path = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--hook-threads", "4")
    with serve(directory, *flags, "--request-timeout-s", str(TIMEOUT_S)) as running:
        yield running


def cut_off_after_s(client: socket.socket, again: bytes) -> float:
    """Return when the server closed its side, while bytes are sent again and again."""
    began = time.monotonic()
    client.settimeout(0.1)
    while time.monotonic() - began < 2 * LATEST_S:
        try:
            if not client.recv(65536):
                break
            continue
        except TimeoutError:
            pass
        except OSError:
            break
        try:
            client.sendall(again)
        except OSError:
            break
    return time.monotonic() - began


def sends(first: bytes, again: bytes) -> Callable[[Server], float]:
    """Return a client that sends slowly, and says after how long it was cut off."""

    def send(server: Server) -> float:
        with server.connect() as client:
            client.sendall(first)
            return cut_off_after_s(client, again)

    return send


def reads(n_bytes: int) -> Callable[[Server], float]:
    """Return a client that reads a large answer slowly, so many bytes ten times a second."""

    def read(server: Server) -> float:
        with server.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.sendall(POST.format(30_000_000, 0).encode())
            began = time.monotonic()
            while time.monotonic() - began < 2 * LATEST_S:
                time.sleep(0.1)
                try:
                    client.recv(n_bytes)
                except ConnectionResetError:
                    break
                if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    break
            return time.monotonic() - began

    return read


WAYS = {
    **{name: sends(*parts) for name, parts in SENT.items()},
    "an-answer-that-is-not-read": reads(0),
    "an-answer-at-ten-thousand-bytes-a-second": reads(1000),
}


def test_a_request_takes_no_longer_than_it_may_however_its_client_is_slow(server: Server) -> None:
    with ThreadPoolExecutor(len(WAYS)) as clients:
        begun = {name: clients.submit(way, server) for name, way in WAYS.items()}
        time.sleep(1)
        livez_s = get_s(server)
        took_s = {name: call.result() for name, call in begun.items()}

    assert {name: round(s, 1) for name, s in took_s.items() if s > LATEST_S} == {}
    assert min(took_s.values()) > TIMEOUT_S - 1
    assert livez_s < TIMEOUT_S / 2
