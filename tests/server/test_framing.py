"""Framing of requests beside gunicorn's own reader: nothing that it refuses passes here."""

import socket
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drum_like.server.request_head import Heads, Reading
from drum_like.server.request_reader import ClosedError, RequestReader
from tests.support.framing import (
    BAD_CHUNKS,
    BAD_HEADS,
    CHUNKED,
    END,
    GOOD_CHUNKS,
    GOOD_HEADS,
    HEAD,
    NEXT,
)

LIMIT = 1_000_000
ADDRESSES = (("127.0.0.1", 50000), ("127.0.0.1", 6789))


class Request(NamedTuple):
    """A request as a reader parses it from its bytes."""

    method: str
    target: str
    body: bytes


def by_gunicorn(pieces: list[bytes]) -> list[Request]:
    """Return the requests that gunicorn reads before it refuses, or has nothing more to read."""
    found = []
    try:
        for request in RequestParser(Config(), iter(pieces), ADDRESSES[0]):
            body = request.body.read() if request.body is not None else b""
            found.append(Request(request.method or "", request.uri or "", body))
    except Exception:  # noqa: BLE001 - whatever it raises, it does not accept the rest
        return found
    return found


def by_us(pieces: list[bytes]) -> list[Request]:
    """Return the requests that a connection gives before it refuses, or nothing more comes."""
    ours, client = socket.socketpair()
    ours.settimeout(0)
    with ours, client:
        reader = RequestReader(ours, ADDRESSES, Reading(Heads(Config()), lambda *_: LIMIT))
        return list(_requests(reader, client, pieces))


def _requests(
    reader: RequestReader, client: socket.socket, pieces: list[bytes]
) -> Iterator[Request]:
    for piece in [*pieces, b""]:
        if piece:
            client.sendall(piece)
        else:
            client.shutdown(socket.SHUT_WR)
        try:
            received = reader.receive()
            while received is not None:
                request = received.head.request
                if received.body is None:
                    return
                yield Request(request.method or "", request.uri or "", received.body)
                if request.should_close():
                    return
                received = reader.buffered()
        except (ClosedError, OSError, ParseException):
            return


def cut(stream: bytes, size: int) -> list[bytes]:
    """Return a stream in pieces of a size, or in a thousand if those were more."""
    size = max(size, len(stream) // 1000)
    return [stream[at : at + size] for at in range(0, len(stream), size)]


T = TypeVar("T")
SIZES = (1, 2, 5, 64, 16_000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*GOOD_CHUNKS, *GOOD_HEADS])
def test_what_is_right_is_read_as_gunicorn_reads_it(name: str, size: int) -> None:
    for request in (
        CHUNKED + GOOD_CHUNKS[name] if name in GOOD_CHUNKS else b"",
        GOOD_HEADS.get(name, b""),
    ):
        pieces = cut(request + NEXT, size)

        found = by_us(pieces)

        assert found == by_gunicorn(pieces)
        assert found[-1] == ("POST", "/predictUnstructured/?n=2", b"end")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_malformed_chunks_are_no_request_nor_is_what_follows(name: str, size: int) -> None:
    pieces = cut(CHUNKED + BAD_CHUNKS[name] + NEXT, size)

    assert by_us(pieces) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BAD_HEADS)
def test_framing_that_is_not_clear_is_no_request(name: str, size: int) -> None:
    pieces = cut(BAD_HEADS[name] + NEXT, size)

    assert by_us(pieces) == []


def mostly(right: T, *odd: T) -> st.SearchStrategy[T]:
    """Draw what is right, and now and then something odd."""
    return st.sampled_from([right] * 8 * len(odd) + list(odd))


SIZE_TEXTS = (
    *("{:X}", "0{:x}", "{:x};a", "{:x} ;a=b", '{:x};a="b"', "{:x};;", "0x{:x}", "+{:x}"),
    *("-{:x}", " {:x}", "{:x} ", "{:x}\t", "", ";", "{:x};\r", "{:x};a\n"),
)
TRAILERS = (
    *(b"A: b\r\n", b"A: b\r\nC: d\r\n", b"Host: x\r\n", b" A: b\r\n", b"A: b\n"),
    *(b"A\r\n", b"\r\n"),
)
FRAMINGS = (
    *("Chunked", "identity", "gzip", "xchunked", "chunked, chunked", "identity, chunked", ""),
    *("identity\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: chunked"),
)
ENDS = (b"\n", b"\r", b"", b"\r\r\n", b"\r\n\r\n")
ends = mostly(b"\r\n", *ENDS)
contents = st.binary(max_size=20) | st.sampled_from([b"\r\n", b"0\r\n\r\n", NEXT])


@st.composite
def chunks(draw: st.DrawFn) -> bytes:
    """Return a chunk, its size spelled in one way or other, and right most of the time."""
    content = draw(contents.filter(bool))
    text = draw(mostly("{:x}", *SIZE_TEXTS)).format(len(content) + draw(mostly(0, 1, -1)))
    return text.encode() + draw(ends) + content + draw(ends)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request in chunks."""
    head = (HEAD % 1).decode().replace("HTTP/1.1", draw(mostly("HTTP/1.1", "HTTP/1.0", "HTTP/2.0")))
    head += f"Transfer-Encoding: {draw(mostly('chunked', *FRAMINGS))}\r\n"
    head += draw(mostly("", "Content-Length: 5\r\n", "Content-Length: x\r\n"))
    last = draw(mostly(b"0", b"00", b"0;a=b", b"0 ", b"-0", b"")) + draw(ends)
    body = b"".join(draw(st.lists(chunks(), max_size=4))) + last
    return head.encode() + b"\r\n" + body + draw(mostly(b"", *TRAILERS)) + draw(ends)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Return requests behind one another, a byte of them changed here and there, in pieces."""
    stream = bytearray(b"".join(draw(st.lists(requests(), min_size=1, max_size=3))) + NEXT)
    for _ in range(draw(mostly(0, 1, 2))):
        at = draw(st.integers(0, len(stream) - 1))
        stream[at : at + draw(st.integers(0, 1))] = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"0", b" ", b";", b"\0", b":", b"\xff"])
        )
    size = draw(st.sampled_from(SIZES))
    return cut(bytes(stream), size)


@settings(max_examples=300, deadline=None)
@given(streams())
@example(cut(CHUNKED + b"3\r\nabc\r\n" + END + CHUNKED + END + NEXT, 7))
def test_no_stream_passes_that_gunicorn_refuses(pieces: list[bytes]) -> None:
    """And what passes has the same body and the same requests behind it."""
    found, theirs = by_us(pieces), by_gunicorn(pieces)

    assert found == theirs[: len(found)]
