"""One HTTP request, one reply: nothing followed, nothing corrected, everything visible."""

import json
import socket
import ssl
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

CALL_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body as they came over the wire."""

    status: int
    headers: HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Return the parsed body; a bare NaN or Infinity is not JSON and raises ValueError."""
        return json.loads(self.body, parse_constant=_refuse_constant)

    def pairs(self) -> Any:
        """Return the parsed body with every object as a list of pairs, so that order shows."""
        return json.loads(self.body, object_pairs_hook=list, parse_constant=_refuse_constant)

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode()

    @property
    def message(self) -> str:
        """The text under the one key of an error on DRUM's routes."""
        return str(self.json()["message"])


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart form; without a file name it is a plain field."""

    name: str
    content: bytes | str
    filename: str | None = "x.csv"
    content_type: str | None = None

    def encode(self) -> bytes:
        """Return the part's headers, a blank line and the content."""
        head = f'Content-Disposition: form-data; name="{self.name}"'
        if self.filename is not None:
            head += f'; filename="{self.filename}"'
        if self.content_type is not None:
            head += f"\r\nContent-Type: {self.content_type}"
        content = self.content.encode() if isinstance(self.content, str) else self.content
        return head.encode() + b"\r\n\r\n" + content


def form(*parts: Part) -> tuple[bytes, str]:
    """Return body and content type of a multipart form."""
    boundary = uuid.uuid4().hex
    edge = b"--" + boundary.encode()
    body = b"".join(edge + b"\r\n" + part.encode() + b"\r\n" for part in parts) + edge + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary}"


def received_parts(reply: Reply) -> list[tuple[str, bytes]]:
    """Return the header block and the content of each part of a multipart reply."""
    boundary = reply.headers.get_param("boundary")
    pieces = reply.body.split(b"--" + str(boundary).encode())[1:-1]
    split = [piece.removeprefix(b"\r\n").partition(b"\r\n\r\n") for piece in pieces]
    return [(head.decode(), content.removesuffix(b"\r\n")) for head, _, content in split]


class UnixConnection(HTTPConnection):
    """A connection through a unix socket.

    Args:
        path: Of its file.
        timeout_s: How long to wait for anything.
    """

    def __init__(self, path: str, timeout_s: float = CALL_TIMEOUT_S) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the file."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def call(
    url: str,
    method: str,
    path: str,
    *,
    body: bytes | str | Sequence[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = CALL_TIMEOUT_S,
) -> Reply:
    """Send one request on a connection of its own; a list of bytes goes out in chunks.

    Over TLS it trusts every certificate; tests of those have clients of their own.
    """
    connection = _connection(url, timeout_s)
    try:
        return send(connection, method, path, body=body, headers=headers)
    finally:
        connection.close()


def send(
    connection: HTTPConnection,
    method: str,
    path: str,
    *,
    body: bytes | str | Sequence[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request on an open connection and read the whole reply."""
    raw = body.encode() if isinstance(body, str) else body
    with suppress(BrokenPipeError):
        # A server may answer, and close, before it has read all of a body that it refuses.
        connection.request(method, path, body=raw, headers=dict(headers or {}))
    answer = connection.getresponse()
    return Reply(answer.status, answer.headers, answer.read())


def _connection(url: str, timeout_s: float) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return UnixConnection(parts.path, timeout_s)
    if parts.scheme == "http":
        return HTTPConnection(parts.netloc, timeout=timeout_s)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(parts.netloc, timeout=timeout_s, context=context)


def _refuse_constant(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")
