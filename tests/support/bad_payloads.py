"""Broken, huge and hostile payloads, by the ids of the catalogue of bad inputs.

A row allows several statuses where reading and refusing are both right; 500 is never allowed.
"""

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.http_calls import Part, form

CANARY = "canary4711"
"""A value that no error and no line of the log may repeat."""

_HEADER = "%%MatrixMarket matrix"


@dataclass(frozen=True, slots=True)
class Bad:
    """One payload and the statuses that are right for it."""

    row: str
    allowed: set[int]
    make: bytes | str | Callable[[], bytes]
    content_type: str | None = "text/csv"

    def body(self) -> bytes:
        """Return the bytes, made when they are needed."""
        if isinstance(self.make, str):
            return self.make.encode()
        return self.make if isinstance(self.make, bytes) else self.make()


def _matrix(row: str, allowed: set[int], text: str) -> Bad:
    return Bad(row, allowed, f"{_HEADER} {text}", "text/mtx")


def _multipart(row: str, allowed: set[int], *parts: Part) -> Bad:
    body, content_type = form(*parts)
    return Bad(row, allowed, body, content_type)


def _random_bytes() -> bytes:
    return random.Random(4711).randbytes(4096)


def _distinct_columns(n_columns: int) -> bytes:
    names = ",".join(f"c{number}" for number in range(n_columns))
    return f"{names}\n{'1,' * (n_columns - 1)}1\n".encode()


def _truncated(parts: list[Part]) -> Bad:
    body, content_type = form(*parts)
    return Bad("P-02-truncated", {422}, body[:-30], content_type)


def _charset(row: str, charset: str, allowed: set[int], body: bytes | str = "a\n1\n") -> Bad:
    return Bad(row, allowed, body, f"text/csv; charset={charset}")


MEDIA = (
    Bad("T-01", {200}, "a\n1\n", None),
    Bad("T-02", {422}, f"a\n{CANARY}\n", "application/x-foo"),
    Bad("T-03", {200, 415}, "a\n1\n", 'text/csv; charset="utf-8; x=;;=='),
    _charset("T-04", "nope", {415}),
    _charset("T-05-latin-1", "latin1", {200}, "a,é\n1,ß\n".encode("latin-1")),
    _charset("T-05-utf-16", "utf-16", {200}, "a\n1\n".encode("utf-16")),
    _charset("T-05-cp1252", "cp1252", {200}, "a,€\n1,2\n".encode("cp1252")),
    _charset("T-05-quoted", '"UTF-8"', {200}),
    *(
        _charset(f"T-06-{name}", name, {415})
        for name in ("punycode", "idna", "unicode_escape", "utf-7")
    ),
    *(_charset(f"T-07-{name}", name, {415}) for name in ("hex", "zlib", "rot13")),
    _charset("T-08-ascii", "ascii", {422}, f"a\n{CANARY}\u00e9\n"),
    _charset("T-08-utf-8", "utf-8", {422}, f"a\n{CANARY}".encode() + b"\xff\n"),
    Bad("T-09", {422}, "a\n1\n", f"text/html;<script>{CANARY}</script>"),
    Bad("Z-07", {422}, lambda: gzip.compress(b"a\n1\n")),
)

CSV = (
    Bad("C-01", {422}, b""),
    Bad("C-02", {422}, b"\n\n \n\n"),
    Bad("C-03", {200}, "a\n"),
    Bad("C-04", {200}, b"\xef\xbb\xbfa\n1\n"),
    Bad("C-05", {422}, f"a\n{CANARY}\n".encode("utf-16")),
    Bad("C-06", {422}, f"a\n{CANARY}é\n".encode("latin-1")),
    Bad("C-07", {200, 422}, b"a,t\n1,x\x00y\n"),
    Bad("C-08", {200, 422}, b"\x00" * 1000),
    Bad("C-09", {422}, f"a,b\n1,2\n3,{CANARY},5\n"),
    Bad("C-10", {422}, f"a,b\n{CANARY}\n"),
    Bad("C-11", {422}, f"a,b\n1,2,{CANARY}\n"),
    Bad("C-12", {200}, "a,a\n1,2\n"),
    Bad("C-13", {413}, b"a," * 39_999 + b"a\n" + b"1," * 39_999 + b"1\n"),
    Bad("C-14", {413}, lambda: _distinct_columns(100_000)),
    Bad("C-15", {200}, "a,,\n1,2,3\n"),
    Bad("C-16", {422}, f'a,b\n1,"{CANARY}\n2,3\n'),
    Bad("C-17", {200, 413}, lambda: b"a,t\n1," + b"x" * 20_000_000 + b"\n"),
    Bad("C-18", {200}, "a,b\r1,2\r"),
    Bad("C-19", {200}, "a;b\n1\n"),
    Bad("C-20", {200}, "a\ninf\n-1e999\nNULL\n1e400\n"),
    Bad("C-21", {200}, "a\n18446744073709551617\n"),
    Bad("C-22", {200}, "a,t\n1,=1+1\n2,@x\n"),
    Bad("C-23", {200}, lambda: b"a,t\n" + b"1,2\n" * 200_001 + b"1,x\n"),
    Bad("C-24", {422}, _random_bytes),
    Bad("C-25", {200}, lambda: b"a,b\n1,2\n" + b"\n" * 1_000_000 + b"3,4\n"),
    Bad("C-26", {200, 413, 422}, lambda: b"a\n" + b"1" * 1_000_000 + b"\n"),
    Bad("C-28", {200}, f"a,__class__,index,/../x,{'n' * 10_000}\n1,2,3,4,5\n"),
    Bad("C-29", {200}, "a,t\n1,x\u2028y\n2,x\u0085y\n"),
)

