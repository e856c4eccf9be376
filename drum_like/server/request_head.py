"""The heads of requests: read by gunicorn, and remembered, since callers repeat theirs.

A head and its sender decide how much of the body is read.
"""

import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import create

from drum_like.http.auth.authenticator import Admission, Caller
from drum_like.http.auth.web_pages import authority
from drum_like.http.refusals import LongBodyError
from drum_like.http.requests import FileLimit, transfer_codings
from drum_like.server.body_budget import BodyBudget
from drum_like.server.body_buffer import (
    AT_LEAST,
    AT_ONCE,
    IN_MEMORY,
    BufferedBody,
    PreallocatedBody,
    Refusal,
    Spool,
)
from drum_like.server.chunked_body import ChunkedBody

BodyLimit = Callable[[Mapping[str, Any], Caller | None], int]
"""Returns the most bytes of a body, by WSGI's variables and the caller; 0 if it may not be sent."""

Body = PreallocatedBody | BufferedBody | ChunkedBody
"""A body that comes in pieces."""

END = b"\r\n\r\n"

_EXPECTS = "_expected_100_continue"
KEPT_HEAD = "drum_like.kept_head"
"""WSGI variable of a head that is remembered, as it holds no secret: an object of its own."""

_REMEMBERED = 512
_LONGEST_REMEMBERED = 4096

_SECRETS = (b"authorization:", b"cookie:", b"x-api-key:")
"""Fields whose values are not kept longer than their request."""

_OF_THE_CONNECTION = (
    *("wsgi.input", "wsgi.early_hints", "wsgi.file_wrapper"),
    *("gunicorn.socket", "REMOTE_PORT"),
)


class HostError(InvalidHeader):
    """A request whose host is not told, or told in two ways."""


