"""The sample models of ecosystem.ai's page, calls to them, and the log that these leave."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from drum_like.store.ecosystem_entities import Decision, DecisionFilter
from drum_like.store.location import Place
from drum_like.store.store import open_store
from scripts.use_cases.cases import CUSTOMER_PERSONALITY, SPEND_RISK
from scripts.use_cases.training import model_id, train
from tests.support.ecosystem_bodies import CALL
from tests.support.http_calls import Reply
from tests.support.serving import Server

JSON = "application/json"
WAIT_S = 30.0

LABELS = CUSTOMER_PERSONALITY.labels

_SEEN = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    assert isinstance(data["tags"][0], list)
    return pd.DataFrame({"Predictions": [len(tags) + 0.5 for tags in data["tags"]]})
"""
_SEEN_METADATA = "name: tags\ntype: inference\ntargetType: regression\n"


def write_models(root: Path) -> Path:
    """Train the two models of the page, and put a regression beside them whose hook reads lists."""
    train(SPEND_RISK, "xgboost", root / model_id(SPEND_RISK, "xgboost"))
    train(CUSTOMER_PERSONALITY, "lightgbm", root / model_id(CUSTOMER_PERSONALITY, "lightgbm"))
    tags = root / "tags"
    tags.mkdir()
    (tags / "custom.py").write_text(_SEEN, encoding="utf-8")
    (tags / "model-metadata.yaml").write_text(_SEEN_METADATA, encoding="utf-8")
    return root


def post(server: Server, path: str, content: Any, content_type: str | None = JSON) -> Reply:
    """POST a body as JSON; bytes and text as they are."""
    body = content if isinstance(content, str | bytes) else orjson.dumps(content)
    return server.post(path, body, content_type)


def instances(server: Server, model: str, *rows: Any) -> Reply:
    """Ask a model for predictions of rows."""
    return post(server, "/invocations", {"model_id": model, "instances": list(rows)})


def invoke(server: Server, path: str = "/invocate", **changes: Any) -> dict[str, Any]:
    """Send the call of the page with some fields changed; return the answer."""
    reply = post(server, path, {**CALL, **changes})
    assert reply.status == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def decisions(place: Path | Place, wanted: DecisionFilter | None = None) -> list[Decision]:
    """Return the decisions of a store, the first ones first."""
    where = Place(place) if isinstance(place, Path) else place
    with closing(open_store(where)) as store:
        return store.decisions.next(wanted or DecisionFilter(), 1_000_000)


def decision(root: Path, uuid: str) -> Decision:
    """Return the decision of a call, as soon as it is there."""
    return decision_that(root, uuid, lambda _: True)


def decision_that(root: Path, uuid: str, holds: Callable[[Decision], bool]) -> Decision:
    """Return the decision of a call, as soon as something is true of it."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = decisions(root, DecisionFilter(uuid=uuid))
        if found and holds(found[0]):
            return found[0]
        assert time.monotonic() < deadline, f"not so in time: {found}"
        time.sleep(0.02)
