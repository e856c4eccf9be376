"""The framing of AWS event streams: messages of headers and bytes, each with two checksums.

Source: the specification of Smithy, "Amazon Event Stream".
"""

import struct
import zlib
from collections.abc import Iterator

MEDIA_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct("!II")
_CHECKSUM = struct.Struct("!I")
_TEXT = 7
"""The type of a header whose value is text."""

_PART = 1 << 17
"""Bytes of an answer in a message, at most."""

_HEADERS = {
    ":message-type": "event",
    ":event-type": "PayloadPart",
    ":content-type": "application/octet-stream",
}


def parts(body: bytes) -> Iterator[bytes]:
    """Yield messages that hold an answer in parts; none for an empty one."""
    for start in range(0, len(body), _PART):
        yield message(_HEADERS, body[start : start + _PART])


def message(headers: dict[str, str], content: bytes) -> bytes:
    """Return one message."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = _PRELUDE.pack(len(head) + len(content) + 16, len(head))
    front = prelude + _CHECKSUM.pack(zlib.crc32(prelude)) + head + content
    return front + _CHECKSUM.pack(zlib.crc32(front))


def _header(name: str, value: str) -> bytes:
    named, text = name.encode(), value.encode()
    return bytes((len(named),)) + named + struct.pack("!BH", _TEXT, len(text)) + text
