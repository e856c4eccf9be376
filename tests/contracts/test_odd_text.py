"""Names and values of JSON that are no text, or hardly: refused in each contract's form."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from drum_like.codecs.json.text import loads
from drum_like.errors import PayloadError
from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER, REG
from tests.support.serving import Server, serve

HALVES = (b'"\\ud800"', b'"\\uDFFFx"', b'"\\udc00\\ud800"', b'"\\ud83d \\ude00"', b'"\xed\xa0\x80"')
WHOLES = (
    b'"\\ud83d\\ude00"',
    b'"\\\\ud800"',
    b'"\xf0\x9f\x98\x80"',
    b'"\\u0000"',
    b'"\\\\\\u00e9"',
)

# The hook gives cells back as predictions, which have to be numbers.
CELL, FIELD = (
    '{"fields": ["a"], "rows": [[VALUE]]}',
    '{"model_id": "m", "instances": [{"a": VALUE}]}',
)
SCORE = '{"fields": [NAME], "rows": [[1.5]]}'
BODIES: Mapping[str, tuple[str, int]] = {
    SCORE: ("/model/score", 400),
    CELL: ("/model/score", 400),
    '{"fields": ["a"], "rows": [["1.5"]], "idField": VALUE}': ("/model/score", 400),
    '{"fields": ["a"], "rows": [["1.5"]], NAME: 1}': ("/model/score", 400),
    '{"model_id": "m", "instances": [{"a": 1.5, NAME: 1}]}': ("/invocations", 422),
    FIELD: ("/invocate", 422),
    '{"model_id": VALUE, "instances": [{"a": 1.5}]}': ("/invocate", 422),
    '{"campaign": "m", "in_params": {"input": [NAME], "value": [1]}}': ("/invocate", 200),
    '{"campaign": VALUE, "in_params": {NAME: VALUE}}': ("/invocate", 200),
    '{"uuid": VALUE, "offers_accepted": [VALUE]}': ("/response", 200),
    '{"uuid": VALUE}': ("/responseResult", 200),
}
"""Bodies, each with its route and the status of the refusal in its contract."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("odd")
    flags = (*REG.flags, *ONE_WORKER, "--store", str(root / "store"))
    with serve(REG.write(root / "m"), *flags) as running:
        yield running


def post(server: Server, body: str, text: bytes) -> Reply:
    path, _ = BODIES[body]
    sent = body.encode().replace(b"NAME", text).replace(b"VALUE", text)
    return server.post(path, sent, "application/json")


@pytest.mark.parametrize("text", HALVES)
@pytest.mark.parametrize("body", BODIES)
def test_half_characters_are_refused(server: Server, body: str, text: bytes) -> None:
    reply = post(server, body, text)

    assert reply.status == BODIES[body][1]
    assert "surrogate" in reply.text
    assert reply.status != 200 or "ErrorMessage" in reply.json()
    assert server.csv("a\n1.5\n").json() == {"predictions": [1.5]}


@pytest.mark.parametrize("text", [*WHOLES, b'"' + b"n" * 100_000 + b'"'])
@pytest.mark.parametrize("body", sorted(BODIES.keys() - {CELL, FIELD}))
def test_odd_names_are_no_error_of_ours(server: Server, body: str, text: bytes) -> None:
    assert post(server, body, text).status < 500


def test_a_request_of_nothing_but_an_id_is_refused(server: Server) -> None:
    """Its rows have no cell to score."""
    body = '{"fields": ["a"], "rows": [["1"], ["2"]], "idField": "a"}'

    reply = server.post("/model/score", body, "application/json")

    assert reply.status == 400
    assert "idField" in reply.text


@pytest.mark.parametrize("text", HALVES)
def test_json_with_half_characters_is_refused(text: bytes) -> None:
    for body in (text, b'{"a": [1, %b]}' % text, b'{"a": NaN, %b: 2}' % text):
        with pytest.raises(PayloadError, match="surrogate"):
            loads(body)
        assert loads(body, half_characters=True) == json.loads(body) or b"NaN" in body


@pytest.mark.parametrize("text", WHOLES)
def test_json_with_whole_characters_is_read(text: bytes) -> None:
    content: Any = loads(b'{"nan": NaN, "text": %b}' % text)

    assert content["text"] == json.loads(text)
