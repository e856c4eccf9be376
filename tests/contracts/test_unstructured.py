"""/predictUnstructured/ (rows U-01 to U-22; U-23 is a load failure)."""

from typing import Any

import pytest

from tests.support.http_calls import Part, form
from tests.support.serving import Server

PATH = "/predictUnstructured/"
PLAIN = "text/plain; charset=utf-8"


def test_bytes_that_begin_like_json_are_bytes(unstructured: Server) -> None:
    body = b"{" + b"\x01[" * 200

    said = seen(unstructured, body, "application/octet-stream")

    assert (said["type"], said["data"]) == ("bytes", body.decode("latin-1"))


def seen(server: Server, body: bytes, content_type: str | None, query: str = "") -> Any:
    reply = server.post(PATH + query, body, content_type)
    assert reply.status == 200, reply.text
    return reply.json()


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        pytest.param(None, b"abc", ("str", "abc", "text/plain", "utf-8"), id="U-01"),
        pytest.param(
            "text/csv; charset=latin-1", b"\xe9", ("str", "é", "text/csv", "latin-1"), id="U-02"
        ),
        pytest.param(
            "application/json", b"{}", ("str", "{}", "application/json", "utf-8"), id="U-03"
        ),
        pytest.param(
            "application/octet-stream",
            b"\xff",
            ("bytes", "ÿ", "application/octet-stream", None),
            id="U-04-octets",
        ),
        pytest.param("image/png", b"\xff", ("bytes", "ÿ", "image/png", None), id="U-04-image"),
        pytest.param(
            "application/problem+json",
            b"{}",
            ("bytes", "{}", "application/problem+json", None),
            id="U-05",
        ),
        pytest.param(None, b"", ("str", "", "text/plain", "utf-8"), id="U-07"),
        pytest.param(
            "application/x-www-form-urlencoded",
            b"a=1",
            ("bytes", "a=1", "application/x-www-form-urlencoded", None),
            id="U-05-form",
        ),
    ],
)
def test_what_the_hook_is_given(
    unstructured: Server,
    content_type: str | None,
    body: bytes,
    expected: tuple[str, str, str, str | None],
) -> None:
    said = seen(unstructured, body, content_type)

    assert (said["type"], said["data"], said["mimetype"], said["charset"]) == expected
    assert {"mimetype", "query", "headers"} <= set(said["names"])
    assert ("charset" in said["names"]) == (expected[3] is not None)


def test_media_types_are_case_insensitive(unstructured: Server) -> None:
    """U-05 by difference D11."""
    assert seen(unstructured, b"abc", "TEXT/PLAIN")["type"] == "str"


def test_a_form_is_handed_over_whole(unstructured: Server) -> None:
    """U-06."""
    body, content_type = form(Part("X", "a\n1\n"))

    said = seen(unstructured, body, content_type)

    assert (said["type"], said["data"]) == ("bytes", body.decode())
    assert said["mimetype"] == "multipart/form-data"


def test_undecodable_text_is_refused(unstructured: Server) -> None:
    """U-08 by difference D2."""
    reply = unstructured.post(PATH, b"4711\xff", "text/plain")

    assert reply.status == 422
    assert reply.message.startswith("ERROR: ")
    assert "4711" not in reply.text


@pytest.mark.parametrize("charset", ["zzz", "punycode", "zlib", "utf-7"])
def test_a_charset_off_the_list_is_refused(unstructured: Server, charset: str) -> None:
    """U-09 by the rule on charsets."""
    reply = unstructured.post(PATH, b"abc", f"text/plain; charset={charset}")

    assert reply.status == 415
    assert reply.message.startswith("ERROR: ")


def test_the_query_keeps_repeated_and_blank_values(unstructured: Server) -> None:
    """U-10."""
    said = seen(unstructured, b"x", None, "?a=1&a=2&b=")

    assert said["a"] == "1"
    assert said["all"] == {"a": ["1", "2"], "b": [""]}


def test_header_names_are_title_cased(unstructured: Server) -> None:
    """U-11."""
    headers = unstructured.post(PATH, b"x", None, x_lower="1").json()["headers"]

    assert headers["X-Lower"] == "1"


@pytest.mark.parametrize(
    ("returned", "body", "content_type"),
    [
        pytest.param("text", b"x", PLAIN, id="U-12"),
        pytest.param("bytes", b"x", "application/octet-stream", id="U-13"),
        pytest.param("none", b"", PLAIN, id="U-14"),
        pytest.param("html", b"x", "text/html; charset=utf-8", id="U-15"),
        pytest.param("latin", b"\xe9", "text/plain; charset=latin-1", id="U-16"),
        pytest.param("png", b"x", "image/png", id="U-17"),
        pytest.param("no-dict", b"x", PLAIN, id="U-18-none"),
        pytest.param("empty-dict", b"x", PLAIN, id="U-18-empty"),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/predictionsUnstructured/"], ids=["", "U-22"])
def test_what_the_caller_gets(
    unstructured: Server, path: str, returned: str, body: bytes, content_type: str
) -> None:
    reply = unstructured.post(f"{path}?form={returned}", b"abc")

    assert (reply.status, reply.body) == (200, body)
    assert reply.headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        pytest.param(
            "dict",
            "single return value can be of type str/bytes, but received <class 'dict'>",
            id="U-19",
        ),
        pytest.param(
            "two-texts",
            "tuple return value must be of type (str/bytes, dict) but received "
            "(<class 'str'>, <class 'str'>)",
            id="U-20",
        ),
        pytest.param(
            "three",
            "predictions of type tuple must have length = 2, but received length = 3",
            id="U-21",
        ),
    ],
)
def test_results_of_another_form(unstructured: Server, returned: str, text: str) -> None:
    reply = unstructured.post(f"{PATH}?form={returned}", b"abc")

    expected = {"message": f"ERROR: In unstructured mode {text}"}
    assert (reply.status, reply.json()) == (500, expected)
