"""JSON of too many rows is refused before it takes memory; digits take it where they must."""

import tracemalloc
from collections.abc import Callable

import pytest

from drum_like.codecs.json import forms
from drum_like.codecs.json.document import loads_exactly
from drum_like.contracts.h2o.score_request import parse_score_request
from drum_like.errors import SizeError
from drum_like.types.cells import Literal, to_exact
from drum_like.types.payload import Limits, Payload

LIMITS = Limits(rows=1000, columns=10)
MANY = 100_000


def _scored(body: bytes) -> object:
    return parse_score_request(b'{"fields":["a"],"rows":' + body + b"}", LIMITS)


READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "objects": (lambda body: forms.decode(Payload(body, limits=LIMITS)), b"{}"),
    "lists": (lambda body: forms.decode(Payload(body, limits=LIMITS)), b"[]"),
    "scores": (_scored, b"[]"),
}


@pytest.mark.parametrize("name", READERS)
def test_too_many_rows_are_refused_before_they_take_memory(name: str) -> None:
    decode, row = READERS[name]
    body = b"[" + b",".join([row] * MANY) + b"]"
    tracemalloc.start()
    try:
        with pytest.raises(SizeError, match="max-rows"):
            decode(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * len(body)


def test_too_many_lines_are_refused_before_they_take_memory() -> None:
    with pytest.raises(SizeError, match="max-rows"):
        forms.decode_lines(Payload(b'{"a":1}\n' * MANY, limits=LIMITS))


def test_brackets_in_text_are_no_rows() -> None:
    body = b'[{"a":"' + b"[{" * MANY + b'"}]'

    assert forms.decode(Payload(body, limits=LIMITS)).n_rows == 1


def test_only_fractions_that_are_written_in_another_way_keep_their_text() -> None:
    usual, long, exponent = loads_exactly(b"[1.5, 1.50, 1e5]")

    assert type(usual) is float
    assert (str(usual), str(long), str(exponent)) == ("1.5", "1.50", "1e5")


@pytest.mark.parametrize("digits", ["9.007199254740993e+17", "1e+23", "9007199254740994.0"])
def test_a_fraction_that_python_writes_alike_keeps_its_digits(digits: str) -> None:
    (number,) = loads_exactly(f"[{digits}]".encode())

    assert to_exact(number) == to_exact(digits)


def test_a_number_with_its_text_takes_no_dictionary() -> None:
    assert not hasattr(Literal("1.50"), "__dict__")
