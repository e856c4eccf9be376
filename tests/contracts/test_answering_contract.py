"""The contract that answers: told in every answer, chosen by callers and by the operator."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_calls import call
from tests.support.models import READER, REG
from tests.support.serving import Server, serve, start_failure

JSON = "application/json"
HEADER = "X-Scoring-Contract"
ENVELOPE = '{"model_id": "nobody", "instances": [{"a": 1}]}'
SECRET = "open sesame"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = REG.write(tmp_path_factory.mktemp("model"))
    with serve(directory, *REG.flags, "--model-name", "m", "--max-workers", "1") as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = REG.write(tmp_path_factory.mktemp("model"))
    with serve(directory, *REG.flags, "--passphrase", SECRET, "--max-workers", "1") as running:
        yield running


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a model that reads bodies itself, with DRUM's contract for all who choose none."""
    directory = READER.write(tmp_path_factory.mktemp("model"))
    flags = ("--invocations-contract", "DRUM", "--max-workers", "1")
    with serve(directory, *READER.flags, *flags, env=READER.env) as running:
        yield running


@pytest.mark.parametrize(
    ("asked", "body", "status", "contract"),
    [
        ("GET /", None, 200, "kserve_v1"),
        ("GET /ping", None, 200, "drum"),
        ("GET /ping?message=a", None, 200, "ecosystem"),
        ("GET /info/", None, 200, "drum"),
        ("POST /predict/", "a\n1\n", 200, "drum"),
        ("POST /predict/", "", 422, "drum"),
        ("GET /predict/", None, 405, None),
        ("POST /invocations", "a\n1\n", 200, "drum"),
        ("POST /invocations", ENVELOPE, 404, "ecosystem"),
        ("GET /invocate", None, 405, "ecosystem"),
        ("POST /invocate", "{", 200, "ecosystem"),
        ("POST /model/score", "{}", 400, "h2o"),
        ("GET /model/other", None, 404, "h2o"),
        ("GET /v1/models", None, 200, "kserve_v1"),
        ("GET /readyz", None, 200, "probes"),
        ("GET /v2", None, 200, "open_inference"),
        ("GET /v2/nothing", None, 404, "open_inference"),
        ("GET /nowhere", None, 404, None),
    ],
)
def test_each_answer_tells_its_contract(
    server: Server, asked: str, body: str | None, status: int, contract: str | None
) -> None:
    method, path = asked.split()
    kind = JSON if body is not None and body.startswith("{") else "text/csv"

    reply = call(server.url, method, path, body=body, headers={"Content-Type": kind})

    assert (reply.status, reply.headers.get_all(HEADER)) == (status, contract and [contract])


TENSOR = {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [3]}]}
ROW = {"instances": [{"a": 3}]}
DOORS: dict[str, tuple[str, Any, str]] = {
    "drum": ("/predict/", ROW, "drum"),
    "mlflow": ("/invocations", {"inputs": [{"a": 3}]}, "mlflow"),
    "v2-shared": ("/invocations", TENSOR, "open_inference"),
    "sagemaker": ("/invocations", [[3]], "sagemaker"),
    "boto3": ("/endpoints/any/invocations", [[3]], "sagemaker"),
    "vertex": ("/v1/endpoints/1/deployedModels/2:predict", ROW, "vertex"),
    "kserve": ("/v1/models/m:predict", ROW, "kserve_v1"),
    "v2": ("/v2/models/m/infer", TENSOR, "open_inference"),
    "azure": ("/score", {"data": [{"a": 3}]}, "azureml"),
    "databricks": ("/serving-endpoints/m/invocations", ROW, "databricks"),
    "ecosystem": ("/invocations", {"model_id": "m", **ROW}, "ecosystem"),
    "runtime": ("/invocate", {"in_params": {"input": ["a"], "value": [3]}}, "ecosystem"),
    "h2o": ("/model/score", {"fields": ["a"], "rows": [["3"]]}, "h2o"),
}
"""A path, a body for one row, and the contract that answers."""


@pytest.mark.parametrize("door", DOORS)
def test_json_comes_without_a_charset(server: Server, door: str) -> None:
    """X26 of the shared route, and X21: answers and refusals of all contracts."""
    path, content, contract = DOORS[door]

    good = server.post(path, json.dumps(content), JSON)
    bad = server.post(path, "{", JSON)

    assert (good.status, good.headers[HEADER]) == (200, contract), good.text
    assert "3.0" in good.text
    assert [reply.headers["Content-Type"] for reply in (good, bad)] == [JSON, JSON]
    assert door == "runtime" or bad.status in (400, 422, 424), bad.text
    assert bad.json()


@pytest.mark.parametrize(
    ("path", "body", "contract"),
    [
        ("/predict/", "a\n1\n", "drum"),
        ("/invocations", ENVELOPE, "ecosystem"),
        ("/model/score", "{}", "h2o"),
    ],
)
def test_so_do_refusals_of_strangers(locked: Server, path: str, body: str, contract: str) -> None:
    reply = locked.post(path, body, JSON)

    assert (reply.status, reply.headers[HEADER]) == (401, contract)


