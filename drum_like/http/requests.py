"""The body of a request, read to its end or not at all."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from drum_like.errors import BodyError
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

LACKED_MEMORY = "drum_like.lacked_memory"
"""WSGI variable that tells the server that memory ran short: this process is to be replaced."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")

READ_CODINGS = "gzip, deflate, zstd"
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


class CodedBodyError(UnsupportedMediaType):
    """A body that is compressed, or coded in another way that is not read; answered with 415.

    Args:
        field: The header that says so.
        codings: The codings that it names.
    """

    def __init__(self, field: str, codings: tuple[str, ...]) -> None:
        named = ", ".join(c if _TOKEN.fullmatch(c) else "(malformed)" for c in codings[:3])
        super().__init__(
            f"the body is coded: {field} is {named}, which this server does not read; send the "
            f"body as it is, without {field}, or with one Content-Encoding of {READ_CODINGS}"
        )

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the headers of the answer: also which codings are read."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", READ_CODINGS)]


class LongBodyError(RequestEntityTooLarge):
    """A body that is longer than the limit of its route."""

    description = (
        "the body is longer than this server takes here; send less in one request, or start the "
        "server with a higher --max-body-mb (--max-upload-mb for a file of a model)"
    )


class LongFormError(RequestEntityTooLarge):
    """A form of too many parts, or with a field that is too long."""

    description = (
        "the form has more parts than this server takes here, or a long field that is no file; "
        "send fewer parts, and content as a file, or start the server with a higher "
        "--max-form-parts"
    )


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
