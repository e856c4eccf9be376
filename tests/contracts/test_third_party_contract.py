"""A contract of somebody else's, built, installed and called as docs/write-a-contract.md says."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.support.http_calls import Reply
from tests.support.plugins import beside, files_of, install, write
from tests.support.serving import Server, serve, start_failure

ROWS = [{"rooms": 3, "garden": 10}, {"garden": 20, "rooms": 4}, {"rooms": 5}]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = write(files_of("write-a-contract.md"), tmp_path_factory.mktemp("source"))
    return install(source, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression on two columns."""
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(200, 2))
    rows = xgboost.DMatrix(cells, cells.sum(axis=1), feature_names=["rooms", "garden"])
    folder = tmp_path_factory.mktemp("model")
    xgboost.train({"max_depth": 2}, rows, 5).save_model(folder / "model.json")
    return folder


@pytest.fixture(scope="module")
def server(model: Path, installed: Path) -> Iterator[Server]:
    flags = ("--target-type", "regression", "--contracts", "sheet,ecosystem,drum,probes")
    with serve(model, *flags, env=beside(installed)) as running:
        yield running


def expected(model: Path) -> list[float]:
    """Return the library's own answers."""
    booster = xgboost.Booster(model_file=model / "model.json")
    cells = [[row.get("rooms", np.nan), row.get("garden", np.nan)] for row in ROWS]
    rows = xgboost.DMatrix(np.array(cells, float), feature_names=["rooms", "garden"])
    return [float(value) for value in booster.predict(rows)]


def post(server: Server, path: str, content: object, **headers: str) -> Reply:
    return server.post(path, json.dumps(content), "application/json", **headers)


@pytest.mark.parametrize("path", ["/sheet/score", "/sheet/score/", "/invocations"])
def test_the_contract_answers_what_the_library_says(server: Server, model: Path, path: str) -> None:
    reply = post(server, path, {"sheet": ROWS})

    assert reply.status == 200, reply.text
    assert [np.float32(cell) for cell in reply.json()["cells"]] == expected(model)


def test_a_shared_route_stays_with_those_that_know_its_body(server: Server, model: Path) -> None:
    csv = server.post("/invocations", "rooms,garden\n3,10\n", "text/csv")
    unknown = post(server, "/invocations", {"model_id": "nobody", "instances": ROWS})

    assert np.float32(csv.json()["predictions"][0]) == expected(model)[0]
    assert list(unknown.json()) == ["detail"], unknown.text


def test_a_caller_may_choose_the_contract(server: Server) -> None:
    chosen = {"X-Scoring-Contract": "sheet"}
    body = {"sheet": ROWS, "model_id": "nobody", "instances": ROWS}

    assert post(server, "/invocations", body).status == 404
    assert len(post(server, "/invocations", body, **chosen).json()["cells"]) == len(ROWS)


@pytest.mark.parametrize(
    ("path", "content", "status", "text"),
    [
        pytest.param("/sheet/score", {"sheet": []}, 400, "with a row", id="no-row"),
        pytest.param("/sheet/score", [1], 400, "the add-in sends", id="no-object"),
        pytest.param("/sheet/score", {"sheet": [{"rooms": "abc"}]}, 400, "rooms", id="a-word"),
        pytest.param("/sheet/other", {}, 404, "not found", id="unknown-path"),
    ],
)
def test_errors_have_the_form_of_the_contract(
    server: Server, path: str, content: object, status: int, text: str
) -> None:
    reply = post(server, path, content)

    assert reply.status == status
    assert text in reply.json()["problem"]


def test_a_plugin_that_gives_no_contract_is_refused(model: Path, tmp_path: Path) -> None:
    files = files_of("write-a-contract.md")
    files["sheet.py"] = "def contract(context):\n    return None\n"
    broken = install(write(files, tmp_path / "source"), tmp_path / "installed")

    failed = start_failure(model, "--contracts", "sheet,drum", env=beside(broken))

    assert failed.returncode != 0
    assert "gives a NoneType, but a plugin of this group gives" in failed.stdout + failed.stderr
