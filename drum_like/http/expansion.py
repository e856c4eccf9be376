"""Compressed bodies and files, expanded piece by piece and no further than limits allow.

Answers are compressed in `accepted`.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from flask import Request

from drum_like.errors import BodyError, SizeError
from drum_like.http.requests import CHUNK, HOLD, WHOLE, coding_of

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's `wbits` by the name of a coding."""

_SUFFIXES = {".gz": "gzip", ".zst": "zstd"}
"""The codings of files by the last suffix of their names."""

EXPANSION = "DRUM_LIKE_EXPANSION"
"""Name of the limits in the configuration of the application."""

_STEP = 1 << 16
_MEMBERS = 10_000
"""Members of a gzip body, each of which costs as much as some kilobytes: bgzip writes 16 a MiB."""

_FREE = 1 << 20
"""Bytes that any compressed body may become."""

_ZSTD_MAGIC, _SINGLE_SEGMENT = b"\x28\xb5\x2f\xfd", 0x20
_ZSTD_WINDOW = 8 << 20
"""The largest window that RFC 9659 allows for a Content-Encoding."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Limits on compressed bodies.

    Attributes:
        size: The most bytes of an expanded body.
        ratio: The most bytes that one byte may become, beyond the first MiB.
    """

    size: int
    ratio: int

    def pieces(self, coding: str, packed: bytes) -> Iterator[bytes]:
        """Expand a body piece by piece.

        Raises:
            SizeError: it becomes larger than the limits.
            BodyError: it is damaged, or not of that coding.
        """
        most = min(self.size, max(_FREE, self.ratio * len(packed)))
        size = 0
        for piece in _zstd(packed) if coding == "zstd" else _zlib(packed, _WINDOWS[coding]):
            size += len(piece)
            if size > most:
                raise SizeError(
                    f"the body of {len(packed)} bytes expands beyond {most} bytes; send less at a "
                    "time, or start the server with a higher --max-expanded-mb or --max-expansion"
                )
            yield piece


def expand(request: Request, limits: Expansion) -> None:
    """Put the expanded body in the place of a compressed one; others are left as they are.

    Raises:
        CodedBodyError: its headers name a coding that is not read.
        RequestEntityTooLarge, SizeError: it is larger than the limits, packed or expanded.
        BodyError: it is damaged, or does not arrive as its headers say.
        Exception: the server has no room for it.
    """
    environ = request.environ
    coding = coding_of(environ)
    if coding is None:
        return
    packed = environ[WHOLE] if WHOLE in environ else request.stream.read()
    body = _expanded(limits.pieces(coding, packed), environ.get(HOLD), len(packed))
    for name in ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"):
        environ.pop(name, None)
    environ[WHOLE] = body
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    for name in ("stream", "content_length", "content_encoding"):
        request.__dict__.pop(name, None)


def named_coding(name: str) -> tuple[str, str | None]:
    """Return the name of a file without the suffix of its coding, and that coding if it has one."""
    path = PurePath(name)
    coding = _SUFFIXES.get(path.suffix.lower())
    return (name, None) if coding is None else (path.stem, coding)


def expanded_file(request: Request, coding: str, packed: bytes, limits: Expansion) -> bytes:
    """Return the content of a compressed file of a form.

    Raises:
        SizeError: it becomes larger than the limits.
        BodyError: it is damaged, or not of that coding.
        Exception: the server has no room for it.
    """
    sent = max(request.content_length or 0, len(packed))
    return _expanded(limits.pieces(coding, packed), request.environ.get(HOLD), sent)


def _expanded(
    pieces: Iterator[bytes], hold: Callable[[int], Callable[[], Exception] | None] | None, size: int
) -> bytes:
    """Return the pieces as one, if the server has room for them beside `size` packed bytes."""
    body = io.BytesIO()
    for piece in pieces:
        size += len(piece)
        if hold is not None and (refusal := hold(size)) is not None:
            raise refusal()
        body.write(piece)
    return body.getvalue()


def _zlib(packed: bytes, window: int) -> Iterator[bytes]:
    """Expand gzip with all its members, or deflate: that of zlib, or the bare one of some clients.

    Raises:
        BodyError: it is damaged or cut off.
    """
    if window == 15 and (packed[:1] != b"\x78" or int.from_bytes(packed[:2], "big") % 31):
        window = -15
    try:
        yield from _members(packed, window)
    except zlib.error as error:
        raise _damaged() from error


def _members(packed: bytes, window: int) -> Iterator[bytes]:
    one, n_members = zlib.decompressobj(window), 1
    for at in range(0, len(packed), _STEP):
        rest = packed[at : at + _STEP]
        while rest:
            if one.eof:
                one, n_members = zlib.decompressobj(window), n_members + 1
            yield one.decompress(rest, CHUNK)
            rest = one.unused_data if one.eof else one.unconsumed_tail
        if n_members > _MEMBERS:
            raise BodyError(f"the compressed body has more than {_MEMBERS} members")
    while piece := one.decompress(b"", CHUNK):
        yield piece
    if not one.eof:
        raise _damaged()


def _zstd(packed: bytes) -> Iterator[bytes]:
    """Expand zstd.

    Raises:
        SizeError: it needs too large a window.
        BodyError: it is damaged or cut off.
    """
    import pyarrow as pa  # noqa: PLC0415 - takes 50 ms, and has the codec

    described = packed[:4] == _ZSTD_MAGIC and len(packed) > 5 and not packed[4] & _SINGLE_SEGMENT
    window = packed[5:6]
    if described and (8 + (window[0] & 7)) << ((window[0] >> 3) + 7) > _ZSTD_WINDOW:
        raise SizeError(
            f"the zstd body needs a window of more than {_ZSTD_WINDOW} bytes; compress it without "
            "--long and --ultra"
        )
    try:
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            while piece := stream.read(CHUNK):
                yield piece
    except (pa.ArrowException, OSError) as error:
        raise _damaged() from error


def _damaged() -> BodyError:
    return BodyError(
        "the compressed body is damaged, cut off, or not of the coding that its Content-Encoding, "
        "or the name of the file, says"
    )
