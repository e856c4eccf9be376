"""Reads the multipart/form-data bodies of transform answers."""

import re
from dataclasses import dataclass

from tests.parity.values import Answer


@dataclass(frozen=True, slots=True)
class AnsweredPart:
    """One part: its headers as written, in lower case and sorted, and its content."""

    headers: tuple[str, ...]
    content: bytes


Parts = dict[str, AnsweredPart]


def parse_multipart(answer: Answer) -> Parts:
    """Return the parts by name, in the order of the body; none where there is no boundary."""
    _, parameters = answer.content_type()
    if "boundary" not in parameters:
        return {}
    mark = b"--" + parameters["boundary"].encode()
    pieces = answer.body.split(mark)[1:-1]
    return dict(_parse_part(piece.removeprefix(b"\r\n")) for piece in pieces)


def _parse_part(piece: bytes) -> tuple[str, AnsweredPart]:
    head, _, content = piece.partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    found = re.search(r'[; ]name="?([^";]*)', head.decode())
    name = found.group(1) if found else ""
    headers = tuple(sorted(_plain(line) for line in lines))
    return name, AnsweredPart(headers, content.removesuffix(b"\r\n"))


def _plain(line: str) -> str:
    return line.lower().replace('"', "").replace(" ", "")
