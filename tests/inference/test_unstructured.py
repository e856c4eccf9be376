"""Text or bytes in, text or bytes out."""

from collections.abc import Mapping
from typing import Any

import pytest

from drum_like.errors import CharsetError, PayloadError, TargetError
from drum_like.inference import unstructured
from drum_like.inference.unstructured import HookReply
from drum_like.types.payload import Payload


def run(payload: Payload, returned: object = None) -> tuple[HookReply, object, Mapping[str, Any]]:
    """Return the answer, and what the hook was given."""
    seen: dict[str, Any] = {}

    def hook(model: object, data: object, **kwargs: object) -> object:
        seen.update(model=model, data=data, kwargs=kwargs)
        return returned

    answer = unstructured.run(hook, "model", payload, {"query": {}})
    return answer, seen["data"], seen["kwargs"]


@pytest.mark.parametrize(
    ("mimetype", "charset", "body", "data", "told"),
    [
        ("", None, b"abc", "abc", {"mimetype": "text/plain", "charset": "utf-8"}),
        ("text/csv", "latin-1", b"\xe9", "é", {"mimetype": "text/csv", "charset": "latin-1"}),
        ("application/json", None, b"{}", "{}", {"mimetype": "application/json"}),
        (
            "application/octet-stream",
            None,
            b"\xff",
            b"\xff",
            {"mimetype": "application/octet-stream"},
        ),
        ("TEXT/PLAIN", None, b"a", "a", {"mimetype": "TEXT/PLAIN"}),
        ("image/png", "x", b"a", b"a", {"mimetype": "image/png", "charset": "x"}),
    ],
)
def test_text_types_are_decoded_and_the_rest_is_bytes(
    mimetype: str, charset: str | None, body: bytes, data: object, told: Mapping[str, str]
) -> None:
    _, given, kwargs = run(Payload(body, mimetype, charset, None, mimetype))

    assert given == data
    assert told.items() <= kwargs.items()
    assert kwargs["query"] == {}


@pytest.mark.parametrize(
    ("returned", "body", "media_type", "charset"),
    [
        ("x", b"x", "text/plain", "utf-8"),
        (b"x", b"x", "application/octet-stream", None),
        (None, b"", "text/plain", "utf-8"),
        (("x", {"mimetype": "text/html"}), b"x", "text/html", "utf-8"),
        (("é", {"charset": "latin-1"}), b"\xe9", "text/plain", "latin-1"),
        ((b"x", {"mimetype": "image/png"}), b"x", "image/png", None),
        (("x", None), b"x", "text/plain", "utf-8"),
        (("x", {"mimetype": None}), b"x", None, "utf-8"),
        ((None, {"mimetype": "a/b"}), b"", "a/b", "utf-8"),
    ],
    ids=repr,
)
def test_every_form_of_a_hooks_answer_is_understood(
    returned: object, body: bytes, media_type: str | None, charset: str | None
) -> None:
    answer, _, _ = run(Payload(b""), returned)

    assert (answer.body, answer.media_type, answer.charset) == (body, media_type, charset)


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ({}, "single return value can be of type str/bytes, but received <class 'dict'>"),
        (("a", "b"), "(str/bytes, dict) but received (<class 'str'>, <class 'str'>)"),
        (("a", {}, 1), "must have length = 2, but received length = 3"),
        (("x", {"charset": None}), "encode() argument 'encoding' must be str, not None"),
        (("é", {"charset": "ascii"}), "text that its charset cannot hold"),
        (("x", {"charset": "nope"}), "unknown encoding: nope"),
    ],
)
def test_other_forms_are_refused(returned: object, text: str) -> None:
    with pytest.raises(TargetError) as caught:
        run(Payload(b""), returned)

    assert text in str(caught.value)


def test_bytes_that_are_not_of_the_charset_are_the_callers_fault() -> None:
    with pytest.raises(PayloadError, match="can't decode byte in position 1") as caught:
        run(Payload(b"a\xff", mimetype="text/plain"))

    assert "\\xff" not in str(caught.value)


@pytest.mark.parametrize("charset", ["zzz", "punycode", "hex", "idna", "utf-7", "rot13"])
def test_arbitrary_codecs_are_not_looked_up(charset: str) -> None:
    with pytest.raises(CharsetError):
        run(Payload(b"a", charset=charset, mimetype="text/plain"))
