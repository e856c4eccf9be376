"""The answers of a server: the application's, and its own to requests that fail before or in it.

The application's go out in one piece, except streams, and no thread waits for a client that reads
slowly. The server's own are JSON, also the answer to data that is not HTTP.
"""

import socket
import time
from functools import lru_cache

from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import Request, errors
from gunicorn.http.wsgi import Response

from drum_like.server.body_budget import NoRoomForHeadError
from drum_like.server.body_buffer import CutOffError
from drum_like.server.request_head import HostError

_TOGETHER = 1 << 26
"""Bytes of an answer in many parts that are gathered before they are sent."""


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

    def __init__(self, request: Request, client: socket.socket, cfg: Config) -> None:
        super().__init__(request, client, cfg)
        self.begun = False
        self.is_stream = False
        self.rest: memoryview | None = None
        self._parts: list[bytes] = []
        self._gathered = 0

    def send_headers(self) -> None:
        """Put the head before the part that is sent next."""
        if not self.headers_sent:
            self._parts.append(self._head())
            self.headers_sent = True

    def close(self) -> None:
        """End the answer; bytes that cannot be sent without waiting stay in `rest`."""
        if not self.headers_sent:
            self.send_headers()
        if self.chunked:
            self._put(b"0\r\n\r\n")
        self._flush()

    def _emit_body(self, data: bytes) -> None:
        """Take a part of the body; parts of a stream are sent as they come."""
        self._put(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)
        is_last = self.sent == self.response_length
        is_endless = self.chunked or self.response_length is None
        if is_endless or (self._gathered > _TOGETHER and not is_last):
            self.is_stream = True
            self._flush()

    def _put(self, data: bytes) -> None:
        self._parts.append(data)
        self._gathered += len(data)

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

    def _head(self) -> bytes:
        major, minor = self.req.version or (1, 1)
        connection = "close" if self.should_close() else "keep-alive"
        chunked = "Transfer-Encoding: chunked\r\n" if self.chunked else ""
        fields = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        return (
            f"HTTP/{major}.{minor} {self.status}\r\nServer: {self.version}\r\n"
            f"Date: {_date(int(time.time()))}\r\nConnection: {connection}\r\n{chunked}{fields}\r\n"
        ).encode("latin-1")


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    return util.http_date(seconds)


class SlowError(errors.ParseException):
    """The client has not sent its whole request in time."""


class CrowdedError(errors.ParseException):
    """The address of the client has too many connections."""


_CODINGS = ("br", "zstd", "x-gzip", "x-compress")
_MALFORMED_CHUNK = "the chunks of the body are malformed"

_STATUS = (
    (
        CutOffError,
        "400 Bad Request",
        "the body is cut off: it is shorter than its Content-Length, or its last chunk is missing",
    ),
    (SlowError, "408 Request Timeout", "the request did not come whole in time"),
    (
        NoRoomForHeadError,
        "503 Service Unavailable",
        "the memory for requests is taken by others at the moment; try again",
    ),
    (CrowdedError, "429 Too Many Requests", "this address has too many open connections"),
    (errors.InvalidChunkSize, "400 Bad Request", _MALFORMED_CHUNK),
    (errors.InvalidChunkExtension, "400 Bad Request", _MALFORMED_CHUNK),
    (errors.ChunkMissingTerminator, "400 Bad Request", _MALFORMED_CHUNK),
    (MemoryError, "413 Content Too Large", "there is no memory for a body of this size"),
    (errors.LimitRequestLine, "414 URI Too Long", "the request line is too long"),
    (
        errors.LimitRequestHeaders,
        "431 Request Header Fields Too Large",
        "the head of the request has too many fields, or one that is too long",
    ),
    (
        errors.UnsupportedTransferCoding,
        "501 Not Implemented",
        "the only transfer coding that this server reads is chunked",
    ),
    (
        errors.ExpectationFailed,
        "417 Expectation Failed",
        "the only expectation that this server meets is 100-continue",
    ),
    (errors.InvalidHTTPVersion, "400 Bad Request", "this server speaks HTTP/1.0 and HTTP/1.1"),
    (errors.InvalidRequestMethod, "400 Bad Request", "the request's method is malformed"),
    (errors.InvalidRequestLine, "400 Bad Request", "the request line is malformed"),
    (
        HostError,
        "400 Bad Request",
        "the header Host is missing, malformed, or not the host of the request's target",
    ),
    (errors.InvalidHeaderName, "400 Bad Request", "the name of a header field is malformed"),
    (errors.ParseException, "400 Bad Request", "the head of the request is malformed"),
)


def refusal(error: Exception) -> tuple[str, bytes]:
    """Return status line and whole answer for a request that could not be read.

    No part of the request is repeated.
    """
    found = ((status, text) for kind, status, text in _STATUS if isinstance(error, kind))
    status, text = next(found, ("400 Bad Request", "the request could not be read"))
    if isinstance(error, errors.UnsupportedTransferCoding):
        status, text = _coded(str(error.hdr)) or (status, text)
    return status, last_answer(status, text)


def last_answer(status: str, text: str) -> bytes:
    """Return a whole answer after which the connection is closed.

    Args:
        status: Code and phrase.
        text: The message, plain ASCII without quotes.
    """
    body = error_body(text)
    retry = "Retry-After: 1\r\n" if status.startswith("503") else ""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{retry}"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def error_body(text: str) -> bytes:
    """Return the body of an error answer; see `last_answer`."""
    return b'{"message":"ERROR: %b"}\n' % text.encode()


def _coded(field: str) -> tuple[str, str] | None:
    """Return status and text for a Transfer-Encoding that names a coding which others know."""
    named = [coding.strip(" \t").lower() for coding in field.split(",")]
    found = next((coding for coding in named if coding in _CODINGS), None)
    if found is None:
        return None
    return "415 Unsupported Media Type", (
        f"the body is coded: Transfer-Encoding is {found}, which this server does not read; send "
        "the body as it is, in chunks or with its length"
    )
