"""A runtime of ecosystem.ai: /invocate, what was accepted, and the log of both."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

from drum_like.store.ecosystem_entities import Decision
from tests.support.campaigns import (
    LABELS,
    WAIT_S,
    decision,
    decision_that,
    decisions,
    instances,
    invoke,
    post,
)
from tests.support.ecosystem_bodies import CALL, CUSTOMER, PERSONALITY, SPEND
from tests.support.http_calls import call
from tests.support.models import REG
from tests.support.serving import Server, run, serve, stop

NAMES, VALUES = CALL["in_params"]["input"], CALL["in_params"]["value"]
TWO_WORKERS = ("--max-workers", "2")
MOST: dict[str, Any] = {"responses": 3}


@dataclass(frozen=True, slots=True)
class Logged:
    """A server and the directory of its store."""

    server: Server
    root: Path

    def presented(self, uuid: str) -> dict[str, Any]:
        """Return the document of a call's decision as presented."""
        return dict(decision(self.root, uuid).presented.document)

    def accepted(self, uuid: str, *, automatic: bool = False) -> dict[str, Any]:
        """Return the document of its acceptance, once that is automatic or not, as asked."""
        found = decision_that(self.root, uuid, lambda one: _is(one, automatic=automatic)).accepted
        assert found is not None
        return dict(found.document)


def _is(one: Decision, *, automatic: bool) -> bool:
    return one.accepted is not None and one.accepted.is_automatic is automatic


@pytest.fixture(scope="module")
def alone(ecosystem_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """A server of one model that makes the store of its user."""
    state = tmp_path_factory.mktemp("state")
    env = {"XDG_STATE_HOME": str(state)}
    flags = ("--max-workers", "1", "--max-body-mb", "1")
    with serve(ecosystem_models / PERSONALITY, *flags, env=env) as server:
        assert list(state.iterdir()) == []
        yield Logged(server, state / "drum-like" / "store")


@pytest.fixture(scope="module")
def logged(ecosystem_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    root = tmp_path_factory.mktemp("store")
    flags = ("--models", str(ecosystem_models), "--store", str(root), *TWO_WORKERS)
    with serve(None, *flags) as server:
        yield Logged(server, root)


@pytest.fixture(scope="module")
def strict(ecosystem_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """A server with a table, that takes nothing for accepted and keeps secrets."""
    root = tmp_path_factory.mktemp("store")
    table = root.with_name("campaigns.json")
    entries = [
        {"campaign": "winter", "sub_campaign": "a", "model_id": SPEND},
        {"campaign": "winter", "model_id": PERSONALITY},
    ]
    table.write_text(json.dumps(entries), encoding="utf-8")
    flags = ("--decision-log", "response", "--redact", "customer,INCOME_BAND", "--log-sync")
    with serve(
        *(None, "--models", str(ecosystem_models), "--store", str(root), "--campaigns", str(table)),
        *flags,
        *TWO_WORKERS,
    ) as server:
        yield Logged(server, root)


@pytest.mark.parametrize("path", ["/invocate", "/invocations"])
def test_a_call_is_answered_with_the_best_result(logged: Logged, path: str) -> None:
    answer = invoke(logged.server, path)

    assert list(answer) == [
        *("cache", "datetime", "explore", "final_result", "id", "uuid", "in_params")
    ]
    (best,) = answer["final_result"]
    assert (answer["cache"], answer["explore"], best["rank"]) == (0, 0, 1)
    assert (answer["id"], answer["in_params"]) == (CALL["campaign"], CALL["in_params"])
    assert best["result"]["offer"] == best["result"]["offer_name"] == "Industrious"
    assert best["result"]["uuid"] == answer["uuid"] == best["result_full"]["uuid"]
    assert best["result"].items() <= best["result_full"].items()
    assert best["result_full"]["offer_name_desc"] == "Industrious - 0"
    assert sum(best["result_full"]["offer_details"].values()) == pytest.approx(1)
    assert re.search(r"\.000\d{3}(Z|[+-]\d\d:\d\d)$", answer["datetime"])


def test_a_call_leaves_a_presented_and_an_accepted_row(logged: Logged) -> None:
    answer = invoke(logged.server)
    uuid = answer["uuid"]

    presented, accepted = logged.presented(uuid), logged.accepted(uuid, automatic=True)

    assert presented["final_result"] == answer["final_result"]
    assert presented["in_params"] == answer["in_params"]
    params = presented["api_params"]
    assert (params["subcampaign"], params["channel"], params["resultcount"]) == (
        "lightgbm",
        "web",
        1,
    )
    assert presented["stats"]["error"] == 0
    assert presented["stats"]["model"] == PERSONALITY
    assert accepted["response"]["offers_accepted"] == [answer["final_result"][0]["result"]]
    assert accepted["auto"] is True
    assert [one.presented.uuid for one in decisions(logged.root)].count(uuid) == 1


def test_the_dates_of_a_row_agree(logged: Logged) -> None:
    document = logged.presented(invoke(logged.server)["uuid"])

    year, month, day, hour, minute = re.findall(r"\d+", document["date_log"]["$date"])[:5]
    assert document["date_index"] == int(year + month)
    assert document["day_index"] == int(day)
    assert (document["hour_index"], document["minute_index"]) == (int(hour), int(minute))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"responses": 3}, id="responses"),
        pytest.param({"responses": "3"}, id="text"),
        pytest.param({"responses": None, "numberoffers": "3"}, id="numberoffers"),
        pytest.param({"sub-campaign": None, "subcampaign": "lightgbm", **MOST}, id="subcampaign"),
        pytest.param({"in_params": None, "params": CALL["in_params"], **MOST}, id="params"),
    ],
)
def test_results_are_ranked(logged: Logged, fields: dict[str, Any]) -> None:
    results = invoke(logged.server, **fields)["final_result"]

    scores = [entry["result"]["score"] for entry in results]
    assert [entry["rank"] for entry in results] == [1, 2, 3]
    assert scores == sorted(scores, reverse=True)
    assert len({entry["result"]["offer"] for entry in results}) == 3


