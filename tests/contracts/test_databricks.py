"""Databricks Model Serving (rows D01 to D04 of its checklist)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.http_calls import call
from tests.support.mlflow_models import BIN, SPLIT, post, write_multi, write_sum
from tests.support.models import ONE_WORKER, Model
from tests.support.serving import Server, serve

ENDPOINT = "/serving-endpoints/sum/invocations"
OLDER = "/model/sum/1/invocations"
SECRET = "open sesame"
BOTH = pytest.mark.parametrize("path", [ENDPOINT, OLDER])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(write_sum(tmp_path_factory.mktemp("models")), *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve two models by their names, and one that does not load."""
    models = tmp_path_factory.mktemp("models")
    write_sum(models)
    write_multi(models)
    Model({"custom.py": "raise ValueError('at import')\n"}).write(models / "broken")
    with serve(None, "--models", str(models), *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = write_sum(tmp_path_factory.mktemp("models"))
    with serve(directory, "--passphrase", SECRET, *ONE_WORKER) as running:
        yield running


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
        {"instances": [[1, 2], [3, 4]]},
        {"inputs": {"a": [1, 3], "b": [2, 4]}},
        {"inputs": [[1, 2], [3, 4]], "client_request_id": "x", "usage_context": {"a": "b"}},
        {"dataframe_split": SPLIT, "extra_params": {}, "databricks_options": {}},
    ],
)
def test_the_four_forms_are_scored(server: Server, path: str, content: Any) -> None:
    """D01 and D03."""
    reply = post(server, content, path)

    assert reply.status == 200, reply.text
    assert reply.json() == {"predictions": [3.0, 7.0]}
    assert reply.headers["served-model-name"] == "sum-1"
    assert reply.headers["X-Scoring-Contract"] == "databricks"


@pytest.mark.parametrize("media_type", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_the_body_is_json_whatever_its_type_says(server: Server, media_type: str | None) -> None:
    reply = server.post(ENDPOINT, json.dumps({"dataframe_split": SPLIT}), media_type)

    assert reply.json() == {"predictions": [3.0, 7.0]}


def test_csv_is_read_too(server: Server) -> None:
    reply = server.post(ENDPOINT, "a,b\n1,2\n3,4\n", "text/csv")

    assert reply.json() == {"predictions": [3.0, 7.0]}
    assert reply.headers["served-model-name"] == "sum-1"


@pytest.mark.parametrize(
    "path",
    [
        "/serving-endpoints/nobody/invocations",
        "/model/nobody/1/invocations",
        "/model/sum/7/invocations",
        "/serving-endpoints/sum@7/invocations",
        "/serving-endpoints/sum",
        "/serving-endpoints/sum/other",
    ],
)
def test_an_unknown_name_does_not_exist(server: Server, several: Server, path: str) -> None:
    """D02."""
    for one in (server, several):
        reply = post(one, {"dataframe_split": SPLIT}, path)

        assert (reply.status, reply.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert reply.json()["message"]
        assert reply.headers["X-Scoring-Contract"] == "databricks"


@BOTH
@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, "BAD_REQUEST"),
        ("{bad", "BAD_REQUEST"),
        ("", "BAD_REQUEST"),
        ("3", "BAD_REQUEST"),
        ([[1, 2]], "BAD_REQUEST"),
        ({"messages": []}, "BAD_REQUEST"),
        ({"instances": [[1, 2]], "inputs": []}, "BAD_REQUEST"),
        ({"instances": [{"fail": 1}]}, "BAD_REQUEST"),
        ({"instances": [[1]], "params": 3}, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_a_wrong_body_is_refused(server: Server, path: str, content: Any, code: str) -> None:
    reply = post(server, content, path)

    assert (reply.status, reply.json()["error_code"]) == (400, code), reply.text
    assert list(reply.json()) == ["error_code", "message"]


def test_models_are_found_by_their_names(several: Server) -> None:
    rows = {"instances": [[0.1, 0.7, 0.2, 0.0]], "params": {"predict_method": "predict"}}

    multi = post(several, rows, "/serving-endpoints/multi/invocations")
    adding = post(several, {"dataframe_split": SPLIT}, ENDPOINT)

    assert (multi.json(), multi.headers["served-model-name"]) == ({"predictions": ["b"]}, "multi-1")
    assert adding.json() == {"predictions": [3.0, 7.0]}


def test_a_model_that_does_not_load_is_told_as_drum_does(several: Server) -> None:
    reply = post(several, {"instances": [[1]]}, "/serving-endpoints/broken/invocations")

    assert (reply.status, list(reply.json())) == (513, ["message"])


def test_strangers_are_refused_and_bearers_answered(locked: Server) -> None:
    content = {"dataframe_split": SPLIT}

    stranger = post(locked, content, ENDPOINT)
    known = post(locked, content, ENDPOINT, Authorization=f"Bearer {SECRET}")

    assert (stranger.status, stranger.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert known.json() == {"predictions": [3.0, 7.0]}


def test_a_token_is_ignored_where_there_are_no_credentials(server: Server) -> None:
    reply = post(server, {"dataframe_split": SPLIT}, ENDPOINT, Authorization="Bearer dapi123")

    assert reply.status == 200


def test_the_question_of_the_sdk_has_no_answer(server: Server) -> None:
    """D04."""
    reply = server.get("/.well-known/databricks-config")

    assert (reply.status, reply.headers["Content-Type"]) == (404, "application/json")
    assert reply.json()["message"]


@BOTH
def test_only_post_is_answered(server: Server, path: str) -> None:
    reply = call(server.url, "GET", path)

    assert reply.status == 405
    assert "POST" in reply.headers["Allow"]


def test_binary_labels_are_numbers(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = BIN.write(tmp_path_factory.mktemp("models") / "bin")
    rows = {"instances": [[0.9, 0.1]], "params": {"predict_method": "predict"}}
    with serve(directory, *BIN.flags, *ONE_WORKER) as server:
        reply = post(server, rows, "/serving-endpoints/bin/invocations")

    assert reply.json() == {"predictions": [1]}