def test_an_unknown_choice_is_refused_with_the_known_ones(server: Server) -> None:
    reply = server.post("/invocations", "a\n1\n", "text/csv", X_Scoring_Contract="nonsense")

    assert reply.status == 400
    assert reply.message.startswith(f"ERROR: {HEADER} must be one of auto, ")
    assert ", drum, ecosystem" in reply.message


def test_who_chooses_drums_contract_sends_rows_whatever_stands_beside_them(server: Server) -> None:
    reply = server.post("/invocations", ENVELOPE, JSON, X_Scoring_Contract="drum")

    assert (reply.json(), reply.headers[HEADER]) == ({"predictions": [1.0]}, "drum")


@pytest.mark.parametrize("body", [ENVELOPE, "{broken", "3"])
def test_the_operator_chooses_for_all_who_do_not(pure: Server, body: str) -> None:
    reply = pure.post("/invocations", body, JSON)

    assert (reply.status, reply.headers[HEADER]) == (200, "drum"), reply.text


@pytest.mark.parametrize("choice", ["ecosystem", "auto"])
def test_the_caller_chooses_before_the_operator(pure: Server, choice: str) -> None:
    reply = pure.post("/invocations", ENVELOPE, JSON, X_Scoring_Contract=choice)

    assert (reply.status, reply.headers[HEADER]) == (404, "ecosystem")


def test_a_contract_that_is_left_out_answers_nothing(tmp_path: Path) -> None:
    flags = (*REG.flags, "--contracts", "probes,drum", "--max-workers", "1")
    with serve(REG.write(tmp_path), *flags) as server:
        envelope = server.post("/invocations", ENVELOPE, JSON)
        chosen = server.post("/invocations", ENVELOPE, JSON, X_Scoring_Contract="ecosystem")
        scorer = server.post("/model/score", "{}", JSON)

    assert (envelope.status, envelope.headers[HEADER]) == (200, "drum")
    assert (chosen.status, chosen.message[-12:]) == (400, "f auto, drum")
    assert scorer.status == 404


@pytest.mark.parametrize("name", ["nonsense", "h2o"])
def test_a_contract_that_cannot_answer_invocations_ends_the_start(
    tmp_path: Path, name: str
) -> None:
    flags = (*REG.flags, "--invocations-contract", name, "--contracts", "probes,drum,h2o")

    done = start_failure(REG.write(tmp_path), *flags)

    assert done.returncode == 1
    assert f"no contract '{name}' of this server answers /invocations" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("data", "status", "contract"),
    [
        ({"dataframe_records": [{"a": 3}]}, 200, "mlflow"),
        (json.loads(ENVELOPE), 404, "ecosystem"),
        ([[3]], 200, "sagemaker"),
        ("rows", 400, "mlflow"),
        ({"foo": 1}, 400, "mlflow"),
    ],
)
@pytest.mark.parametrize("media_type", [JSON, "application/cloudevents+json"])
def test_an_event_is_for_the_contract_of_its_data(
    server: Server, media_type: str, data: Any, status: int, contract: str
) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "here", "type": "rows", "data": data}

    reply = server.post("/invocations", json.dumps(event), media_type)

    assert (reply.status, reply.headers[HEADER]) == (status, contract), reply.text
    assert status != 200 or reply.json() == {"predictions": [3.0]}


def test_an_event_names_each_key_once(server: Server) -> None:
    event = '{"specversion": "1.0", "id": "1", "id": "2", "data": {"instances": [[3]]}}'

    reply = server.post("/invocations", event, JSON)

    assert (reply.status, reply.headers[HEADER]) == (400, "mlflow")
    assert "more than once" in reply.text


@pytest.mark.parametrize(
    ("accept", "media_type", "body"),
    [
        ("text/csv", "text/csv", "1.0\n3.0\n"),
        ("application/jsonlines", "application/jsonlines", "1.0\n3.0\n"),
        ("*/*", JSON, '{"predictions":[1.0,3.0]}'),
        ("text/csv;q=0.5, application/json", JSON, '{"predictions":[1.0,3.0]}'),
        ("text/html,*/*;q=0.8", JSON, '{"predictions":[1.0,3.0]}'),
    ],
)
def test_raw_rows_are_answered_in_the_form_that_accept_names(
    server: Server, accept: str, media_type: str, body: str
) -> None:
    reply = server.post("/invocations", "a\n1\n3\n", "text/csv", Accept=accept)

    assert (reply.headers["Content-Type"], reply.text) == (media_type, body)


def test_drums_own_routes_answer_csv_as_json(server: Server) -> None:
    reply = server.post("/predict/", "a\n1\n3\n", "text/csv", Accept="text/csv")

    assert reply.json() == {"predictions": [1.0, 3.0]}