def test_there_are_no_more_results_than_labels(logged: Logged) -> None:
    results = invoke(logged.server, responses=99)["final_result"]

    assert {entry["result"]["offer"] for entry in results} == set(LABELS)
    assert len(results) == 4


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(json.dumps, id="json"),
        pytest.param(lambda tree: quote(json.dumps(tree)), id="percent-encoded"),
        pytest.param(lambda tree: json.dumps(json.dumps(tree)), id="quoted-and-escaped"),
        pytest.param(lambda tree: quote(json.dumps(json.dumps(tree))), id="both"),
    ],
)
def test_in_params_may_be_text(logged: Logged, encode: Any) -> None:
    answer = invoke(logged.server, in_params=encode(CALL["in_params"]))

    assert answer["in_params"] == CALL["in_params"]
    assert answer["final_result"][0]["result"]["offer"] == "Industrious"


def test_a_flat_answer_has_one_level(logged: Logged) -> None:
    params = {**CALL["in_params"], "flatten_json": True}

    answer = invoke(logged.server, in_params=params)

    assert answer["final_result_0_rank"] == 1
    assert answer["final_result_0_result_offer"] == "Industrious"
    assert answer["in_params_flatten_json"] is True
    assert not any(isinstance(value, dict | list) for value in answer.values())
    assert logged.presented(answer["uuid"])["final_result"][0]["rank"] == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({**CALL, "in_params": "{nope"}, id="in_params-no-json"),
        pytest.param({**CALL, "in_params": "[1]"}, id="in_params-a-list"),
        pytest.param({**CALL, "in_params": 7}, id="in_params-a-number"),
        pytest.param('{"in_params":' * 70 + "1" + "}" * 70, id="too-deep"),
        pytest.param({**CALL, "responses": 0}, id="no-results"),
        pytest.param({**CALL, "responses": "many"}, id="results-in-words"),
        pytest.param({**CALL, "campaign": ["x"]}, id="campaign-a-list"),
        pytest.param("{broken", id="no-json"),
        pytest.param("[1, 2]", id="a-list"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_cannot_be_read_is_told_and_not_logged(strict: Logged, body: Any) -> None:
    before = len(decisions(strict.root))

    reply = post(strict.server, "/invocate", body)

    assert (reply.status, list(reply.json())) == (200, ["ErrorMessage"])
    assert len(decisions(strict.root)) == before


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"campaign": "unheard"}, "no model is known", id="campaign"),
        pytest.param(
            {"in_params": {"input": ["a"], "value": []}}, "1 names in `input` but 0", id="lengths"
        ),
        pytest.param(
            {"in_params": {"input": ["region"], "value": ["moon"]}}, "a category", id="category"
        ),
    ],
)
def test_a_call_that_fails_is_logged_as_failed(
    logged: Logged, fields: dict[str, Any], told: str
) -> None:
    answer = invoke(logged.server, **fields)

    assert told in answer["ErrorMessage"]
    assert (answer["error"], answer["final_result"]) == (1, [])
    found = decision(logged.root, answer["uuid"])
    assert found.presented.document["stats"]["error"] == 1
    assert found.accepted is None


