"""The server's own answers, to requests that fail before the application or in it.

They are JSON, also the answer to data that is not HTTP; where the path of a request is known, they
have the form of its contract.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from random import Random
from types import MappingProxyType
from typing import Any
from uuid import UUID

from gunicorn.http import errors

from drum_like.http.refusals import REFUSAL, ServerRefusal
from drum_like.http.requests import REQUEST_ID
from drum_like.logs import set_request_id
from drum_like.server.body_budget import NoRoomForHeadError
from drum_like.server.body_buffer import CutOffError
from drum_like.server.request_head import KEPT_HEAD, HostError
from drum_like.server.tls import PlainHttpError
from drum_like.system.marks import MARKS, RequestMarks

logger = logging.getLogger(__name__)

_MOST_KEPT = 64
_SENT_ID = "HTTP_X_REQUEST_ID"


class SlowError(errors.ParseException):
    """The client has not sent its whole request in time."""


class CrowdedError(errors.ParseException):
    """The address of the client has too many connections."""


_CODINGS = ("br", "zstd", "x-gzip", "x-compress")
_MALFORMED_CHUNK = "the chunks of the body are malformed"

_REFUSALS = (
    (
        CutOffError,
        400,
        "the body is cut off: it is shorter than its Content-Length, or its last chunk is missing",
    ),
    (SlowError, 408, "the request did not come whole in time"),
    (PlainHttpError, 400, "this port speaks TLS: call it by https://"),
    (
        NoRoomForHeadError,
        503,
        "the memory for requests is taken by others at the moment; try again",
    ),
    (CrowdedError, 429, "this address has too many open connections"),
    (errors.InvalidChunkSize, 400, _MALFORMED_CHUNK),
    (errors.InvalidChunkExtension, 400, _MALFORMED_CHUNK),
    (errors.ChunkMissingTerminator, 400, _MALFORMED_CHUNK),
    (MemoryError, 413, "there is no memory for a body of this size"),
    (errors.LimitRequestLine, 414, "the request line is too long"),
    (
        errors.LimitRequestHeaders,
        431,
        "the head of the request has too many fields, or one that is too long",
    ),
    (
        errors.UnsupportedTransferCoding,
        501,
        "the only transfer coding that this server reads is chunked",
    ),
    (
        errors.ExpectationFailed,
        417,
        "the only expectation that this server meets is 100-continue",
    ),
    (errors.InvalidHTTPVersion, 400, "this server speaks HTTP/1.0 and HTTP/1.1"),
    (errors.InvalidRequestMethod, 400, "the request's method is malformed"),
    (errors.InvalidRequestLine, 400, "the request line is malformed"),
    (
        HostError,
        400,
        "the header Host is missing, malformed, or not the host of the request's target",
    ),
    (errors.InvalidHeaderName, 400, "the name of a header field is malformed"),
    (errors.ParseException, 400, "the head of the request is malformed"),
)


def refusal(error: Exception) -> ServerRefusal:
    """Return the refusal of a request that could not be read; it repeats no part of it."""
    if isinstance(error, errors.UnsupportedTransferCoding) and (coded := _coded(str(error.hdr))):
        return ServerRefusal(415, coded)
    found = ((status, text) for kind, status, text in _REFUSALS if isinstance(error, kind))
    status, text = next(found, (400, "the request could not be read"))
    return ServerRefusal(status, text, retry_s=1 if status == 503 else 0)


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """An answer of the server itself.

    Attributes:
        status: Code and phrase.
        headers: Content-Type and Content-Length among them.
        body: All of it.
        asked: WSGI's variables of the request, with its contract and its route if they are known.
        context: The context that it was made in; log lines in it have the id of the request.
    """

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    asked: Mapping[str, Any] = field(default_factory=dict)
    context: Context = field(default_factory=copy_context)

    def last(self) -> bytes:
        """Return the bytes of the answer, after which the connection is closed."""
        fields = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        head = f"HTTP/1.1 {self.status}\r\n{fields}Connection: close\r\n\r\n"
        return head.encode("latin-1") + self.body


@dataclass(frozen=True, slots=True)
class _Kept:
    """The answer to a head that may come again.

    Attributes:
        answer: The answer.
        is_same: Whether two answers were the same but for the id of the request.
    """

    answer: OwnAnswer
    is_same: bool = False

    @property
    def own_id(self) -> str:
        """The id of the request that the answer was made for, empty if it got none."""
        return str(self.answer.asked.get(REQUEST_ID, ""))

    @property
    def sent_id(self) -> str:
        """The id that the head names for its request, empty if it names none that is taken."""
        return self.own_id if self.answer.asked.get(_SENT_ID) == self.own_id else ""

    def is_like(self, other: OwnAnswer) -> bool:
        """Return whether another answer is this one with its own id."""
        its_id = other.asked.get(REQUEST_ID)
        if not self.own_id or not its_id:
            return False
        mine = self.answer_to(its_id)
        return (mine.status, mine.headers, mine.body) == (other.status, other.headers, other.body)

    def answer_to(self, request_id: str) -> OwnAnswer:
        """Return the answer to a request of the same head, which has an id of its own."""
        answer, own = self.answer, self.own_id
        context = answer.context.copy()
        context.run(set_request_id, request_id)
        return OwnAnswer(
            answer.status,
            [(name, value.replace(own, request_id)) for name, value in answer.headers],
            answer.body.replace(own.encode(), request_id.encode()),
            {**answer.asked, REQUEST_ID: request_id},
            context,
        )


Refuse = Callable[[Mapping[str, Any], ServerRefusal], OwnAnswer]
"""Makes the answer to a request that the server refuses, by its WSGI variables."""


def plain(_environ: Mapping[str, Any], refused: ServerRefusal) -> OwnAnswer:
    """Return the answer where no contract is known: in DRUM's form."""
    body = b'{"message":"ERROR: %b"}' % refused.text.encode()
    retry = [("Retry-After", str(refused.retry_s))] if refused.retry_s else []
    headers = [("Content-Type", "application/json"), *retry, ("Content-Length", str(len(body)))]
    return OwnAnswer(f"{refused.code} {HTTPStatus(refused.code or 500).phrase}", headers, body)


