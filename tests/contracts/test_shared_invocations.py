"""Whose form an answer has on /invocations and /invocate: that of the contract that keys name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.campaigns import JSON, decisions, instances, post
from tests.support.ecosystem_bodies import CALL, SPEND, SPENDER
from tests.support.http_calls import Reply
from tests.support.serving import Server, serve

MODEL = {"model_id": SPEND, "instances": [SPENDER]}
SECRET = "open sesame"
BOTH = pytest.mark.parametrize("path", ["/invocations", "/invocate"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def server(ecosystem_models: Path, root: Path) -> Iterator[Server]:
    arguments = ("--models", str(ecosystem_models), "--store", str(root))
    with serve(None, *arguments, "--log-sync", "--max-workers", "1") as running:
        yield running


@pytest.fixture(scope="module")
def locked(ecosystem_models: Path) -> Iterator[Server]:
    code_dir = str(ecosystem_models / SPEND)
    with serve(Path(code_dir), "--passphrase", SECRET, "--max-workers", "1") as running:
        yield running


@BOTH
@pytest.mark.parametrize("more", [{}, {"campaign": "x"}, {"in_params": {}}])
def test_model_id_with_instances_wins(
    server: Server, root: Path, path: str, more: dict[str, Any]
) -> None:
    before = len(decisions(root))

    reply = post(server, path, {**MODEL, **more})

    assert reply.status == 200, reply.text
    assert reply.json() == instances(server, SPEND, SPENDER).json()
    assert len(decisions(root)) == before


def test_invocate_takes_it_whatever_its_content_type_says(server: Server) -> None:
    reply = post(server, "/invocate", MODEL, "text/csv")

    assert reply.json() == instances(server, SPEND, SPENDER).json()


@BOTH
@pytest.mark.parametrize("key", ["campaign", "sub-campaign"])
def test_a_campaign_without_model_id_is_decided_whatever_rows_stand_beside_it(
    server: Server, path: str, key: str
) -> None:
    """X19."""
    reply = post(server, path, {**CALL, key: CALL[key], "instances": [SPENDER]})

    decided = post(server, "/invocate", CALL)
    assert (reply.status, reply.headers["X-Scoring-Contract"]) == (200, "ecosystem")
    assert reply.json().keys() == decided.json().keys() > {"uuid", "final_result"}
    assert _scores(reply) == _scores(decided)


def _scores(reply: Reply) -> list[float]:
    return [one["result"]["score"] for one in reply.json()["final_result"]]


@BOTH
def test_an_unknown_model_is_refused(server: Server, root: Path, path: str) -> None:
    before = len(decisions(root))

    reply = post(server, path, {**MODEL, "model_id": "nobody"})

    assert reply.status == 404
    assert "'nobody'" in reply.json()["detail"]
    assert len(decisions(root)) == before


@BOTH
@pytest.mark.parametrize("body", [{"model_id": SPEND}, {"model_id": SPEND, "instances": {}}])
def test_a_model_without_rows_is_refused_in_its_own_form(
    server: Server, path: str, body: dict[str, Any]
) -> None:
    reply = post(server, path, body)

    assert reply.status == 422
    assert "instances" in reply.json()["detail"]


@BOTH
def test_a_decision_that_is_sent_back_is_not_made_again(
    server: Server, root: Path, path: str
) -> None:
    answer = post(server, "/invocate", CALL).json()
    before = len(decisions(root))

    reply = post(server, path, answer)

    assert reply.json() == {"message": "Success"}
    assert len(decisions(root)) == before


@pytest.mark.parametrize("body", ["", "  ", "{broken", '{"campaign": ', "[1, ", '{"model_id": "a"'])
def test_json_that_is_broken_or_empty_is_refused_as_mlflow_does(server: Server, body: str) -> None:
    for content_type in (JSON, "application/vnd.x+json"):
        reply = post(server, "/invocations", body, content_type)

        assert reply.status == 400
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.json()["error_code"] == "BAD_REQUEST"
        assert reply.json()["message"]


@pytest.mark.parametrize("content_type", ["text/csv", None])
def test_an_empty_body_that_is_no_json_is_drums(locked: Server, content_type: str | None) -> None:
    reply = locked.post("/invocations", "", content_type, Authorization=f"Bearer {SECRET}")

    assert (reply.status, list(reply.json())) == (422, ["message"])


@pytest.mark.parametrize("body", ["{broken", "{}", '{"x": 1}'])
def test_who_chooses_ecosystem_is_answered_in_its_form(server: Server, body: str) -> None:
    reply = server.post("/invocations", body, JSON, X_Scoring_Contract="ecosystem")

    assert (reply.status, list(reply.json())) == (422, ["detail"])
    assert reply.headers["X-Scoring-Contract"] == "ecosystem"


@pytest.mark.parametrize(
    "body", [MODEL, CALL, {"model_id": SPEND}, {"uuid": "u", "final_result": []}]
)
def test_a_stranger_is_refused_in_the_form_of_the_keys(
    locked: Server, body: dict[str, Any]
) -> None:
    reply = post(locked, "/invocations", body)

    assert (reply.status, reply.json()) == (401, {"detail": "Unauthorized"})
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("body", ["{broken", "[" + " " * 1_000_000])
def test_a_stranger_whose_keys_name_nobody_is_refused_as_mlflow_would(
    locked: Server, body: str
) -> None:
    """The second body is longer than what is read of strangers."""
    reply = locked.post("/invocations", body, JSON)

    assert (reply.status, reply.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert reply.headers["X-Scoring-Contract"] == "mlflow"


@pytest.mark.parametrize(("choice", "key"), [("sagemaker", "error_code"), ("kserve", "error")])
@pytest.mark.parametrize("n_blanks", [0, 1_000_000])
def test_a_stranger_who_chooses_a_contract_is_refused_in_its_form(
    locked: Server, choice: str, key: str, n_blanks: int
) -> None:
    reply = locked.post("/invocations", "{}" + " " * n_blanks, JSON, X_Scoring_Contract=choice)

    assert (reply.status, key in reply.json()) == (401, True)
    assert reply.headers["X-Scoring-Contract"].startswith(choice)


def test_a_stranger_with_raw_rows_is_refused_as_drum_would(locked: Server) -> None:
    reply = locked.post("/invocations", "a\n1\n", "text/csv")

    assert reply.status == 401
    assert reply.message == "ERROR: 401 Unauthorized: Unauthorized"
