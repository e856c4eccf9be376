"""A multi-model endpoint of SageMaker: models are loaded, listed, asked and unloaded by name."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, hooks
from tests.support.sagemaker import CSV, JSON, LINES, METADATA, SUM, named, predictions, refused
from tests.support.serving import Server, serve

ODD_NAME = "a b/ü%2F?#@3.tar.gz"


def write(root: Path, name: str, files: Any) -> None:
    """Write a model directory, as the platform unpacks it."""
    directory = root / name / "model"
    for path, content in {"model-metadata.yaml": METADATA, **files}.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base directory of a container with some models."""
    base = tmp_path_factory.mktemp("ml")
    models = base / "models"
    write(models, "sum", SUM.files)
    write(models, "named", named().files)
    write(models, "broken", hooks("raise ValueError('canary-4711')"))
    for number in range(4):
        write(models, f"m{number}", SUM.files)
    write(base, "outside", SUM.files)
    (models / "link").symlink_to(base / "outside")
    return base


def started(root: Path, *flags: str) -> Any:
    """Return a server that was started as the platform does."""
    env = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_BASE_DIR": str(root)}
    return serve(None, *flags, env=env)


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with started(root, *ONE_WORKER) as running:
        yield running


@pytest.fixture(autouse=True)
def _unloaded(server: Server) -> Iterator[None]:
    yield
    for model in listed(server):
        unload(server, model["modelName"])


def load(server: Server, name: Any, url: Any) -> Reply:
    return server.post("/models", json.dumps({"model_name": name, "url": url}), JSON)


def unload(server: Server, name: str) -> Reply:
    return call(server.url, "DELETE", f"/models/{quote(name, safe='')}")


def invoke(server: Server, name: str, body: str = "1,2", media_type: str = CSV) -> Reply:
    return server.post(f"/models/{quote(name, safe='')}/invoke", body, media_type)


def listed(server: Server, query: str = "") -> list[dict[str, str]]:
    reply = server.get(f"/models{query}")
    assert reply.status == 200, reply.text
    found: list[dict[str, str]] = reply.json()["models"]
    return found


def test_a_model_lives_from_its_load_to_its_unload(server: Server, root: Path) -> None:
    """S15."""
    url = str(root / "models" / "sum" / "model")
    shown = {"modelName": "one", "modelUrl": url}

    assert server.get("/ping").status == 200
    assert (load(server, "one", url).status, load(server, "one", url).status) == (200, 409)
    assert listed(server) == [shown]
    assert server.get("/models/one").json() == shown
    assert predictions(invoke(server, "one", "1,2\n3,4\n")) == [3.0, 7.0]
    assert (unload(server, "one").status, unload(server, "one").status) == (200, 404)
    assert server.get("/models/one").status == 404
    refused(invoke(server, "one"), 404)
    assert listed(server) == []


def test_a_name_is_any_text(server: Server) -> None:
    assert load(server, ODD_NAME, "sum/model").status == 200

    assert [model["modelName"] for model in listed(server)] == [ODD_NAME]
    assert server.get(f"/models/{quote(ODD_NAME, safe='')}").status == 200
    assert predictions(invoke(server, ODD_NAME)) == [3.0]
    assert unload(server, ODD_NAME).status == 200


@pytest.mark.parametrize(
    "url",
    ["nowhere", "..", ".", "../outside/model", "/etc", "link/model", "sum/model/custom.py", "a\0b"],
)
def test_a_url_that_is_no_model_below_the_root_is_not_found(server: Server, url: str) -> None:
    """S16."""
    refused(load(server, "one", url), 404)
    assert listed(server) == []


def test_a_broken_model_is_refused(server: Server) -> None:
    """S16."""
    assert refused(load(server, "one", "broken/model"), 400)
    assert listed(server) == []
    assert load(server, "one", "sum/model").status == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"model_name": "a"}',
        '{"model_name": "", "url": "sum/model"}',
        '{"model_name": 1, "url": "sum/model"}',
        '{"model_name": "a", "url": null}',
        '{"model_name": "\\ud800", "url": "sum/model"}',
        '{"model_name": "a", "model_name": "b", "url": "sum/model"}',
        json.dumps({"model_name": "a" * 1025, "url": "sum/model"}),
    ],
)
def test_a_load_without_a_name_and_a_url_is_refused(server: Server, body: str) -> None:
    refused(server.post("/models", body, JSON))


