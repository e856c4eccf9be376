"""Byte streams as a client may send them: requests by the grammar, and such as break it somewhere.

A stream follows from a seed and its number, so that each can be made again alone.
"""

import random
import string
from dataclasses import dataclass

from tests.wire.oddities import ODD_BYTES, ODD_FIELDS, ODD_FRAMINGS, ODD_LINES, ODD_SIZES, WHOLES

VALID_SHARE = 0.45
"""Part of the streams that keep to the grammar, and have to be answered in full."""

PATH = "/predictUnstructured/?n={}"
LAST = (
    b"POST /predictUnstructured/?n=last HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nend"
)
"""A request behind every stream: whoever has lost the place reads it as something else."""

_TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^`|~"
_TARGETS = (
    *("/", "/ping/", "/predict/", "/a/b;c=d/e", "/%20%2F%00", "//x//y", "/?", "/?a=b&c=d#e"),
    *("http://{}/ping/", "http://{}/predict/?a=1", "HTTP://{}", "/!$&'()*+,;=:@-._~"),
)
_LIVE_TARGETS = ("/predict/", "/a/b;c=d/e", "/%20%2F%00", "http://{}/predict/?a=1", "/no//such?a#e")
"""Not those of probes, whose bodies a server need not read."""
_HOSTS = ("localhost", "127.0.0.1:6789", "[::1]:80")
_METHODS = ("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE", "M-SEARCH", "QRY")
_NAMES = ("Accept", "User-Agent", "X-Request-ID", "Cookie", "Via", "TE", "X_Under", "x-a", "Date")
_SIZES = (1, 2, 3, 7, 16, 61, 256, 1024, 4096)
_LARGE = 140_000
"""More bytes than are read into a buffer that grows."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as a reader gives it.

    Attributes:
        method: Its method.
        target: Its target as it was sent.
        fields: Names in upper case, and values, of its header fields.
        body: Its body.
    """

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes on one connection.

    Attributes:
        number: Its number.
        pieces: The bytes, as the client sends them.
        wanted: The requests in it if it keeps to the grammar; None otherwise.
        closes: Whether its last request asks for the end of the connection, whatever follows.
    """

    number: int
    pieces: tuple[bytes, ...]
    wanted: tuple[Seen, ...] | None
    closes: bool


@dataclass(slots=True)
class _Draft:
    """A request in parts, which may be changed before they are joined."""

    line: bytes
    fields: list[bytes]
    body: list[bytes]
    seen: Seen
    closes: bool
    before: bytes = b""

    def joined(self) -> bytes:
        head = b"\r\n".join([self.line, *self.fields])
        return self.before + head + b"\r\n\r\n" + b"".join(self.body)


def draw(seed: int, number: int, *, live: bool = False) -> Stream:
    """Return a stream.

    Args:
        seed: Of the run.
        number: Of the stream.
        live: Whether it is sent to a server whose answers say what it has read: most of its
            requests go to the route that repeats their bodies.
    """
    drawer = _Drawer(random.Random(f"{seed}/{number}"), live=live)  # reproducible, not secret
    return drawer.valid(number) if drawer.happens(VALID_SHARE) else drawer.odd(number)


class _Drawer:
    """Draws requests and what may be wrong with them."""

    def __init__(self, rng: random.Random, *, live: bool) -> None:
        self._rng = rng
        self._live = live

    def happens(self, share: float) -> bool:
        return self._rng.random() < share

    def valid(self, number: int) -> Stream:
        drafts = [self._request(n) for n in range(self._rng.choice((1, 1, 2, 2, 3, 5)))]
        seen, closes = [], False
        for draft in drafts:
            seen.append(draft.seen)
            closes = draft.closes
            if closes:
                break
        data = b"".join(draft.joined() for draft in drafts)
        if not closes:
            data += LAST
            fields = (("HOST", "localhost"), ("CONTENT-LENGTH", "3"))
            seen.append(Seen("POST", "/predictUnstructured/?n=last", fields, b"end"))
        return Stream(number, self._cut(data), tuple(seen), closes)

    def odd(self, number: int) -> Stream:
        drafts = [self._request(n) for n in range(self._rng.choice((1, 1, 2, 3)))]
        for _ in range(self._rng.choice((0, 1, 1, 1, 2))):
            self._spoil(self._rng.choice(drafts))
        data = bytearray(b"".join(draft.joined() for draft in drafts) + LAST)
        for _ in range(self._rng.choice((0, 0, 1, 1, 2, 4))):
            self._change(data)
        if self.happens(0.02):
            data = bytearray(self._rng.choice(WHOLES)) + (LAST if self.happens(0.5) else b"")
        return Stream(number, self._cut(bytes(data)), None, closes=False)

    def _request(self, number: int) -> _Draft:
        rng = self._rng
        version = "1.0" if self.happens(0.08) else "1.1"
        host = rng.choice(_HOSTS)
        method, target = self._method_and_target(number, host)
        fields = [(name, self._value()) for name in rng.choices(_NAMES, k=rng.randrange(4))]
        if self.happens(0.2):
            fields.append((self._token(), self._value()))
        if self.happens(0.1):
            fields.append(("Authorization", f"Bearer {rng.choice(('right', self._token()))}"))
        if version == "1.1" or self.happens(0.7):
            fields.append((self._case("Host"), host))
        if self.happens(0.3):
            fields.append((self._case("Content-Type"), "application/octet-stream"))
        closes = self._connection(version, fields) or method == "CONNECT"
        framing, body, content = self._framed(version)
        fields += framing
        if framing and self.happens(0.1):
            fields.append((self._case("Expect"), "100-continue"))
        if not framing[1:]:
            rng.shuffle(fields)
        kept = tuple((name.upper(), value) for name, value in fields if "_" not in name)
        wire = [f"{name}:{self._blank()}{value}{self._blank()}".encode("latin-1")
                for name, value in fields]  # fmt: skip
        before = b"\r\n" if self.happens(0.05) else b""
        line = f"{method} {target} HTTP/{version}".encode()
        return _Draft(line, wire, body, Seen(method, target, kept, content), closes, before)

    def _method_and_target(self, number: int, host: str) -> tuple[str, str]:
        rng = self._rng
        if self.happens(0.8 if self._live else 0.4):
            return "POST", PATH.format(number)
        if self.happens(0.03):
            return rng.choice((("OPTIONS", "*"), ("CONNECT", "x:80")))
        targets = _LIVE_TARGETS if self._live else _TARGETS
        return rng.choice(_METHODS), rng.choice(targets).format(host)

    def _connection(self, version: str, fields: list[tuple[str, str]]) -> bool:
        """Add a field that says whether the connection stays; return whether it does not."""
        if version == "1.0":
            if self.happens(0.85):
                fields.append((self._case("Connection"), self._case("keep-alive")))
                return False
            return True
        if self.happens(0.15):
            closes = self.happens(0.3)
            fields.append(
                (self._case("Connection"), self._case("close" if closes else "keep-alive"))
            )
            return closes
        return False

    def _framed(self, version: str) -> tuple[list[tuple[str, str]], list[bytes], bytes]:
        """Return framing fields, a body as it is sent, and the body itself."""
        content = self._content()
        kind = self._rng.random()
        if kind < 0.2:
            return [], [], b""
        if kind < 0.5 or version == "1.0":
            zeros = "0" * self._rng.choice((0, 0, 0, 1, 5))
            return [(self._case("Content-Length"), f"{zeros}{len(content)}")], [content], content
        name = self._case("Transfer-Encoding")
        chunked = self._case("chunked")
        codings = self._rng.choice(
            ([chunked], [chunked], [f"identity, {chunked}"], ["identity", chunked])
        )
        return [(name, coding) for coding in codings], self._chunks(content), content

    def _chunks(self, content: bytes) -> list[bytes]:
        parts, at = [], 0
        while at < len(content):
            size = min(len(content) - at, self._rng.choice((1, 2, 5, 17, 500, 70_000)))
            parts += [self._size(size) + b"\r\n", content[at : at + size], b"\r\n"]
            at += size
            if len(parts) > 150:
                parts += [b"%x\r\n" % (len(content) - at), content[at:], b"\r\n"] * (
                    at < len(content)
                )
                break
        parts += [self._size(0) + b"\r\n"]
        for _ in range(self._rng.choice((0, 0, 0, 1, 3))):
            parts.append(f"X-{self._token()}:{self._blank()}{self._value()}\r\n".encode("latin-1"))
        return [*parts, b"\r\n"]

    def _size(self, size: int) -> bytes:
        text = "0" * self._rng.choice((0, 0, 0, 1, 4)) + self._case(f"{size:x}")
        while self.happens(0.15):
            text += f"{self._blank()};{self._blank()}{self._token()}"
            if self.happens(0.6):
                quoted = '"' + self._rng.choice(("", "a b", '\\"', "\\\\;x", "\t")) + '"'
                value = quoted if self.happens(0.5) else self._token()
                text += f"{self._blank()}={self._blank()}{value}"
        return text.encode()

    def _content(self) -> bytes:
        kind = self._rng.random()
        if kind < 0.004:
            return self._rng.randbytes(self._rng.choice((20_000, 66_000, _LARGE)))
        if kind < 0.2:
            return self._rng.choice((b"\r\n", b"0\r\n\r\n", LAST, b"\r\n\r\n", b"\n", b"\0"))
        return self._rng.randbytes(self._rng.choice((0, 1, 3, 10, 40, 300)))

    def _token(self) -> str:
        return "".join(self._rng.choices(_TOKEN, k=self._rng.choice((1, 2, 5, 12))))

    def _value(self) -> str:
        kind = self._rng.random()
        if kind < 0.1:
            return ""
        if kind < 0.3:
            return self._rng.choice(("a\tb", "a, b", "\xe9\xff", 'q="x"', "a: b", "chunked", "0"))
        return "".join(self._rng.choices(_TOKEN + ",;=/() ", k=self._rng.choice((3, 20)))).strip()

    def _blank(self) -> str:
        return self._rng.choice(("", "", "", " ", " ", "\t", "  \t"))

    def _case(self, text: str) -> str:
        return self._rng.choice((text, text, text.lower(), text.upper(), text.swapcase()))

    def _spoil(self, draft: _Draft) -> None:
        """Put something odd into a request."""
        rng, kind = self._rng, self._rng.random()
        if kind < 0.15:
            draft.line = rng.choice(ODD_LINES)
        elif kind < 0.3:
            draft.fields.insert(rng.randint(0, len(draft.fields)), rng.choice(ODD_FIELDS))
        elif kind < 0.4 and draft.fields:
            draft.fields.pop(rng.randrange(len(draft.fields)))
        elif kind < 0.45 and draft.fields:
            draft.fields.append(rng.choice(draft.fields))
        elif kind < 0.65:
            framing = (b"content-length", b"transfer-encoding")
            kept = [one for one in draft.fields if not one.lower().startswith(framing)]
            draft.fields = [*kept, *rng.choice(ODD_FRAMINGS)]
        elif draft.body:
            at = rng.randrange(len(draft.body))
            part = rng.choice((b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", draft.body[at] * 2))
            if draft.body[at].endswith(b"\r\n") and self.happens(0.7):
                part = rng.choice(ODD_SIZES).replace(b"#", draft.body[at].rstrip(b"\r\n"))
            draft.body[at] = part

    def _change(self, data: bytearray) -> None:
        """Change some bytes; at ends of lines more often than elsewhere."""
        rng = self._rng
        at = rng.randrange(len(data))
        if self.happens(0.5):
            at = max(0, data.find(b"\r\n", at) + rng.choice((-1, 0, 1, 2)))
        kind = rng.random()
        if kind < 0.7:
            data[at : at + rng.choice((0, 1, 1, 2))] = rng.choice(ODD_BYTES)
        elif kind < 0.8:
            del data[at : at + rng.choice((1, 2, 4, 30))]
        elif kind < 0.9:
            data[at:at] = data[at : at + rng.choice((2, 4, 60))]
        else:
            del data[at:]
        data[:] = data or LAST

    def _cut(self, data: bytes) -> tuple[bytes, ...]:
        """Return the pieces of a stream: one, many of a size, or some of any size."""
        rng = self._rng
        kind = rng.random()
        if kind < 0.35 and len(data) < 60_000:
            return (data,)
        if kind < 0.7:
            size = max(rng.choice(_SIZES), len(data) // 300)
            starts = [*range(0, len(data), size)]
        else:
            starts = sorted({0, *(rng.randrange(len(data)) for _ in range(rng.randint(1, 6)))})
        if len(data) > 60_000:
            starts = sorted({*starts, *range(0, len(data), 50_000)})
        return tuple(data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True))
