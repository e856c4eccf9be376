"""Mutants of a corpus: a few edits each, the same for the same seed."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 1 << 16

_WORDS = (
    *(b"\0", b"\xff", b"\n", b"\r\n", b",", b'"', b"\\", b"'", b";", b"%", b"\t", b"\xef\xbb\xbf"),
    *(b"0", b"-1", b"1e999", b"NaN", b"null", b"true", b"18446744073709551616", b"9" * 400),
    *(b"[", b"]", b"{", b"}", b'":', b"[" * 150, b'{"a":' * 50, b"{},", b"\\ud800", b"\\u0000"),
    *(b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\xff" * 8, b"\x7f" * 4, b"--b\r\n", b"..", b"/"),
    *(b"array", b"symmetric", b"50000000 1 1\n", b"=", b"a" * 5000, b"\xc3\x28", b"\xed\xa0\x80"),
)


def corpus(name: str) -> list[bytes]:
    """Return the files of a target, in the order of their names."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def mutants(seeds: Sequence[bytes], random: Random) -> Iterator[bytes]:
    """Return mutants without an end."""
    while True:
        body = bytearray(random.choice(seeds))
        for _ in range(random.choice((1, 1, 2, 3, 8))):
            random.choice(_EDITS)(body, random)
        if random.random() < 0.1:
            other = random.choice(seeds)
            body = body[: random.randrange(len(body) + 1)] + other[random.randrange(len(other)) :]
        yield bytes(body[:LONGEST])


def _flip(body: bytearray, random: Random) -> None:
    if body:
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)


def _set(body: bytearray, random: Random) -> None:
    if body:
        body[random.randrange(len(body))] = random.choice((0, 1, 127, 128, 255, 48, 57))


def _insert(body: bytearray, random: Random) -> None:
    at = random.randrange(len(body) + 1)
    body[at:at] = random.choice(_WORDS)


def _replace(body: bytearray, random: Random) -> None:
    at, word = random.randrange(len(body) + 1), random.choice(_WORDS)
    body[at : at + len(word)] = word


def _cut(body: bytearray, random: Random) -> None:
    at = random.randrange(len(body) + 1)
    del body[at : at + random.choice((1, 4, 16, len(body)))]


def _repeat(body: bytearray, random: Random) -> None:
    at = random.randrange(len(body) + 1)
    part = bytes(body[at : at + random.choice((1, 8, 40))])
    body[at:at] = part * random.choice((1, 2, 300))


def _number(body: bytearray, random: Random) -> None:
    """Put another number in the place of eight bytes, where binary formats have lengths."""
    if len(body) >= 8:
        at = random.randrange(len(body) // 8) * 8
        number = random.choice((0, 1, 2, 7, 8, 1 << 16, 1 << 31, 1 << 40, (1 << 63) - 1, 1 << 63))
        body[at : at + 8] = number.to_bytes(8, "little")


_EDITS: tuple[Callable[[bytearray, Random], None], ...] = (
    *(_flip, _set, _insert, _replace, _cut, _repeat, _number),
)