def test_models_are_listed_page_by_page(server: Server) -> None:
    for name in ("b", "c", "a"):
        assert load(server, name, "sum/model").status == 200

    first = server.get("/models?limit=2").json()
    second = server.get(f"/models?limit=2&next_page_token={first['nextPageToken']}").json()

    assert [model["modelName"] for model in first["models"]] == ["a", "b"]
    assert [model["modelName"] for model in second["models"]] == ["c"]
    assert "nextPageToken" not in second


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=x", "?limit=-1", "?next_page_token=é", "?limit=" + "9" * 500]
)
def test_other_pages_are_refused(server: Server, query: str) -> None:
    refused(server.get(f"/models{quote(query, safe='?=&')}"))


def test_a_name_may_come_to_mean_another_model(server: Server) -> None:
    load(server, "one", "sum/model")
    before = predictions(invoke(server, "one", "1,2,3"))
    unload(server, "one")
    load(server, "one", "named/model")

    assert before == [6.0]
    assert predictions(invoke(server, "one", "1,2,3")) == pytest.approx([321.0])
    assert invoke(server, "one", '{"features": [1, 2, 3]}', LINES).status == 200


def test_boto3s_client_names_the_model(server: Server) -> None:
    load(server, "one.tar.gz", "sum/model")
    target = {"X_Amzn_SageMaker_Target_Model": "one.tar.gz"}

    assert predictions(server.post("/endpoints/e/invocations", "1,2", CSV, **target)) == [3.0]
    assert predictions(server.post("/invocations", "1,2", CSV, **target)) == [3.0]
    missing = server.post("/endpoints/e/invocations", "1,2", CSV)
    assert (missing.status, missing.json()["OriginalStatusCode"]) == (424, 404)


def test_there_is_room_for_so_many(root: Path) -> None:
    with started(root, *ONE_WORKER, "--max-models", "2") as small:
        assert [load(small, f"m{at}", f"m{at}/model").status for at in range(3)] == [200, 200, 507]
        assert unload(small, "m0").status == 200
        assert load(small, "m2", "m2/model").status == 200
        assert predictions(invoke(small, "m1")) == predictions(invoke(small, "m2")) == [3.0]


def test_one_of_many_loads_at_once_wins(server: Server) -> None:
    statuses: list[int] = []

    def once() -> None:
        statuses.append(load(server, "one", "sum/model").status)

    threads = [threading.Thread(target=once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]


def test_all_workers_know_what_is_loaded(root: Path) -> None:
    """Also those that take the place of others that were killed."""
    with started(root, "--max-workers", "3") as many:
        assert load(many, "one", "sum/model").status == 200
        assert all(predictions(invoke(many, "one")) == [3.0] for _ in range(20))
        kill_workers(many)
        assert predictions(patient(lambda: invoke(many, "one"))) == [3.0]
        assert unload(many, "one").status == 200
        assert {invoke(many, "one").status for _ in range(20)} == {404}
        assert load(many, "one", "named/model").status == 200
        answers = [predictions(invoke(many, "one", "1,2,3"))[0] for _ in range(20)]
        assert answers == pytest.approx([321.0] * 20)


def kill_workers(server: Server) -> None:
    import psutil

    for worker in psutil.Process(server.process.pid).children():
        worker.kill()


def patient(ask: Any) -> Any:
    """Ask until a worker is there to answer."""
    until = time.monotonic() + 20
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_the_list_is_drums_elsewhere(root: Path) -> None:
    """X25."""
    directory = root / "models" / "sum" / "model"
    with serve(directory, *ONE_WORKER) as single:
        told = single.get("/models")
        assert (told.status, told.headers["X-Scoring-Contract"]) != (200, "sagemaker")
        assert told.message == (
            "ERROR: get_supported_llm_models is supported only for TextGen models"
        )
        assert single.post("/models", "{}", JSON).status in (404, 405)


def test_web_pages_and_strangers_change_nothing(root: Path, server: Server) -> None:
    page = {"Origin": "http://evil.example"}
    body = json.dumps({"model_name": "one", "url": "sum/model"})
    assert server.post("/models", body, JSON, **page).status == 403
    assert call(server.url, "DELETE", "/models/one", headers=page).status == 403

    with started(root, *ONE_WORKER, "--passphrase", "open sesame") as locked:
        assert locked.post("/models", body, JSON).status == 401
        bearer = {"Authorization": "Bearer open sesame"}
        assert locked.post("/models", body, JSON, **bearer).status == 200
