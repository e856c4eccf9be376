"""Fields of the objects that Wallaroo's callers send: read, or refused with their names."""

from collections.abc import Callable
from typing import Any

import pytest

from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.errors import PayloadError

READERS: dict[str, tuple[Callable[[JsonObject, str], Any], bytes, Any]] = {
    "integer": (JsonObject.integer, b"-7", -7),
    "integer of 64 bits": (JsonObject.integer, b"9223372036854775807", 2**63 - 1),
    "integer as text": (JsonObject.integer_or_text, b'"42"', 42),
    "integer or text": (JsonObject.integer_or_text, b"42", 42),
    "text": (JsonObject.text, b'""', ""),
    "flag": (JsonObject.flag, b"true", True),
    "number": (JsonObject.optional_number, b"0.5", 0.5),
    "whole number": (JsonObject.optional_number, b"3", 3.0),
    "integers": (JsonObject.optional_integers, b"[1, -2]", (1, -2)),
    "texts": (JsonObject.optional_texts, b'["a", ""]', ("a", "")),
}

WRONG = {
    "text for an integer": (JsonObject.integer, b'"7"', "`x` must be an integer, not text"),
    "boolean for an integer": (JsonObject.integer, b"true", "not true or false"),
    "float for an integer": (JsonObject.integer, b"1.0", "must be an integer, not a number"),
    "65 bits": (JsonObject.integer, b"9223372036854775808", "an integer of 64 bits"),
    "65 bits in a list": (JsonObject.optional_integers, b"[9223372036854775808]", "64 bits"),
    "letters for an integer": (JsonObject.integer_or_text, b'"1e3"', "`x` must be an integer"),
    "null for text": (JsonObject.text, b"null", "missing field `x`"),
    "number for text": (JsonObject.text, b"1.5", "must be text, not a number"),
    "text for a boolean": (JsonObject.flag, b'"true"', "must be true or false, not text"),
    "boolean for a number": (JsonObject.optional_number, b"false", "must be a number, not true"),
    "list for an object": (JsonObject.optional_object, b"[]", "must be an object, not a list"),
    "text for texts": (JsonObject.optional_texts, b'"a"', "must be a list of text, not text"),
    "null in texts": (JsonObject.optional_texts, b'["a", null]', "a list of text, without null"),
    "text in integers": (JsonObject.optional_integers, b'["1"]', "integers, without text"),
    "integer in objects": (JsonObject.objects, b"[{}, 1]", "objects, without an integer"),
}


def sent(value: bytes) -> JsonObject:
    return JsonObject.parse(b'{"x": ' + value + b"}")


@pytest.mark.parametrize("case", READERS)
def test_a_field_is_read_as_its_kind(case: str) -> None:
    read, value, expected = READERS[case]

    found = read(sent(value), "x")

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("case", WRONG)
def test_a_field_of_another_kind_is_refused_by_its_name(case: str) -> None:
    read, value, said = WRONG[case]

    with pytest.raises(PayloadError, match="field `x`") as refused:
        read(sent(value), "x")

    assert said in str(refused.value)


def test_null_is_the_same_as_left_out() -> None:
    null, without = sent(b"null"), JsonObject({})

    for one in (null, without):
        assert one.optional_integer("x") is None
        assert one.optional_number("x") is None
        assert one.optional_text("x") is None
        assert one.optional_object("x") is None
        assert one.optional_texts("x") is None
        assert one.optional_integers("x") is None
        assert one.objects("x") == ()
        assert one.flag("x") is False
    assert (null.has("x"), without.has("x")) == (True, False)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"{", "not JSON", id="broken"),
        pytest.param(b"[1]", "a JSON object, not a list", id="list"),
        pytest.param(b'{"x": "\\u0000"}', "NUL", id="nul"),
    ],
)
def test_a_body_that_is_no_object_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        JsonObject.parse(body)
