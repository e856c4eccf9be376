"""The calls that ecosystem.ai documents, and its own Python client, against a real server."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.ecosystem_bodies import CALL, CUSTOMER, PERSONALITY, SPEND, SPENDER
from tests.support.serving import Server, run, serve

pytest.importorskip("runtime", reason="make clients installs it")

import requests
from runtime import access
from runtime.apis import predictor_engine, runtime_engine

ROOT = Path(__file__).parents[2]
LABELS = {"Industrious", "Intentional", "Experiential", "Enthusiastic"}


@dataclass(frozen=True, slots=True)
class Runtime:
    """A server with the two models of the page, and the vendor's login to it.

    Attributes:
        server: The server.
        login: What the vendor's functions take first.
        store: Where decisions are kept.
    """

    server: Server
    login: Any
    store: Path

    def post(self, path: str, content: Any) -> requests.Response:
        """POST JSON as the pages do."""
        return requests.post(f"{self.server.url}{path}", json=content, timeout=60)

    def logged(self, uuid: str) -> dict[str, Any]:
        """Return the decision of a call."""
        done = run("log", "--store", self.store, "--uuid", uuid, "--json")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    models, store = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("store")
    trainer = [os.environ["SERVER_PYTHON"], "scripts/train_use_cases.py", str(models)]
    subprocess.run(trainer, check=True, capture_output=True, cwd=ROOT)
    flags = ("--models", str(models), "--store", str(store), "--log-sync", "--max-workers", "1")
    with serve(None, *flags) as server:
        yield Runtime(server, access.Authenticate(server.url), store)


@pytest.mark.parametrize("path", ["/invocations", "/invocate"])
def test_instances_are_scored(runtime: Runtime, path: str) -> None:
    spender = runtime.post(path, {"model_id": SPEND, "instances": [SPENDER]}).json()
    customer = runtime.post(path, {"model_id": PERSONALITY, "instances": [CUSTOMER]}).json()

    assert (spender["model_id"], spender["framework"]) == (SPEND, "xgboost")
    assert spender["predictions"][0].keys() == {"label", "probability"}
    assert (customer["model_id"], customer["framework"]) == (PERSONALITY, "lightgbm")
    assert customer["predictions"][0]["probabilities"].keys() == LABELS


@pytest.mark.parametrize("path", ["/invocations", "/invocate"])
def test_a_campaign_is_decided_and_logged(runtime: Runtime, path: str) -> None:
    answer = runtime.post(path, CALL).json()

    best = answer["final_result"][0]["result"]["offer"]
    assert best in LABELS
    assert answer["id"] == "customer_personality"
    assert runtime.logged(answer["uuid"])["presented"]["type"] == "presented"


def test_the_login_pings(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    access.Authenticate(runtime.server.url)

    assert "Login Successful" in capsys.readouterr().out
    assert runtime_engine.ping(runtime.login, "abc") == {
        "message": "Ping successful",
        "pong": "abc",
    }


def test_the_vendors_client_decides_and_responds(runtime: Runtime) -> None:
    answer = predictor_engine.invocations(runtime.login, CALL)
    taken = {"uuid": answer["uuid"], "offers_accepted": [answer["final_result"][0]["result"]]}

    said = predictor_engine.response(runtime.login, taken)

    assert said == {"message": "Success"}
    accepted = runtime.logged(answer["uuid"])["accepted"]
    assert accepted["response"]["offers_accepted"] == taken["offers_accepted"]


def test_the_vendors_client_asks_for_offers_and_puts_them(runtime: Runtime) -> None:
    named = {"campaign": "customer_personality", "subcampaign": "lightgbm", "channel": "web"}
    who = {"customer": "c1", "userid": "ann", "headers": ""}

    answer = predictor_engine.get_offer_recommendations(
        runtime.login, **named, **who, numberoffers=3, params=json.dumps(CALL["in_params"])
    )
    document = json.dumps({"uuid": answer["uuid"], "offers_accepted": answer["final_result"]})
    said = predictor_engine.put_offer_recommendations(runtime.login, document, "")

    assert [one["rank"] for one in answer["final_result"]] == [1, 2, 3]
    assert said == {"message": "Success"}


def test_the_vendors_client_refreshes(runtime: Runtime) -> None:
    assert predictor_engine.refresh(runtime.login) == {"message": "Success"}