def test_an_empty_body_has_defaults(alone: Logged) -> None:
    answer = post(alone.server, "/invocate", {}).json()

    params = alone.presented(answer["uuid"])["api_params"]
    assert (answer["id"], len(answer["final_result"])) == (PERSONALITY, 1)
    assert (params["channel"], params["userid"], params["customer"]) == ("api", "api", "none")


def test_the_only_model_decides_for_all_campaigns(alone: Logged) -> None:
    assert "error" not in invoke(alone.server, campaign="whatever")


def test_a_directory_served_alone_has_its_own_name(alone: Logged) -> None:
    assert instances(alone.server, PERSONALITY, CUSTOMER).status == 200
    assert instances(alone.server, "another", CUSTOMER).status == 404
    assert alone.server.csv("a\n1\n", "/invocations").status == 422


@pytest.mark.parametrize("path", ["/invocate", "/response", "/responseResult"])
def test_a_body_over_the_limit_is_413(alone: Logged, path: str) -> None:
    reply = post(alone.server, path, {**CALL, "customer": "c" * (1 << 20)})

    assert (reply.status, list(reply.json())) == (413, ["detail"])


def test_what_was_accepted_replaces_what_was_taken_for_it(logged: Logged) -> None:
    uuid = invoke(logged.server, **MOST)["uuid"]
    body = {"uuid": uuid, "offers_accepted": [{"offer_name": "Intentional"}], "channel_name": "app"}

    reply = post(logged.server, "/response", body)

    accepted = logged.accepted(uuid)
    (offer,) = accepted["response"]["offers_accepted"]
    assert reply.json() == {"message": "Success"}
    assert accepted["response"]["channel_name"] == "app"
    assert offer["offer"] == "Intentional"
    assert 0 < offer["score"] < 1
    assert len([d for d in decisions(logged.root) if d.presented.uuid == uuid]) == 1


@pytest.mark.parametrize("path", ["/response", "/invocations"])
def test_a_whole_answer_accepts_all_its_results(logged: Logged, path: str) -> None:
    answer = invoke(logged.server, **MOST)

    reply = post(logged.server, path, answer)

    accepted = logged.accepted(answer["uuid"])
    assert reply.json() == {"message": "Success"}
    assert accepted["response"]["offers_accepted"] == [
        entry["result"] for entry in answer["final_result"]
    ]


def test_names_alone_are_offers_too(logged: Logged) -> None:
    uuid = invoke(logged.server)["uuid"]

    post(logged.server, "/response", {"uuid": uuid, "offers_accepted": ["other"], "channel": "c"})

    response = logged.accepted(uuid)["response"]
    assert (response["offers_accepted"], response["channel_name"]) == (
        [{"offer_name": "other"}],
        "c",
    )


