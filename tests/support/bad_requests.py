"""Rows of the catalogue of bad inputs that are no payloads of DRUM's routes: framing, JSON, names.

The other rows stand in `bad_payloads` and `arrow_payloads`; `tests/live/test_bad_inputs.py` says
which test sends which.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.bad_payloads import CANARY
from tests.support.framing import NEXT

POST = b"POST /predict/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\n"
ROWS = b"a,t\n1,x\n"


SECOND = NEXT.replace(b"/predictUnstructured/?n=2", b"/hidden").replace(
    b"Host", b"Connection: close\r\nHost"
)
"""A request that is only one if the first has come to its end; answered with 404."""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """Bytes on a connection.

    Attributes:
        row: Id in the catalogue.
        allowed: The statuses that are right for the first request.
        make: The bytes, up to what a second request follows.
        goes_on: Whether the second request is answered; None where either is right.
        second: The second request.
    """

    row: str
    allowed: frozenset[int]
    make: bytes
    goes_on: bool | None = False
    second: bytes = SECOND


def _framed(row: str, status: int, fields: bytes, body: bytes = ROWS) -> BadRequest:
    """Return a request whose header fields are wrong."""
    return BadRequest(row, frozenset({status}), POST + fields + b"\r\n\r\n" + body)


def _line(row: str, status: int, head: bytes) -> BadRequest:
    """Return a request whose head is wrong."""
    return BadRequest(row, frozenset({status}), head + b"\r\n\r\n")


_CHUNKS = b"8\r\n" + ROWS + b"\r\n0\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked"
_LENGTH = b"Content-Length: 8"
_TINY = b"".join(b"1\r\n%c\r\n" % byte for byte in b"a,t\n1," + b"x" * 65_531 + b"\n")
_END = b"0\r\n\r\n"
_TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32, 232))

FRAMING = (
    _framed("H-01", 400, _LENGTH + b"\r\n" + _CHUNKED, _CHUNKS),
    _framed("H-02", 400, _CHUNKED + b", identity", _CHUNKS),
    _framed("H-03", 501, b"Transfer-Encoding: xchunked\r\n" + _LENGTH),
    _framed("H-04", 400, b"Transfer-Encoding : chunked", _CHUNKS),
    _framed("H-05", 400, _LENGTH + b"\r\nContent-Length: 9"),
    *(
        _framed(f"H-06-{value.decode()}", 400, b"Content-Length: " + value)
        for value in (b"3, 3", b"+3", b"-1", b"1e3")
    ),
    _framed("H-07", 413, b"Content-Length: " + b"9" * 19),
    _framed("H-08-0x", 400, _CHUNKED, b"0x8\r\n" + ROWS + b"\r\n0\r\n\r\n"),
    _framed("H-08-negative", 400, _CHUNKED, b"-8\r\n" + ROWS + b"\r\n0\r\n\r\n"),
    BadRequest(
        "H-10", frozenset({200, 413}), POST + _CHUNKED + b"\r\n\r\n" + _TINY + _END, goes_on=True
    ),
    BadRequest("H-11-bare-LF", frozenset({400}), b"GET /ping/ HTTP/1.1\nHost: 127.0.0.1\n\n"),
    _line("H-11-HTTP/0.9", 400, b"GET /ping/"),
    _line("H-11-HTTP/3.0", 400, b"GET /ping/ HTTP/3.0\r\nHost: 127.0.0.1"),
    _line("H-11-garbage", 400, b"\x00\x01\x02garbage\xff"),
    BadRequest("H-11-TLS", frozenset({400}), _TLS_HELLO, second=b""),
    BadRequest(
        "H-12",
        frozenset({400}),
        b"GET /ping/ HTTP/1.1\r\n\r\n",
    ),
    _line("H-13", 400, b"GET /ping/ HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: y"),
    BadRequest(
        "H-14",
        frozenset({200, 400, 403, 421}),
        b"GET http://other.example/ping/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        goes_on=None,
    ),
    *(
        _line(f"H-15-{name}", 400, b"GET /ping/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b" + value)
        for name, value in (("NUL", b"\0"), ("CR", b"\rc"), ("LF", b"\nc"), ("folded", b"\r\n c"))
    ),
    _line("H-16-target", 414, b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: 127.0.0.1"),
    _line("H-16-fields", 431, b"GET /ping/ HTTP/1.1\r\nHost: 127.0.0.1" + b"\r\nX-A: b" * 101),
    _line("H-16-field", 431, b"GET /ping/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"b" * 9000),
    BadRequest(
        "H-17",
        frozenset({404}),
        POST.replace(b"/predict/", b"/no-such-path") + _LENGTH + b"\r\n\r\n" + ROWS,
        goes_on=True,
    ),
    _framed("H-18", 417, b"Expect: 200-maybe\r\n" + _LENGTH),
    _line("H-21-ESC", 400, b"GET /ping/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: \x1b[31m"),
    BadRequest(
        "H-21-long",
        frozenset({200}),
        b"GET /ping/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: " + b"i" * 7000 + b"\r\n\r\n",
        goes_on=True,
    ),
)


@dataclass(frozen=True, slots=True)
class BadJson:
    """A JSON body for several doors.

    Attributes:
        row: Id in the catalogue.
        make: The body, by the door's good body, in which 1.5 is a number and a is a name.
        allowed: The statuses that are right.
        content_type: Its media type.
    """

    row: str
    make: Callable[[str], bytes | str]
    allowed: frozenset[int] = frozenset({400})
    content_type: str = "application/json"


SCORE = "/model/score"
CHAT = "/v1/chat/completions"


def _cell(row: str, value: str, *statuses: int) -> BadJson:
    return BadJson(row, lambda good: good.replace("1.5", value), frozenset(statuses or {400}))


def _encoded(codec: str) -> BadJson:
    return BadJson(f"J-01-{codec}", lambda good: good.encode(codec), frozenset({200, 400}))


def _instead(text: str) -> BadJson:
    return BadJson(f"J-12-{text}", lambda _: text, frozenset({400, 422}))


def _deep(depth: int, opening: str = "[", closing: str = "]") -> str:
    return f"{opening * depth}1{closing * depth}"


_DEPTHS = (1_025, 5_000, 100_000)

JSON = (
    BadJson("J-01-empty", lambda _: b""),
    BadJson("J-01-blank", lambda _: b" \n "),
    *(_encoded(codec) for codec in ("utf-8-sig", "utf-16", "utf-32")),
    *(_cell(f"J-02-{word}", word, 200, 400) for word in ("NaN", "Infinity", "-Infinity")),
    _cell("J-03", "1e999", 200, 400),
    _cell("J-04-2^64", str(2**64), 200, 422),
    _cell("J-04-2^63", str(2**63), 200, 422),
    _cell("J-05", "1" * 5000),
    BadJson("J-06", lambda good: good[:-1] + "," + good[1:], frozenset({200, 400})),
    BadJson(
        "J-07-escaped",
        lambda good: good.replace('"1.5"', '"\\ud800"').replace("1.5", '"\\ud800"'),
        frozenset({200, 400}),
    ),
    BadJson(
        "J-07-bytes",
        lambda good: good.encode().replace(b"1.5", b'"\xed\xa0\x80"'),
        frozenset({200, 400}),
    ),
    BadJson("J-08", lambda good: good.encode().replace(b"1.5", b'"\xff"')),
    _cell("J-09-101", _deep(101), 200, 400, 413),
    *(_cell(f"J-09-{depth}", _deep(depth), 400, 413) for depth in _DEPTHS),
    *(_cell(f"J-09-objects-{depth}", _deep(depth, '{"a":', "}"), 400, 413) for depth in _DEPTHS),
    *(
        _cell(f"J-09-mixed-{depth}", _deep(depth // 2, '[{"a":', "}]"), 400, 413)
        for depth in _DEPTHS
    ),
    *(
        _cell(f"J-10-{name}", text)
        for name, text in (
            *(("comma", "1,"), ("comment", "1 /* c */"), ("quotes", "'1'"), ("zero", "01")),
            *(("plus", "+1"), ("point", "1."), ("hex", "0x1"), ("word", "undefined")),
        )
    ),
    BadJson("J-10-two", lambda good: good + good),
    *(_instead(text) for text in ("[]", "[1]", '"x"', "1", "null", "true")),
)

UPLOAD_NAMES = (
    *(
        "a/b",
        "..",
        "../../etc/passwd",
        "%2e%2e",
        "a#b",
        "a?b",
        "a\0b",
        "a\\b",
        "-a",
        "\uff0e\uff0e",
    ),
    *("a" * 300, "", " ", "a b", "a\nb", "'; drop table models; --", f"{CANARY}é"),
)
"""U-01: names that no model may have."""