def refuse_by(application: Callable[..., Iterable[bytes]]) -> Refuse:
    """Return the function that has an application make the answers, in its contracts' forms.

    A server that is overloaded refuses the same heads again and again: their answers are kept.

    Args:
        application: WSGI; answers requests with a REFUSAL, and reads no body.
    """
    kept = dict[tuple[Any, ...], _Kept]()
    random = Random()  # noqa: S311 - as the application makes ids of requests

    def refuse(environ: Mapping[str, Any], refused: ServerRefusal) -> OwnAnswer:
        token = environ.get(KEPT_HEAD)
        # Only variables of a head itself: those of its request hold a body and a connection, too.
        if token is None or not isinstance(environ, MappingProxyType):
            return make(environ, refused)
        key = (token, refused.code, refused.text, refused.retry_s)
        known = kept.get(key)
        if known is not None and known.is_same:
            fresh = UUID(int=random.getrandbits(128), version=4)
            return known.answer_to(known.sent_id or str(fresh))
        made = make(environ, refused)
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[key] = _Kept(made, known is not None and known.is_like(made))
        return made

    def make(environ: Mapping[str, Any], refused: ServerRefusal) -> OwnAnswer:
        begun: list[Any] = []
        asked = {**environ, REFUSAL: refused, "wsgi.input": BytesIO()}
        try:
            # Its log lines have the id of the request, those of this thread have not.
            context = copy_context()
            context.run(MARKS.set, RequestMarks())  # those of this thread are another request's
            parts = context.run(application, asked, lambda *head: begun.extend(head))
            return OwnAnswer(begun[0], begun[1], b"".join(parts), asked, context)
        except Exception:
            logger.exception("a refusal could not be answered in the form of a contract")
            return plain(environ, refused)

    return refuse


def _coded(field: str) -> str | None:
    """Return the text for a Transfer-Encoding that names a coding which others know."""
    named = [coding.strip(" \t").lower() for coding in field.split(",")]
    found = next((coding for coding in named if coding in _CODINGS), None)
    if found is None:
        return None
    return (
        f"the body is coded: Transfer-Encoding is {found}, which this server does not read; send "
        "the body as it is, in chunks or with its length"
    )
