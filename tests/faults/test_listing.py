"""Lists of many models: one query a kind of thing, each with an index."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, text

from drum_like.store import row_mapping, tables
from drum_like.store.location import Place
from drum_like.store.store import Store, open_store
from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.support.models import ONE_WORKER
from tests.support.serving import serve
from tests.support.stores import DATABASES, place_on, statements
from tests.support.wallaroo_api import SDK, Api

MODELS = scaled(200, 10_000)
VERSIONS = 5
PAGE_S, TREES_S = 0.1, 3.0


@pytest.fixture(params=DATABASES, scope="module")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    root: Path = tmp_path_factory.mktemp("store")
    with place_on(request.param, root) as found:
        yield found


@pytest.fixture(scope="module")
def store(place: Place) -> Iterator[Store]:
    with closing(open_store(place)) as opened:
        _fill(opened)
        yield opened


def test_a_list_of_models_is_one_query(store: Store) -> None:
    with statements(store) as asked:
        models = store.models.of_workspace(1)

    assert len(models) == MODELS
    assert [one.id for one in models] == sorted((one.id for one in models), reverse=True)
    assert len(_queries(asked)) == 1
    assert not FULL or _fastest_s(lambda: store.models.of_workspace(1)) < PAGE_S


def test_a_list_with_all_versions_is_one_query_a_kind(store: Store) -> None:
    with statements(store) as asked:
        trees = store.models.trees(1)

    assert len(trees) == MODELS
    assert {len(tree.versions) for tree in trees} == {VERSIONS}
    assert all(config is not None for tree in trees for _, config in tree.versions)
    assert len(_queries(asked)) == 4
    assert not FULL or _fastest_s(lambda: store.models.trees(1)) < TREES_S


@pytest.mark.parametrize(
    ("agent", "limit_s"), [("curl/8", PAGE_S), (SDK, TREES_S)], ids=["page", "sdk"]
)
def test_a_server_lists_as_fast(
    store: Store, place: Place, agent: str, limit_s: float, tell: Tell
) -> None:
    assert store.models.of_workspace(1)
    database = () if place.url is None else ("--database-url", place.url)
    with serve(None, "--store", str(place.root), *database, *ONE_WORKER) as server:
        api = Api(server, agent=agent)

        models = api.got("models/list", workspace_id=1)["models"]
        took_s = _fastest_s(lambda: api.post("models/list", {"workspace_id": 1}))

    assert len(models) == MODELS
    tell(f"{MODELS} models x {VERSIONS} versions over HTTP in {1000 * took_s:.0f} ms")
    assert not FULL or took_s < limit_s


def test_what_is_asked_often_is_found_by_an_index(tmp_path: Path) -> None:
    with closing(open_store(Place(tmp_path))) as store:
        _fill(store, n_models=20)
        with statements(store) as asked:
            store.models.of_workspace(1)
            store.versions.of_model(1)
            store.versions.matching("m1", None)
            store.versions.by_uuid("none")
            store.configs.latest(1)
            store.changes.revision()
            store.checks.claim("me", 1)
        with store.database.read() as connection:
            plans = [
                " ".join(str(row) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {one}")))
                for one in map(_filled, _queries(asked))
            ]

    scanned = [plan for plan in plans if "SCAN" in plan and "USING" not in plan]
    assert [plan for plan in scanned if "SCAN state" not in plan] == []


def _fastest_s(call: Callable[[], object]) -> float:
    """Return the time of a call if nothing else disturbs it."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def _filled(statement: str) -> str:
    return statement.replace("?", "1")


def _fill(store: Store, n_models: int = MODELS) -> None:
    at = row_mapping.now()
    with store.database.write() as writing:
        many = writing.connection.execute
        many(insert(tables.models), [_model(n, at) for n in range(1, n_models + 1)])
        ids = range(1, n_models * VERSIONS + 1)
        many(insert(tables.versions), [_version(n, at) for n in ids])
        many(insert(tables.configs), [_config(n, at) for n in ids])
        if store.database.is_sqlite:
            many(text("ANALYZE"))


def _model(number: int, at: Any) -> dict[str, Any]:
    return {
        "id": number, "workspace_id": 1, "name": f"m{number}", "owner": "", "last_number": VERSIONS,
        "created_at": at, "updated_at": at,
    }  # fmt: skip


def _version(number: int, at: Any) -> dict[str, Any]:
    return {
        "id": number, "model_id": (number - 1) // VERSIONS + 1, "number": number % VERSIONS + 1,
        "uuid": str(uuid4()), "sha256": f"{number:064}", "size": 1, "visibility": "private",
        "format": "onnx", "runs_code": False, "runtime": "onnx", "declared": {}, "details": {},
        "status": "ready", "attempts": 0, "created_by": "", "created_at": at, "updated_at": at,
        "revision": 1,
    }  # fmt: skip


def _config(number: int, at: Any) -> dict[str, Any]:
    return {
        "id": number, "version_id": number, "runtime": "onnx", "options": {}, "created_at": at,
        "revision": 1,
    }  # fmt: skip


def _queries(statements: list[str]) -> list[str]:
    """Return the statements that read."""
    return [one for one in statements if one.lstrip().upper().startswith("SELECT")]
