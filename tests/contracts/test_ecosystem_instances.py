"""A model server of ecosystem.ai: `model_id` and `instances` on /invocations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.campaigns import JSON, LABELS, instances, post
from tests.support.ecosystem_bodies import CUSTOMER, PERSONALITY, SPEND, SPENDER
from tests.support.serving import Server, serve

FORM = "application/x-www-form-urlencoded"
BODY = {"model_id": SPEND, "instances": [SPENDER]}


@pytest.fixture(scope="module")
def server(ecosystem_models: Path) -> Iterator[Server]:
    with serve(None, "--models", str(ecosystem_models), "--max-workers", "2") as running:
        yield running


def usual_body() -> str:
    return (
        '{"model_id": "spend_risk_xgboost_v1", "instances": [{"amount_sum": 24500, '
        '"amount_mean": 322, "amount_std": 215, "declined_count": 4, '
        '"is_high_risk_categories": ["gambling"]}]}'
    )


def predictions(server: Server, model: str, *rows: Any) -> list[dict[str, Any]]:
    reply = instances(server, model, *rows)
    assert reply.status == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["predictions"]
    return found


def test_a_binary_model_answers_as_the_page_shows(server: Server) -> None:
    answer = instances(server, SPEND, SPENDER).json()

    (prediction,) = answer.pop("predictions")
    assert answer == {"model_id": SPEND, "framework": "xgboost"}
    assert set(prediction) == {"label", "probability"}
    assert type(prediction["label"]) is int
    assert prediction["label"] == (prediction["probability"] >= 0.5)
    assert 0 < prediction["probability"] < 1


def test_a_multiclass_model_answers_as_the_page_shows(server: Server) -> None:
    answer = instances(server, PERSONALITY, CUSTOMER).json()

    (prediction,) = answer["predictions"]
    chances = prediction["probabilities"]
    assert answer["framework"] == "lightgbm"
    assert set(chances) == set(LABELS)
    assert list(chances.values()) == sorted(chances.values(), reverse=True)
    assert prediction["label"] == next(iter(chances))
    assert sum(chances.values()) == pytest.approx(1, abs=1e-6)


def test_predictions_are_those_of_predict(server: Server) -> None:
    header = "amount_sum,amount_mean,amount_std,declined_count,is_high_risk_categories\n"
    row = {**SPENDER, "is_high_risk_categories": 1}

    (expected,) = server.csv(f"{header}24500,322,215,4,1\n", f"/models/{SPEND}/predict/").json()[
        "predictions"
    ]

    assert predictions(server, SPEND, row)[0]["probability"] == expected["1"]
    assert predictions(server, SPEND, SPENDER) == predictions(server, SPEND, row)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({n: CUSTOMER[n] for n in list(CUSTOMER)[:5]}, id="fields-left-out"),
        pytest.param({**CUSTOMER, "dependents": None, "gender": None}, id="nulls"),
        pytest.param({**CUSTOMER, "dependents": "2"}, id="a-number-as-text"),
        pytest.param({}, id="nothing"),
    ],
)
def test_rows_may_leave_values_out(server: Server, row: dict[str, Any]) -> None:
    (found,) = predictions(server, PERSONALITY, row)

    assert set(found["probabilities"]) == set(LABELS)


def test_fields_left_out_are_missing_values(server: Server) -> None:
    less = {n: v for n, v in SPENDER.items() if n != "amount_std"}

    assert predictions(server, SPEND, less) == predictions(
        server, SPEND, {**SPENDER, "amount_std": None}
    )


@pytest.mark.parametrize(
    "row",
    ['{"amount_sum": 1, "amount_sum": 2}', '{"amount_sum" : 1, "note": "a:b", "amount_sum":2}'],
)
def test_a_name_given_twice_is_refused(server: Server, row: str) -> None:
    """Parsers keep the last one; in CSV the first one counts."""
    body = f'{{"model_id": "{SPEND}", "instances": [{row}]}}'

    reply = server.post("/invocations", body, JSON)

    assert reply.status == 422, reply.text
    assert "more than once" in reply.text


def test_colons_in_text_are_no_keys(server: Server) -> None:
    row = {"note": 'a":"b', "at": "12:30", "more": {"x:": [{"y": ":"}]}}

    assert predictions(server, SPEND, SPENDER | row) == predictions(server, SPEND, SPENDER)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({**SPENDER, "unheard_of": "x"}, id="one-more-field"),
        pytest.param(dict(reversed(SPENDER.items())), id="another-order"),
    ],
)
def test_names_decide_not_places(server: Server, row: dict[str, Any]) -> None:
    assert predictions(server, SPEND, row) == predictions(server, SPEND, SPENDER)


def test_many_rows_are_answered_in_order(server: Server) -> None:
    other = {**SPENDER, "amount_sum": 10, "declined_count": 0}

    both = predictions(server, SPEND, SPENDER, other)

    assert both == [*predictions(server, SPEND, SPENDER), *predictions(server, SPEND, other)]
    assert both[0] != both[1]
    assert len(predictions(server, SPEND, *[SPENDER] * 1000)) == 1000
    assert predictions(server, SPEND) == []


def test_a_hook_sees_lists_and_a_regression_has_one_key(server: Server) -> None:
    assert predictions(server, "tags", {"tags": ["a", "b"]}) == [{"prediction": 2.5}]
    assert instances(server, "tags", {"tags": []}).json()["framework"] == "custom"


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        pytest.param("application/json; charset=utf-8", {}, id="with-a-charset"),
        pytest.param("Application/JSON", {}, id="upper-case"),
        pytest.param(FORM, {}, id="bare-curl"),
        pytest.param("text/plain", {}, id="text"),
        pytest.param("application/octet-stream", {}, id="bytes"),
        pytest.param(None, {}, id="no-type"),
        pytest.param(JSON, {"Accept": "text/csv"}, id="accept-csv"),
        pytest.param(JSON, {"Accept": "text/html,*/*;q=0.8"}, id="accept-of-a-browser"),
    ],
)
def test_headers_change_nothing(
    server: Server, content_type: str | None, headers: dict[str, str]
) -> None:
    usual = post(server, "/invocations", BODY)

    reply = server.post(
        "/invocations",
        usual_body(),
        content_type,
        **{name.replace("-", "_"): value for name, value in headers.items()},
    )

    assert (reply.status, reply.body) == (200, usual.body)
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        pytest.param({"model_id": "none", "instances": []}, 404, "'none' not found", id="unknown"),
        pytest.param({"model_id": 7, "instances": []}, 422, "must be text", id="no-name"),
        pytest.param({"model_id": SPEND, "instances": {}}, 422, "a list of objects", id="object"),
        pytest.param({"model_id": SPEND, "instances": [1]}, 422, "number 0", id="a-number"),
        pytest.param(
            {"model_id": SPEND, "instances": [{**SPENDER, "amount_sum": "much"}]},
            422,
            "'amount_sum' holds text in row 0",
            id="text-for-a-number",
        ),
        pytest.param(
            {"model_id": SPEND, "instances": [{**SPENDER, "amount_sum": {"a": 1}}]},
            422,
            "'amount_sum' holds an object in row 0",
            id="object-for-a-number",
        ),
        pytest.param(
            {"model_id": SPEND, "instances": [{"sum": 1}]},
            422,
            "no field of the rows is a column of the model",
            id="nothing-of-the-model",
        ),
        pytest.param(
            {"model_id": PERSONALITY, "instances": [{**CUSTOMER, "region": "moon"}]},
            422,
            "'region' holds in row 0 (counted from 0) a category",
            id="unseen-category",
        ),
        pytest.param({"model_id": "tags", "instances": [{}]}, 422, "name no field", id="no-fields"),
        pytest.param({"model_id": "tags", "instances": [{"tags": 1}]}, 500, "", id="hook-fails"),
    ],
)
def test_errors_are_details(server: Server, body: Any, status: int, text: str) -> None:
    reply = post(server, "/invocations", body)

    assert reply.status == status, reply.text
    assert list(reply.json()) == ["detail"]
    assert text in reply.json()["detail"]
    assert "moon" not in reply.text


def test_a_body_for_drum_or_for_nobody_is_not_ecosystems(server: Server) -> None:
    body, path = usual_body(), "/invocations"

    for_drum = server.post(path, body, JSON, X_Scoring_Contract="drum")
    of_nobody = post(server, path, {"foo": 1})

    assert for_drum.headers["X-Scoring-Contract"] == "drum"
    assert (of_nobody.status, of_nobody.headers["X-Scoring-Contract"]) == (400, "mlflow")


@pytest.mark.parametrize("choice", ["ecosystem", "Auto"])
def test_answers_tell_whose_they_are(server: Server, choice: str) -> None:
    good = server.post("/invocations", usual_body(), JSON, X_Scoring_Contract=choice)
    bad = post(server, "/invocations", {"model_id": "none", "instances": []})

    assert (good.status, good.headers["X-Scoring-Contract"]) == (200, "ecosystem")
    assert (bad.status, bad.headers["X-Scoring-Contract"]) == (404, "ecosystem")


@pytest.mark.parametrize(
    ("choice", "body", "status"),
    [
        pytest.param("nonsense", usual_body(), 400, id="no-contract"),
        pytest.param("ecosystem", '{"foo": 1}', 422, id="not-of-the-contract"),
        pytest.param("ecosystem", "a,b\n1,2\n", 422, id="raw"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(
    server: Server, choice: str, body: str, status: int
) -> None:
    reply = server.post("/invocations", body, JSON, X_Scoring_Contract=choice)

    assert reply.status == status
    assert choice not in reply.text or choice == "ecosystem"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"campaign": "spend_risk", "sub-campaign": "xgboost"}, id="campaign"),
        pytest.param({"sub-campaign": "x", "in_params": {}}, id="no-campaign"),
        pytest.param({"campaign": "x", "instances": [SPENDER]}, id="campaign-and-rows"),
        pytest.param({"in_params": {"input": [], "value": []}}, id="features"),
    ],
)
def test_bodies_without_a_model_are_for_the_runtime(server: Server, body: Any) -> None:
    answer = post(server, "/invocations", body)

    assert answer.status == 200
    assert {"uuid", "final_result"} <= answer.json().keys()
