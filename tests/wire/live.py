"""Streams sent to a real server of ours, and to stock gunicorn beside it."""

import re
import socket
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.raw_clients import until_closed
from tests.support.serving import connect, serve
from tests.support.stock import stock_gunicorn
from tests.wire.streams import LAST, Stream, draw
from tests.wire.verdict import Tally

_HOOKS = """
def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, **kwargs):
    return "unused"
"""

_ECHO = """
def app(environ, start_response):
    names = sorted(name for name in environ if name.startswith(("HTTP_", "CONTENT_")))
    seen = [environ["REQUEST_METHOD"], environ["RAW_URI"], environ["SERVER_PROTOCOL"]]
    seen += [f"{name}={environ[name]}" for name in names] + [environ["wsgi.input"].read().hex()]
    body = repr(seen).encode("latin-1")
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def read(environ, start_response):
    if "drum_like.body" in environ:
        return app(environ, start_response)
    start_response("413 Content Too Large", [("Content-Length", "0")])
    return []


def init_app(flask):
    flask.wsgi_app = read
"""
"""Repeats each request, whatever its route; for both servers. Ours may not have read a body."""

_CLIENTS = 8
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CLOSING = LAST.replace(b"Host", b"Connection: close\r\nHost")


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that get the streams.

    Attributes:
        ours: URL of our server.
        stock: URL of gunicorn with its own threads.
    """

    ours: str
    stock: str


@contextmanager
def servers() -> Iterator[Servers]:
    """Start both."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        directory = Path(folder)
        (directory / "custom.py").write_text(_HOOKS)
        (directory / "custom_flask.py").write_text(_ECHO)
        flags = ("--target-type", "unstructured", "--max-workers", "1", "--max-body-mb", "1")
        likewise = ("--threads", "8", "--keep-alive", "5", "--forwarder-headers", "")
        with (
            serve(directory, *flags) as ours,
            stock_gunicorn(directory, "custom_flask:app", *likewise) as stock,
        ):
            yield Servers(ours.url, stock)


def judged_live(seed: int, numbers: Iterable[int]) -> Tally:
    """Return the counts of the streams of these numbers."""
    tally = Tally()
    with servers() as both, ThreadPoolExecutor(_CLIENTS) as pool:
        streams = [draw(seed, number, live=True) for number in numbers]
        for stream, (kind, failure) in zip(
            streams, pool.map(lambda stream: _judged(both, stream), streams), strict=True
        ):
            tally.kinds[kind] += 1
            if failure:
                tally.failures[stream.number] = failure
    return tally


def _judged(both: Servers, stream: Stream) -> tuple[str, str]:
    pieces = stream.pieces if stream.closes else (*stream.pieces, _CLOSING)
    ours, theirs = (_answers(_sent(url, pieces)) for url in (both.ours, both.stock))
    if stream.wanted is None:
        read = [answer for answer in ours if answer.startswith(b"[")]
        return "odd", "" if read == theirs[: len(read)] else f"read {ours}, gunicorn {theirs}"
    count = len(stream.wanted) + (not stream.closes)
    whole = len(ours) == count and ours == theirs
    return "valid", "" if whole else f"{count} requests: answered {ours}, gunicorn {theirs}"


def _sent(url: str, pieces: Sequence[bytes]) -> bytes:
    """Send a stream; return all that is answered until the server closes."""
    with connect(url) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):  # closed, though there is more to send
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        return until_closed(client)


def _answers(data: bytes) -> list[bytes]:
    """Return the answers one after the other: of 200 the body, of others, and cut ones, the status.

    Those to HEAD are the same without a body.
    """
    found, at = [], 0
    while status := _STATUS.match(data, at):
        end = data.find(b"\r\n\r\n", at) + 4
        length = _LENGTH.search(data, at, end)
        at = max(end, status.end())
        if status[1] == b"100":
            continue
        size = int(length[1]) if length else 0
        has_body = not _STATUS.match(data, at) and at < len(data)
        body = data[at : at + size] if has_body else b"[HEAD %d]" % size
        whole = (length is not None and len(body) == size) or not has_body
        found.append(body if whole and status[1] == b"200" else status[1])
        at += size if has_body else 0
    return found if at == len(data) else [*found, b"rest " + data[at : at + 80]]
