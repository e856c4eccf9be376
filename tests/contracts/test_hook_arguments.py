"""Arguments of hooks: bytes, media type, charset, labels (rows Q-17 to Q-19, Q-27 to Q-29)."""

import json
from typing import Any

import pytest

from tests.support.http_calls import Part, Reply, form
from tests.support.models import ONE_WORKER, READER, served
from tests.support.serving import Server

ROWS = "a\n1\n2\n"

reader = served(READER, *ONE_WORKER)


def seen(reply: Reply) -> Any:
    assert reply.status == 200, reply.text
    return json.loads(reply.json()["predictions"][0])


@pytest.mark.parametrize(
    ("body", "content_type", "data"),
    [
        pytest.param(b'{"a": 1}', "application/json", repr(b'{"a": 1}'), id="Q-17"),
        pytest.param(b"\xff\x00", "application/octet-stream", repr(b"\xff\x00"), id="Q-17-bytes"),
        pytest.param(b"list", "text/csv", "[1, 2]", id="Q-18-list"),
        pytest.param(b"none", "text/csv", "None", id="Q-18-none"),
    ],
)
def test_a_read_hook_gets_the_bytes_and_hands_on_anything(
    reader: Server, body: bytes, content_type: str, data: str
) -> None:
    reply = reader.post("/predict/", body, content_type)

    assert (reply.status, reply.json()) == (200, {"predictions": [data]})


@pytest.mark.parametrize(
    ("body", "choice", "contract"),
    [
        pytest.param('{"foo": 1}', "auto", "drum", id="of-nobody"),
        pytest.param('{"campaign": "x"}', "drum", "drum", id="chosen"),
        pytest.param('{"campaign": "x"}', "auto", "ecosystem", id="of-another-contract"),
    ],
)
def test_a_read_hook_gets_the_json_that_no_other_contract_claims(
    reader: Server, body: str, choice: str, contract: str
) -> None:
    reply = reader.post("/invocations", body, "application/json", X_Scoring_Contract=choice)

    assert reply.headers["X-Scoring-Contract"] == contract
    read = reply.json().get("predictions") == [repr(body.encode())]
    assert read == (contract == "drum")


def test_a_failing_read_hook(reader: Server) -> None:
    """Q-19."""
    reply = reader.csv("raise")

    expected = (
        "ERROR: Model 'read_input_data' hook failed to read input data. Exception: ValueError('x')"
    )
    assert (reply.status, reply.json()) == (500, {"message": expected})


def test_what_a_score_hook_is_told_of_a_raw_body(echo: Server) -> None:
    """Q-27, with a charset that is on the list."""
    said = seen(echo.post("/predict/", ROWS, "text/csv; charset=Latin-1"))

    assert said["kwargs"] == {
        "binary_data": repr(ROWS.encode()),
        "charset": "'Latin-1'",
        "mimetype": "'text/csv'",
        "sparse_colnames": "None",
        "target_type": said["kwargs"]["target_type"],
    }
    assert "TEXT_GENERATION" in said["kwargs"]["target_type"]


def test_an_unknown_charset_is_refused(echo: Server) -> None:
    """Q-27 by the rule on charsets."""
    assert echo.post("/predict/", ROWS, "text/csv; charset=Foo").status == 415


def test_a_form_has_no_media_type_for_the_hook(echo: Server) -> None:
    """Q-28."""
    assert seen(echo.post("/predict/", *form(Part("X", ROWS))))["kwargs"]["mimetype"] == "None"


@pytest.mark.parametrize(
    ("fixture", "labels"),
    [
        ("binary", {"positive_class_label": "yes", "negative_class_label": "no"}),
        ("multiclass", {"class_labels": ["A", "B", "C"]}),
        ("multilabel", {"class_labels": ["A", "B", "C"]}),
    ],
)
def test_classification_hooks_get_the_labels(
    request: pytest.FixtureRequest, fixture: str, labels: dict[str, Any]
) -> None:
    """Q-29."""
    server: Server = request.getfixturevalue(fixture)

    extra = server.csv("echo\n1\n").json()["extraModelOutput"]

    said = json.loads(extra["data"][0][0])
    said.pop("target_type")
    assert said == labels
