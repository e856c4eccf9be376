"""The body of a request, read to its end or not at all."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from drum_like.errors import BodyError
from drum_like.http.refusals import CodedBodyError, LongBodyError, LongFormError
from drum_like.system.lazy import cached

CHUNK = 1 << 20
"""Bytes read at a time where the client did not say how many there are."""


WHOLE = "drum_like.body"
"""WSGI variable of a server that has read the body before it asks for an answer: its bytes."""

UNREAD = "drum_like.unread"
"""WSGI variable of a server that withholds a body, for its length or for want of memory: makes the
error of an application that reads it."""

HOLD = "drum_like.hold"
"""WSGI variable of a server that bounds the memory for bodies: takes the number of bytes that a
compressed body and what it becomes need, and returns what makes the error if there is no room."""

CONTRACT = "drum_like.contract"
"""WSGI variable that holds the name of the contract that answers; the answer has it as a header."""

ROUTE = "drum_like.route"
"""WSGI variable that holds the rule of the route that answers; None without a route."""

CHANGE = "drum_like.change"
"""WSGI variable of a request that may change something: its `Change` in the audit log."""

LACKED_MEMORY = "drum_like.lacked_memory"
"""WSGI variable that tells the server that memory ran short: this process is to be replaced."""

OWN_TRACE = "drum_like.trace"
"""WSGI variable of a server that exports spans: `trace_id` and `span_id` of the span of a request
whose caller names no trace."""

REQUEST_ID = "drum_like.request_id"
"""WSGI variable that holds the id of a request, once it has one."""


_READ = frozenset({"gzip", "x-gzip", "deflate", "zstd"})


class FileLimit(int):
    """The most bytes of a body that is read as a file: it may lie on the disk while it comes.

    Args:
        most: The number.
        folder: A directory on the disk.

    Attributes:
        folder: The same.
    """

    def __new__(cls, most: int, folder: Path) -> Self:
        """Return the number, with its folder."""
        limit = super().__new__(cls, most)
        limit.folder = folder
        return limit

    folder: Path


@contextmanager
def limited_form() -> Iterator[None]:
    """Say which limit a form exceeds that is parsed in this block.

    Raises:
        LongFormError: it has too many parts, or a field that is too long.
    """
    try:
        yield
    except RequestEntityTooLarge as error:
        if type(error) is RequestEntityTooLarge:  # Werkzeug's; those of a body say their limit
            raise LongFormError from error
        raise


def coding_of(environ: Mapping[str, Any]) -> str | None:
    """Return the coding of a body, None for one as it is; requests without one are not looked at.

    Raises:
        CodedBodyError: it is none that is read.
    """
    if "HTTP_TRANSFER_ENCODING" in environ:
        if coded := transfer_codings(environ):
            raise CodedBodyError("Transfer-Encoding", (*coded, "chunked"))
    elif environ.get("CONTENT_LENGTH", "0").strip("0") == "":
        return None
    coded = _codings(environ.get("HTTP_CONTENT_ENCODING", ""), "identity")
    if coded and (len(coded) > 1 or coded[0] not in _READ):
        raise CodedBodyError("Content-Encoding", coded)
    return coded[0] if coded else None


def transfer_codings(environ: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codings of a body beside `chunked`; empty for the body as it is."""
    return _codings(environ.get("HTTP_TRANSFER_ENCODING", ""), "chunked", "identity")


def _codings(field: str, *plain: str) -> tuple[str, ...]:
    """Return the codings that a header names, without those that are plain."""
    named = (coding.strip(" \t").lower() for coding in field.split(","))
    return tuple(coding for coding in named if coding and coding not in plain)


class CheckedBody(io.RawIOBase):
    """The input of a WSGI server, counted.

    Werkzeug's own reader stops at the limit, or where the client stopped, without an error: a cut
    body would be scored.

    Args:
        raw: The server's input.
        declared: The Content-Length, None for a chunked body.
        limit: The most bytes to read, None for no limit.
    """

    def __init__(self, raw: Any, declared: int | None, limit: int | None) -> None:
        super().__init__()
        self._raw = raw
        self._declared = declared
        self._limit = limit
        self._n_read = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as much as fits; 0 at the end.

        Raises:
            LongBodyError: more than the limit.
            BodyError: the body ends before its length, or its chunks are malformed.
        """
        data = self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Read to the end; raises as `readinto`."""
        size = CHUNK if self._declared is None else max(1, self._declared - self._n_read)
        pieces = []
        while piece := self._take(size):
            pieces.append(piece)
            if self._n_read == self._declared:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, size: int) -> bytes:
        try:
            data: bytes = self._raw.read(size)
        except Exception as error:  # servers have errors of their own for malformed chunks
            raise BodyError("the body is cut off, or its chunks are malformed") from error
        self._n_read += len(data)
        if self._limit is not None and self._n_read > self._limit:
            raise LongBodyError
        if not data and self._declared is not None and self._n_read < self._declared:
            raise BodyError("the body is cut off: it is shorter than its Content-Length")
        return data


def whole_body(request: Request) -> bytes:
    """Return the bytes of a request: the one door to them, for all contracts.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    whole: bytes | None = request.environ.get(WHOLE)
    return request.get_data() if whole is None else whole


class CheckedRequest(Request):
    """Flask's request with a body that is whole, and form parts that stay in memory."""

    @cached
    def stream(self) -> IO[bytes]:
        """The body; empty where the server cannot tell its end."""
        limit = self.max_content_length
        declared = self.content_length
        if UNREAD in self.environ:
            error: Exception = self.environ[UNREAD]()
            raise error
        if limit is not None and (declared or 0) > limit:
            raise LongBodyError
        if declared is None and not self.environ.get("wsgi.input_terminated"):
            return io.BytesIO()
        return CheckedBody(self.environ["wsgi.input"], declared, limit)  # type: ignore[return-value]

    def _load_form_data(self) -> None:
        """Parse the form; raises as `limited_form`."""
        with limited_form():
            super()._load_form_data()

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        """Return memory: the part is read into it anyway, and a disk may be read-only."""
        return io.BytesIO()