MATRICES = (
    Bad("M-01", {422}, b"", "text/mtx"),
    _matrix("M-02-banner", {422}, "coordinate real general\n"),
    Bad("M-02-junk", {422}, CANARY, "text/mtx"),
    _matrix("M-02-kind", {422}, "coordinate nothing general\n1 1 1\n1 1 1\n"),
    _matrix("M-03", {422}, f"coordinate real general\n2 2 3\n1 1 4711{0:04}\n"),
    _matrix("M-04", {422}, "coordinate real general\n2 2 1\n1 1 1\n2 2 1\n"),
    _matrix("M-05-zero", {422}, "coordinate real general\n2 2 1\n0 1 1\n"),
    _matrix("M-05-negative", {422}, "coordinate real general\n2 2 1\n-1 1 1\n"),
    _matrix("M-05-beyond", {422}, "coordinate real general\n2 2 1\n3 1 1\n"),
    _matrix("M-06", {422}, "coordinate real general\n-2 2 1\n1 1 1\n"),
    _matrix("M-07", {413, 422}, "coordinate real general\n99999999999999999999 2 1\n1 1 1\n"),
    _matrix("M-08", {413}, "coordinate real general\n2 1000000 1\n1 1 1\n"),
    _matrix("M-09", {413}, "coordinate real general\n1000000000 2 1\n1 1 1\n"),
    _matrix("M-10", {413, 422}, "coordinate real general\n9 9 500000000\n1 1 1\n"),
    _matrix("M-11", {413, 422}, "array real general\n40000 40000\n1\n"),
    _matrix("M-12", {200}, "coordinate pattern general\n2 1 1\n1 1\n"),
    _matrix("M-13", {422}, "coordinate complex general\n2 1 1\n1 1 1 2\n"),
    _matrix("M-14", {200}, "coordinate real symmetric\n2 2 2\n1 1 1\n2 1 5\n"),
    _matrix("M-15", {422}, "coordinate real symmetric\n3 2 1\n1 1 1\n"),
    _matrix("M-16", {200}, "array real general\n2 1\n1\n2\n"),
    _matrix("M-17", {200}, "coordinate real general\n2 1 2\n1 1 nan\n2 1 inf\n"),
    _matrix("M-18", {200}, "coordinate real general\n1 1 2\n1 1 1\n1 1 2\n"),
    Bad(
        "M-21",
        {200, 413, 422},
        lambda: (
            f"{_HEADER} coordinate real general\n".encode()
            + b"%x\n" * 3_000_000
            + b"1 1 1\n1 1 1\n"
        ),
        "text/mtx",
    ),
)

_ROWS = Part("X", "a\n1\n")
_MTX = f"{_HEADER} coordinate real general\n2 2 1\n1 1 1\n"

MULTIPART = (
    Bad("P-01", {422}, "x", "multipart/form-data"),
    Bad("P-02-wrong-boundary", {422}, form(_ROWS)[0], "multipart/form-data; boundary=other"),
    _truncated([Part("X", f"a\n{CANARY}\n")]),
    Bad("P-03-long", {200, 422}, b"--" + b"b" * 200, f"multipart/form-data; boundary={'b' * 200}"),
    Bad("P-03-odd", {422}, b"--(.*)+?\r\n", 'multipart/form-data; boundary="(.*)+?"'),
    _multipart("P-04", {413}, *[Part(f"p{n}", "x", None) for n in range(2000)], _ROWS),
    _multipart("P-05", {413}, Part("note", "n" * 2_000_000, None), _ROWS),
    _multipart("P-06", {422}, Part("X", f"a\n{CANARY}\n", None)),
    _multipart("P-07-empty", {200}, Part("X", "a\n1\n", "")),
    _multipart("P-07-path", {200}, Part("X", "a\n1\n", "../../etc/passwd.csv")),
    _multipart("P-07-long", {200}, Part("X", "a\n1\n", "n" * 300)),
    _multipart("P-08", {422}, Part("X", f"a\n{CANARY}\n", "x.mtx")),
    _multipart("P-09", {422}, Part("X", "")),
    _multipart("P-10", {200}, _ROWS, Part("X", "a\n2\n")),
    _multipart("P-11", {422}, Part("data", f"a\n{CANARY}\n")),
    _multipart("P-12", {200, 413, 422}, Part("X", b"\r\n" + b"n" * 10_000_000)),
    _multipart("P-14", {200}, Part("X", "a\n1\n", "x.csv", "text/csv; charset=nope")),
    _multipart("P-15", {200, 400, 413, 422}, Part("X", "a\n1\n", "n" * 65_536)),
    _multipart("M-19", {422}, Part("X", _MTX, "x.mtx"), Part("X.colnames", "a\n", "n")),
    _multipart("M-20", {200}, Part("X", _MTX, "x.mtx"), Part("sparse_colnames", "q\n", "n")),
)
