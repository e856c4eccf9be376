"""Many clients change the same models at once, over two workers: nobody gets an error of ours."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drum_like.store.location import Place
from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.support.http_calls import Reply
from tests.support.serving import serve
from tests.support.stores import DATABASES, place_on
from tests.support.wallaroo_api import Api, sums

CLIENTS = 8
SECONDS = scaled(5, 60)
NAMES = ("m", "n")
MAY_BE = {200, 202, 400, 404, 409}
"""Of what another client has removed there is no more; what is deployed is not removed."""


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


def test_changes_at_once_are_answered(place: Place, tell: Tell) -> None:
    found: Counter[tuple[str, int]] = Counter()
    database = () if place.url is None else ("--database-url", place.url)
    with serve(None, "--store", str(place.root), *database, "--max-workers", "2") as server:
        api = Api(server)
        version = api.stored("m")
        api.stored("calm")
        until = time.monotonic() + SECONDS

        def change(seed: int) -> None:
            chance = random.Random(seed)
            while time.monotonic() < until:
                name, ask = chance.choice(list(CHANGES.items()))
                found[name, ask(api, chance).status] += 1

        clients = [threading.Thread(target=change, args=(seed,)) for seed in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        calm = api.infer("calm-0/calm", [{"x": [1, 2, 3]}])

    assert version
    assert {status for _, status in found} <= MAY_BE, found
    assert {name for name, status in found if status in (200, 202)} == CHANGES.keys()
    assert calm.json()[0]["out.variable"] == [6.0]
    tell(f"{found.total()} requests of {CLIENTS} clients in {SECONDS} s, none above 499")


def _row(api: Api, chance: random.Random) -> dict[str, Any]:
    """Return a version that is there now, perhaps; else one that is not."""
    nobody = {"id": 1 << 40, "model_version": "none", "model_id": "none", "sha": ""}
    return chance.choice(api.rows(chance.choice(NAMES)) or [nobody])


def _upload(api: Api, chance: random.Random) -> Reply:
    return api.upload(api.metadata(chance.choice(NAMES)), sums())


def _convert(api: Api, chance: random.Random) -> Reply:
    return api.upload(api.metadata(chance.choice(NAMES)), sums(), route="upload_and_convert")


def _delete(api: Api, chance: random.Random) -> Reply:
    uuids = [_row(api, chance)["model_version"]]
    content = {"model_versions": uuids, "confirm_delete": True}
    return api.post("models/delete_model_versions", content)


def _delete_all(api: Api, chance: random.Random) -> Reply:
    content = {"model_id": chance.choice(NAMES), "workspace_id": 1, "confirm_delete": True}
    return api.post("models/delete_model", content)


def _name(api: Api, chance: random.Random) -> Reply:
    row = _row(api, chance)
    content = {"model_id": row["model_id"], "workspace_id": 1, "alias": "live"}
    return api.post("models/set_alias", content | {"model_version": row["model_version"]})


def _configure(api: Api, chance: random.Random) -> Reply:
    content = {"model_version_id": _row(api, chance)["id"], "filter_threshold": 0.5}
    return api.post("models/insert_model_config", content)


def _deploy(api: Api, chance: random.Random) -> Reply:
    row = _row(api, chance)
    model = {"name": row["model_id"], "version": row["model_version"], "sha": row["sha"]}
    steps = [{"ModelInference": {"models": [model]}}]
    content = {"pipeline_id": "p", "workspace_id": 1, "definition": {"id": "p", "steps": steps}}
    made = api.got("pipelines/create", **content)["pipeline_variant_pk_id"]
    return api.post("pipelines/deploy", {"deploy_id": "p", "pipeline_version_pk_id": made})


def _undeploy(api: Api, chance: random.Random) -> Reply:
    return api.post("pipelines/undeploy", {"pipeline_id": chance.choice((1, 1 << 40))})


def _infer(api: Api, chance: random.Random) -> Reply:
    name = chance.choice((*NAMES, "calm"))
    return api.infer(f"{name}-0/{name}", [{"x": [1, 2, 3]}])


CHANGES: dict[str, Callable[[Api, random.Random], Reply]] = {
    "upload": _upload,
    "convert": _convert,
    "delete": _delete,
    "delete all": _delete_all,
    "name": _name,
    "configure": _configure,
    "deploy": _deploy,
    "undeploy": _undeploy,
    "infer": _infer,
}
