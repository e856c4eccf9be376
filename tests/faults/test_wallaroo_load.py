"""The Wallaroo contract under load: uploads of one name at once, and versions that change."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drum_like.store.location import Place
from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.faults.senders import REQUESTS_S, Question, asked
from tests.support.serving import serve
from tests.support.stores import DATABASES, place_on
from tests.support.wallaroo_api import FLAT, Api, sums, version_id

WORKERS = ("--max-workers", "2")
CLIENTS = 8
UPLOADS = scaled(5, 50)
READY_S = 120

SWAP_S = scaled(6, 60)
PAUSE_S = 2.0 if scaled(0, 1) else 0.8
ROWS = json.dumps([{"x": [1, 1, 1]}] * 3)
QUESTION = Question(f"/v1/api/pipelines/infer/m-0/m?{FLAT}", ROWS, "application/json")


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


def test_uploads_of_one_name_at_once_are_all_there(place: Place, tell: Tell) -> None:
    database = () if place.url is None else ("--database-url", place.url)
    with serve(None, "--store", str(place.root), *database, *WORKERS) as server:
        api = Api(server)

        def upload_some(_: int) -> list[int]:
            replies = [
                api.upload(api.metadata("one"), sums(), route="upload_and_convert")
                for _ in range(UPLOADS)
            ]
            assert [reply.status for reply in replies] == [202] * UPLOADS
            return [version_id(reply) for reply in replies]

        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            ids = [id_ for some in pool.map(upload_some, range(CLIENTS)) for id_ in some]
        took_s = time.monotonic() - began

        rows = _all_checked(api, "one")
        (model,) = api.got("models/list", workspace_id=1)["models"]
    n_versions = CLIENTS * UPLOADS
    assert len(set(ids)) == n_versions
    assert {row["id"] for row in rows} == set(ids)
    assert len({row["model_version"] for row in rows}) == n_versions
    assert {row["models_pk_id"] for row in rows} == {model["id"]}
    assert {row["status"] for row in rows} == {"ready"}
    tell(f"{n_versions} versions, {len(set(ids))} ids, all 202, in {took_s:.1f} s")


def _all_checked(api: Api, name: str) -> list[dict[str, object]]:
    deadline = time.monotonic() + READY_S
    while True:
        rows = api.rows(name)
        if all(row["status"] in ("ready", "error") for row in rows):
            return rows
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_no_inference_fails_while_versions_change(tmp_path: Path, tell: Tell) -> None:
    with serve(None, "--store", str(tmp_path), *WORKERS) as server:
        api = Api(server)
        api.stored("m", sums(1.0))
        with asked(server.url, QUESTION) as replies:
            n_versions, until = 1, time.monotonic() + SWAP_S
            while time.monotonic() < until:
                time.sleep(PAUSE_S)
                n_versions += 1
                api.stored("m", sums(float(n_versions)))
            time.sleep(1)

    assert len(replies) > (0.9 if FULL else 0.5) * REQUESTS_S * SWAP_S
    assert {reply.status for reply in replies} == {200}
    answers = [tuple(row["out.variable"][0] for row in json.loads(reply.body)) for reply in replies]
    assert set(answers) <= {(3.0 * number,) * 3 for number in range(1, n_versions + 1)}
    assert len(set(answers)) >= n_versions - 1
    assert answers[-1] == (3.0 * n_versions,) * 3
    tell(f"{len(replies)} requests in {SWAP_S} s over {n_versions} versions, 0 failed")