def no_limit(_environ: Mapping[str, Any], _caller: Caller | None) -> int:
    """Allow a body of any length."""
    return sys.maxsize


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request: all that is known before its body.

    Attributes:
        request: As gunicorn has read it; its body is not used.
        environ: WSGI's variables, without those of the connection and the body.
        length: Bytes of the body; 0 without one.
        is_chunked: Whether the body tells its end itself.
        is_coded: Whether its chunks hold something compressed, which is not read.
        expects: Whether the client waits for 100 Continue before it sends the body.
    """

    request: Request
    environ: Mapping[str, Any]
    length: int
    is_chunked: bool
    is_coded: bool
    expects: bool


@dataclass(slots=True)
class Received:
    """A request as far as it is read before the application sees it.

    Attributes:
        head: Its head.
        body: The whole body; None if it is not to be read, and after the answer.
        caller: Who sends it; None if everybody is let in.
        unread: Makes the error of an application that reads a body which is withheld from it.
        file: The body if it is on the disk, in place of its bytes.
        read_s: Time from its first byte to its last, 0 for one piece.
        queue_s: Time that it has waited for a thread.
    """

    head: Head
    body: bytes | None
    caller: Caller | None = None
    unread: Refusal | None = None
    file: IO[bytes] | None = None
    read_s: float = 0.0
    queue_s: float = 0.0


class Heads:
    """Reads heads with gunicorn's parser, in gunicorn's rules.

    Args:
        cfg: gunicorn's settings.
    """

    def __init__(self, cfg: Config) -> None:
        self._cfg = cfg
        self._known: dict[tuple[str, bytes], Head] = {}

    def read(self, data: bytes, client: socket.socket, peer: Any, server: Any) -> Head:
        """Return the head that these bytes are, up to and with the empty line.

        Raises:
            Exception: those of gunicorn.http.errors: this is not HTTP/1, or not allowed.
        """
        head = self._known.get(key := (peer[0], data))
        if head is None:
            head = self._read(data, client, peer, server)
            if KEPT_HEAD in head.environ:
                self._keep(key, head)
        return head

    def check(self, data: bytes, peer: Any) -> None:
        """Raise as `read` does if the beginning of a head is wrong already."""
        try:
            Request(self._cfg, IterUnreader(iter([data])), peer)
        except (StopIteration, NoMoreData):
            return

    def _read(self, data: bytes, client: socket.socket, peer: Any, server: Any) -> Head:
        request = Request(self._cfg, IterUnreader(iter([data])), peer)
        expects: bool = getattr(request, _EXPECTS)
        # gunicorn would answer "100 Continue" at once, although the body may be refused.
        setattr(request, _EXPECTS, False)
        _, environ = create(request, client, peer, server, self._cfg)
        _check_host(request, environ.get("HTTP_HOST"))
        for name in _OF_THE_CONNECTION:
            environ.pop(name, None)
        environ["wsgi.multithread"] = True
        environ.update({KEPT_HEAD: object()} if _may_be_kept(data) else {})
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        length = 0 if is_chunked else int(environ.get("CONTENT_LENGTH") or 0)
        is_coded = bool(transfer_codings(environ))
        return Head(request, MappingProxyType(environ), length, is_chunked, is_coded, expects)

    def _keep(self, key: tuple[str, bytes], head: Head) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = head


@dataclass(frozen=True, slots=True)
class Reading:
    """The rules for reading requests.

    Attributes:
        heads: Reads their heads.
        limit: The most bytes of a request's body; a longer one is not read, and the
            application refuses it.
        admission: Finds out who sends them; None where everybody is let in.
        budget: The memory for their bodies.
    """

    heads: Heads
    limit: BodyLimit
    admission: Admission | None = None
    budget: BodyBudget = field(default_factory=BodyBudget)

    def most(self, head: Head, caller: Caller | None) -> int | None:
        """Return the most bytes of a body, None if it is not to be read at all."""
        if not head.is_chunked and head.length <= AT_ONCE:
            return AT_ONCE
        limit = 0 if head.is_coded else self.limit(head.environ, caller)
        return limit if limit and head.length <= limit else None

    def new_spool(self, head: Head, limit: int) -> Spool | None:
        """Return a place on the disk for a body that is read as a file; None for memory.

        Raises:
            UnreadError: the disk does not take it.
        """
        folder = _folder(head, limit)
        return None if folder is None else Spool(folder)

    def new_body(self, head: Head, limit: int, first: bytes, spool: Spool | None) -> Body:
        """Return the body of a request, of which the first bytes may have come.

        Raises:
            Exception: as `ChunkedBody`.
        """
        if head.is_chunked and spool is None and limit > self.budget.most:
            return ChunkedBody(head.request, self.budget.most, self.budget.beyond, first)
        if head.is_chunked:
            return ChunkedBody(head.request, limit, LongBodyError, first, spool)
        if spool is not None:
            return BufferedBody(head.length, first, spool)
        return (PreallocatedBody if head.length > AT_LEAST else BufferedBody)(head.length, first)


def _folder(head: Head, limit: int) -> Path | None:
    """Return where a body that is read as a file may lie; None for memory.

    A compressed one is expanded there.
    """
    if not isinstance(limit, FileLimit) or "HTTP_CONTENT_ENCODING" in head.environ:
        return None
    return limit.folder if head.is_chunked or head.length > IN_MEMORY else None


def _check_host(request: Request, host: str | None) -> None:
    """Refuse a request without the host that HTTP/1.1 demands, and one that names two.

    Raises:
        HostError: the header is missing or malformed, or the target names another host.
    """
    if host is None:
        if (request.version or (1, 1)) >= (1, 1):
            raise HostError("HOST")
        return
    if host and authority(host) is None:
        raise HostError("HOST")
    scheme, is_absolute, rest = (request.uri or "").partition("://")
    if is_absolute and not scheme.startswith("/"):
        named = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
        if _with_port(named, scheme) != _with_port(host, scheme):
            raise HostError("HOST")


def _with_port(text: str, scheme: str) -> tuple[str, int] | None:
    found = authority(text)
    return found and (found[0], found[1] or (443 if scheme.lower() == "https" else 80))


def _may_be_kept(data: bytes) -> bool:
    lower = data[: _LONGEST_REMEMBERED + 1].lower()
    return len(data) <= _LONGEST_REMEMBERED and not any(name in lower for name in _SECRETS)