def test_an_unknown_decision_is_not_accepted(logged: Logged) -> None:
    body = {"uuid": str(uuid4()), "offers_accepted": []}

    assert post(logged.server, "/response", body).json() == {"message": "Success"}
    assert post(logged.server, "/responseResult", body).json() == {
        "message": "Error: UUID not found."
    }
    assert list(post(logged.server, "/response", {}).json()) == ["ErrorMessage"]
    assert body["uuid"] not in {one.presented.uuid for one in decisions(logged.root)}


def test_a_known_decision_is_told(logged: Logged) -> None:
    uuid = invoke(logged.server)["uuid"]

    reply = post(logged.server, "/responseResult", {"uuid": uuid, "offers_accepted": []})

    assert reply.json() == {"message": uuid}
    assert logged.accepted(uuid)["response"]["offers_accepted"] == []


def test_the_older_form_says_the_same_in_the_query(logged: Logged) -> None:
    query = {
        "campaign": CALL["campaign"],
        "subcampaign": "lightgbm",
        "customer": "c7",
        "numberoffers": "2",
        "params": json.dumps(CALL["in_params"]),
    }
    answer = logged.server.get(f"/offerRecommendations?{urlencode(query)}").json()
    document = json.dumps({"uuid": answer["uuid"], "offers_accepted": ["Intentional"]})

    path = f"/offerRecommendations?{urlencode({'document': document})}"
    told = call(logged.server.url, "PUT", path, headers={})

    assert len(answer["final_result"]) == 2
    assert logged.presented(answer["uuid"])["params"] == {"key": "customer", "value": "c7"}
    assert told.json() == {"message": "Success"}
    (offer,) = logged.accepted(answer["uuid"])["response"]["offers_accepted"]
    assert offer["offer"] == "Intentional"


def test_probes_of_the_runtime_are_answered(logged: Logged, tmp_path: Path) -> None:
    broken = REG.plus(custom_py="raise ValueError").write(tmp_path / "broken")
    with serve(broken, *REG.flags, "--with-error-server", "--max-workers", "1") as down:
        reply = down.get("/actuator/health")

    assert logged.server.get("/actuator/health").json() == {"status": "UP"}
    assert (reply.status, reply.json()) == (503, {"status": "DOWN"})


def test_pings_with_a_message_are_answered_with_it(logged: Logged) -> None:
    server = logged.server

    assert server.get("/ping?message=abc").json() == {"message": "Ping successful", "pong": "abc"}
    assert server.get("/ping/").json() == {"message": "OK"}
    assert server.get("/refresh").json() == {"message": "Success"}
    assert list(server.get("/invocate").json()) == ["detail"]


def test_calls_at_once_have_a_row_each(logged: Logged) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(invoke, logged.server, channel="at-once") for _ in range(200)]
    known = {answer.result()["uuid"] for answer in answers}

    rows = _at_once(logged)
    deadline = time.monotonic() + WAIT_S
    while sum(_is(one, automatic=True) for one in rows) < 200 and time.monotonic() < deadline:
        time.sleep(0.05)
        rows = _at_once(logged)
    assert len(known) == 200
    assert sorted(one.presented.uuid for one in rows) == sorted(known)
    assert all(_is(one, automatic=True) for one in rows)


def _at_once(logged: Logged) -> list[Decision]:
    return [
        one
        for one in decisions(logged.root)
        if one.presented.document["api_params"]["channel"] == "at-once"
    ]


def test_a_table_says_which_model_decides(strict: Logged) -> None:
    spend = invoke(strict.server, campaign="winter", **{"sub-campaign": "a"}, in_params={})
    other = invoke(strict.server, campaign="winter", **{"sub-campaign": "b"})
    unknown = invoke(strict.server)

    assert spend["final_result"][0]["result"]["offer"] in ("0", "1")
    assert other["final_result"][0]["result"]["offer"] == "Industrious"
    assert (unknown["error"], unknown["final_result"]) == (1, [])
    assert "no model is known" in unknown["ErrorMessage"]


