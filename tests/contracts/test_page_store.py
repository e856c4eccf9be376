"""The page of a server with a store: uploads, versions, aliases, decisions, by scopes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.campaigns import decision, invoke
from tests.support.credentials import write_credentials
from tests.support.ecosystem_bodies import CALL
from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

CANCER = Path(__file__).parents[2] / "model_templates" / "xgboost_binary"
MODEL = (CANCER / "model.ubj").read_bytes()
QUERY = "file=model.ubj&target_type=binary&labels=benign,malignant"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("page")
    scopes = {"watcher": "observe", "asker": "predict, observe", "boss": "observe, admin"}
    path = write_credentials(root, scopes)
    flags = ("--store", str(root / "store"), "--credentials", str(path))
    with serve(None, *flags, *ONE_WORKER) as running:
        yield running


def asked(
    server: Server, method: str, path: str, body: bytes = b"", who: str = "boss", **more: str
) -> Reply:
    headers = {"Authorization": f"Bearer key-{who}", **more}
    return call(server.url, method, f"/ui/api/{path}", body=body, headers=headers)


def uploaded(server: Server, name: str, body: bytes = MODEL, who: str = "boss") -> Reply:
    kind = {"Content-Type": "application/octet-stream"}
    return asked(server, "PUT", f"models/{name}?{QUERY}", body, who, **kind)


def promoted(server: Server, name: str, body: object, who: str = "boss") -> Reply:
    kind = {"Content-Type": "application/json"}
    text = json.dumps(body).encode()
    return asked(server, "PUT", f"models/{name}/aliases/live", text, who, **kind)


def test_a_model_is_uploaded_promoted_and_rolled_back(server: Server) -> None:
    made = [uploaded(server, "cancer").json() for _ in range(2)]
    promoted(server, "cancer", {"version": 2})
    before = asked(server, "GET", "models").json()["models"]
    back = promoted(server, "cancer", {"version": 1})
    served = asked(server, "GET", "model?model=cancer").json()

    assert made == [{"name": "cancer", "version": 1}, {"name": "cancer", "version": 2}]
    (cancer,) = [one for one in before if one["name"] == "cancer"]
    assert cancer["aliases"] == {"live": 2}
    assert [(v["number"], v["status"]) for v in cancer["versions"]] == [(2, "ready"), (1, "ready")]
    assert back.json() == {"name": "cancer", "alias": "live", "version": 1}
    assert served["version"] == "1"


def test_a_file_that_is_no_model_is_refused_with_the_reason(server: Server) -> None:
    reply = uploaded(server, "none", b"no model")

    assert reply.status == 400
    assert reply.json()["message"]
    assert all(one["name"] != "none" for one in asked(server, "GET", "models").json()["models"])


@pytest.mark.parametrize("body", [[], {}, {"version": "1"}, {"version": True}])
def test_a_promotion_names_a_version(server: Server, body: object) -> None:
    assert promoted(server, "cancer", body).status == 422


def test_what_is_not_there_is_not_promoted(server: Server) -> None:
    assert promoted(server, "unknown", {"version": 1}).status == 404


@pytest.mark.parametrize("who", ["watcher", "asker", "nobody"])
def test_only_administrators_change_models(server: Server, who: str) -> None:
    expected = 401 if who == "nobody" else 403

    assert uploaded(server, "theirs", who=who).status == expected
    assert promoted(server, "cancer", {"version": 1}, who).status == expected


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_pages_of_others_change_nothing(server: Server, headers: dict[str, str]) -> None:
    kind = {"Content-Type": "application/json", **headers}
    reply = asked(server, "PUT", "models/cancer/aliases/live", b'{"version": 1}', **kind)

    assert reply.status == 403


def test_a_reader_is_told_its_scopes(server: Server) -> None:
    predicts = asked(server, "GET", "may/predict", who="asker").json()

    assert (predicts["name"], predicts["scopes"]) == ("asker", ["observe", "predict", "probe"])
    assert asked(server, "GET", "may/predict", who="watcher").status == 403
    assert asked(server, "GET", "may/observe", who="watcher").json()["scopes"] == [
        "observe",
        "probe",
    ]


@pytest.mark.parametrize("query", ["", "?campaign=x&uuid=y", "?since=2024-01-15T12:00:00Z"])
def test_decisions_are_listed(server: Server, query: str) -> None:
    assert asked(server, "GET", f"decisions{query}").json() == {"decisions": []}


def test_a_decision_is_shown_to_those_who_ask_for_it(
    ecosystem_models: Path, tmp_path: Path
) -> None:
    flags = ("--models", str(ecosystem_models), "--store", str(tmp_path), *ONE_WORKER)
    with serve(None, *flags) as server:
        uuid = str(invoke(server)["uuid"])
        decision(tmp_path, uuid)
        queries = ("", f"&campaign={CALL['campaign']}", "&campaign=other", "&until=2020-01-01")
        paths = (f"/ui/api/decisions?uuid={uuid}{query}" for query in queries)
        found = [server.get(path).json()["decisions"] for path in paths]

    assert [len(one) for one in found] == [1, 1, 0, 0]
    assert (found[0][0]["uuid"], found[0][0]["campaign"]) == (uuid, CALL["campaign"])


def test_a_filter_that_is_no_time_is_refused(server: Server) -> None:
    assert asked(server, "GET", "decisions?since=yesterday").status == 422
