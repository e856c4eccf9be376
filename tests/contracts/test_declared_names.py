"""Names for the columns of a model without names: declared ones, or the numbers of positions."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc
from sklearn.linear_model import Ridge

from tests.support.http_calls import Part, Reply, form
from tests.support.serving import Server, run, serve

ARROW = "application/vnd.apache.arrow.stream"
METADATA = """
name: model
type: inference
targetType: regression
inputSchema:
  type: object
  properties:
    age:
      type: number
    income:
      type: number
"""

Ask = Callable[[Server, tuple[str, str]], Reply]
"""Sends the row {first: 1, second: 5}, its columns the other way round."""


def csv(server: Server, names: tuple[str, str]) -> Reply:
    return server.csv(f"{names[1]},{names[0]}\n5,1\n")


def wide_csv(server: Server, names: tuple[str, str]) -> Reply:
    return server.csv(f"more,{names[1]},{names[0]}\n9,5,1\n")


def arrow(server: Server, names: tuple[str, str]) -> Reply:
    table = pa.table({names[1]: [5.0], names[0]: [1.0]})
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return server.post(
        "/predict/", sink.getvalue().to_pybytes(), "application/vnd.apache.arrow.stream"
    )


def matrix(server: Server, names: tuple[str, str]) -> Reply:
    text = "%%MatrixMarket matrix array real general\n1 2\n5\n1\n"
    named = f"{names[1]}\n{names[0]}\n".encode()
    body, content_type = form(Part("X", text.encode(), "x.mtx"), Part("X.colnames", named, "c"))
    return server.post("/predict/", body, content_type)


def scorer(server: Server, names: tuple[str, str]) -> Reply:
    body = {"fields": [names[1], names[0]], "rows": [[5, 1]]}
    return server.post("/model/score", json.dumps(body), "application/json")


def instances(server: Server, names: tuple[str, str]) -> Reply:
    body = {"model_id": "model", "instances": [{names[1]: 5, names[0]: 1}]}
    return server.post("/invocations", json.dumps(body), "application/json")


DOORS: tuple[Ask, ...] = (csv, wide_csv, arrow, matrix, scorer, instances)


@pytest.fixture(scope="module")
def model() -> Ridge:
    cells = np.random.default_rng(0).normal(size=(60, 2))
    return Ridge().fit(cells, cells[:, 0] * 2 - cells[:, 1])


@pytest.fixture(scope="module")
def directory(model: Ridge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("declared") / "model"
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib")
    (folder / "model-metadata.yaml").write_text(METADATA)
    return folder


@pytest.fixture(scope="module")
def declared(directory: Path) -> Iterator[Server]:
    with serve(directory) as running:
        yield running


@pytest.fixture(scope="module")
def numbered(model: Ridge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("numbered") / "model"
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib")
    with serve(folder, "--target-type", "regression") as running:
        yield running


def expected(model: Ridge, rows: list[list[float]]) -> Any:
    """Return the library's answer; a sum of one row alone may round otherwise."""
    return pytest.approx(model.predict(rows)[0], rel=1e-12)


def number(reply: Reply) -> float:
    """Return the one number of an answer."""
    assert reply.status == 200, reply.text
    content = reply.json()
    found = content["predictions"][0] if "predictions" in content else content["score"][0][0]
    return float(found["prediction"] if isinstance(found, dict) else found)


@pytest.mark.parametrize("ask", DOORS, ids=lambda ask: ask.__name__)
def test_declared_names_are_matched_through_every_door(
    declared: Server, model: Ridge, ask: Ask
) -> None:
    assert number(ask(declared, ("age", "income"))) == expected(model, [[1, 5]])


@pytest.mark.parametrize("ask", DOORS, ids=lambda ask: ask.__name__)
def test_numbers_that_stand_for_positions_are_matched_too(
    numbered: Server, model: Ridge, ask: Ask
) -> None:
    assert number(ask(numbered, ("0", "1"))) == expected(model, [[1, 5]])


@pytest.mark.parametrize("header", ["first,second", "1,2", "x,x"])
def test_other_names_are_taken_by_position(numbered: Server, model: Ridge, header: str) -> None:
    assert number(numbered.csv(f"{header}\n1,5\n")) == expected(model, [[1, 5]])


def test_some_of_the_declared_names_are_not_enough(declared: Server, model: Ridge) -> None:
    half = declared.csv("income,other\n5,1\n")

    assert half.status == 422
    assert "missing columns: 'age'" in half.message
    assert number(declared.csv("first,second\n1,5\n")) == expected(model, [[1, 5]])


def test_score_matches_declared_names(directory: Path, model: Ridge, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("income;age\n5,5;1,0\n")
    flags = ("--delimiter", ";", "--decimal", ",", "--output", tmp_path / "out.csv")

    done = run("score", "--code-dir", directory, "--input", rows, *flags)

    assert done.returncode == 0, done.stderr
    assert float((tmp_path / "out.csv").read_text().split()[1]) == expected(model, [[1, 5.5]])