def test_only_what_somebody_accepts_is_accepted(strict: Logged) -> None:
    answer = invoke(strict.server, campaign="winter")

    before = decision(strict.root, answer["uuid"]).accepted
    post(strict.server, "/response", answer)

    assert before is None
    assert strict.accepted(answer["uuid"])["response"]["offers_accepted"]


@pytest.mark.parametrize("page", [{"Origin": "https://evil"}, {"Sec-Fetch-Site": "cross-site"}])
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_page_of_another_site_records_no_acceptance(
    strict: Logged, page: dict[str, str], kind: str
) -> None:
    answer = invoke(strict.server)
    said = json.dumps({"uuid": answer["uuid"], "offers_accepted": ["x"]})
    query = f"/offerRecommendations?document={quote(said)}"
    paths = ("/response", "/responseResult", "/invocate", "/invocations")
    headers = {"Content-Type": kind, **page}

    replies = [
        *(call(strict.server.url, "POST", path, body=said, headers=headers) for path in paths),
        call(strict.server.url, "PUT", query, headers=headers),
    ]

    before = decision(strict.root, answer["uuid"]).accepted
    assert [reply.status for reply in replies] == [403] * 5
    assert all("web page" in reply.json()["detail"] for reply in replies)
    assert before is None
    own = {"Content-Type": kind, "Origin": strict.server.url, "Sec-Fetch-Site": "same-origin"}
    assert call(strict.server.url, "POST", "/response", body=said, headers=own).status == 200
    assert strict.accepted(answer["uuid"])["response"]["offers_accepted"]


def test_secrets_are_masked_in_both_rows_and_not_in_the_answer(strict: Logged) -> None:
    answer = invoke(strict.server, campaign="winter", customer="c-4711")

    said = {**answer["final_result"][0]["result"], "customer": "c-4711"}
    post(
        strict.server,
        "/response",
        {"uuid": answer["uuid"], "offers_accepted": [{**said, "offer_id": 1, "offer_name": "x"}]},
    )

    presented, accepted = strict.presented(answer["uuid"]), strict.accepted(answer["uuid"])
    masked = ["***" if name == "income_band" else v for name, v in zip(NAMES, VALUES, strict=True)]
    assert answer["in_params"]["value"] == VALUES
    assert presented["in_params"]["value"] == masked
    assert accepted["response"]["in_params"]["value"] == masked
    assert presented["params"]["value"] == "***"
    assert "4711" not in json.dumps([presented, accepted])


def test_a_log_that_cannot_be_written_changes_no_answer(
    ecosystem_models: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory", encoding="utf-8")

    with serve(
        ecosystem_models / PERSONALITY, "--max-workers", "1", env={"XDG_STATE_HOME": str(blocked)}
    ) as server:
        answer = invoke(server)
        status = stop(server.process)
        log = server.log()

    assert answer["final_result"][0]["result"]["offer"] == "Industrious"
    assert status == 0
    assert "they wait in memory" in log
    assert "lost 1 decisions, 1 in all" in log


def test_the_first_decision_makes_the_store_of_the_user(alone: Logged) -> None:
    uuid = invoke(alone.server)["uuid"]

    accepted = alone.accepted(uuid, automatic=True)
    shown = run("log", "--json", "--uuid", uuid, env={"XDG_STATE_HOME": str(alone.root.parents[1])})
    (line,) = map(json.loads, shown.stdout.splitlines())
    assert line["presented"]["uuid"] == uuid
    assert line["accepted"] == {**accepted, "response_log": line["presented"]}


def test_nothing_is_logged_where_nobody_wants_it(ecosystem_models: Path, tmp_path: Path) -> None:
    flags = ("--store", str(tmp_path), "--decision-log", "off", "--max-workers", "1")
    with serve(ecosystem_models / PERSONALITY, *flags) as server:
        uuid = invoke(server)["uuid"]
        told = post(server, "/responseResult", {"uuid": uuid, "offers_accepted": []}).json()

    assert told == {"message": "Error: UUID not found."}
    assert decisions(tmp_path) == []
