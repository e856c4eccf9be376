"""The answers of a server: the application's, and its own to requests that fail before or in it.

The application's go out in one piece, except streams, and no thread waits for a client that reads
slowly. The server's own are JSON, also the answer to data that is not HTTP.
"""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import Request
from gunicorn.http.wsgi import Response

_TOGETHER = 1 << 26
"""Bytes of an answer in many parts that are gathered before they are sent."""


_REPEATED = frozenset(
    {"Content-Type", "X-Drum-Version", "X-Drum-Like-Version", "X-Scoring-Contract"}
)
"""Names of headers that have few values."""

_PASSED: set[tuple[str, str]] = set()
"""Headers that gunicorn has passed as they are; its look at one takes a microsecond."""

_MOST_PASSED = 256  # the types of answers in many parts have a text of their own each


class Reply(Response):
    """gunicorn's response, which gathers its parts and sends them in one piece at its end.

    Args:
        request: The request to answer.
        client: The client's socket, non-blocking.
        cfg: gunicorn's settings.

    Attributes:
        begun: Whether something has been sent.
        is_stream: Whether parts are sent as they come, so that a client may be too slow for them.
        rest: The bytes that the client was not ready to take.
    """

    headers: list[tuple[str, str]]

    def __init__(self, request: Request, client: socket.socket, cfg: Config) -> None:
        super().__init__(request, client, cfg)
        self.begun = False
        self.is_stream = False
        self.rest: memoryview | None = None
        self._parts: list[bytes] = []
        self._gathered = 0

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Take headers as gunicorn does, which looks once at those that many answers have."""
        for name, value in headers:
            if (name, value) in _PASSED:
                self.headers.append((name, value))
                continue
            super().process_headers([(name, value)])
            if name in _REPEATED and self.headers[-1:] == [(name, value)]:
                if len(_PASSED) >= _MOST_PASSED:
                    _PASSED.clear()
                _PASSED.add((name, value))

    def send_headers(self) -> None:
        """Put the head before the part that is sent next."""
        if self.headers_sent:
            return
        major, minor = self.req.version or (1, 1)
        connection = "close" if self.should_close() else "keep-alive"
        chunked = "Transfer-Encoding: chunked\r\n" if self.chunked else ""
        fields = "".join(map("%s: %s\r\n".__mod__, self.headers))
        head = (
            f"HTTP/{major}.{minor} {self.status}\r\nServer: {self.version}\r\n"
            f"Date: {_date(int(time.time()))}\r\nConnection: {connection}\r\n{chunked}{fields}\r\n"
        )
        self._parts.append(head.encode("latin-1"))
        self.headers_sent = True

    def close(self) -> None:
        """End the answer; bytes that cannot be sent without waiting stay in `rest`."""
        if not self.headers_sent:
            self.send_headers()
        if self.chunked:
            self._parts.append(b"0\r\n\r\n")
        self._flush()

    def _emit_body(self, data: bytes) -> None:
        """Take a part of the body; parts of a stream are sent as they come."""
        part = b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data
        self._parts.append(part)
        self._gathered += len(part)
        is_last = self.sent == self.response_length
        is_endless = self.chunked or self.response_length is None
        if is_endless or (self._gathered > _TOGETHER and not is_last):
            self.is_stream = True
            self._flush()

    def _flush(self) -> None:
        """Send everything that the client is ready to take; the rest stays in `rest`."""
        data = b"".join([self.rest or b"", *self._parts] if self.is_stream else self._parts)
        self._parts.clear()
        self._gathered = 0
        self.begun = True
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        self.rest = memoryview(data)[sent:] if sent < len(data) else None


class TrackedBody:
    """The body of an answer; `leave` is called at its end even if it does not close well.

    Args:
        body: As the application returned it.
        leave: Called when the body has been closed.
    """

    def __init__(self, body: Iterable[bytes], leave: Callable[[], None]) -> None:
        self._parts = iter(body)
        self._close = getattr(body, "close", None)
        self._leave = leave

    def __iter__(self) -> Iterator[bytes]:
        """Return the parts of the body."""
        return self._parts

    def close(self) -> None:
        """Close the body, whatever it raises."""
        try:
            if self._close is not None:
                self._close()
        finally:
            self._leave()


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    return util.http_date(seconds)
