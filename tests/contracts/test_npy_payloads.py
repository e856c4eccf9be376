"""NumPy arrays through a real server and `score`: the same bits as CSV, in and out."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from tests.support.artifacts import native_xgboost
from tests.support.command_line import run_here
from tests.support.models import ONE_WORKER, TEXT, served
from tests.support.serving import Server, serve

NPY = "application/x-npy"
ROWS = pd.DataFrame({"a": [0.1, 3.5, np.nan, -2.0], "b": [2.0, np.nan, 0.3, 1e10]})

text = served(TEXT, *ONE_WORKER)


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model = native_xgboost(".json").model
    directory = model.write(tmp_path_factory.mktemp("models") / "boosted")
    with serve(directory, *model.flags, *ONE_WORKER) as running:
        yield running


def saved(values: Any) -> bytes:
    sink = BytesIO()
    np.save(sink, values, allow_pickle=False)
    return sink.getvalue()


def by_csv(server: Server) -> bytes:
    body = ROWS.to_csv(index=False).encode()
    return server.post("/predict/", body, "text/csv").body


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(ROWS.to_numpy(), id="table"),
        pytest.param(np.asfortranarray(ROWS.to_numpy()), id="fortran"),
        pytest.param(ROWS.to_numpy().astype(">f8"), id="big-endian"),
        pytest.param(ROWS.to_numpy().astype("f4"), id="narrow"),
        pytest.param(ROWS[["b", "a"]].to_records(index=False), id="records-by-name"),
    ],
)
@pytest.mark.parametrize("path", ["/predict/", "/invocations"])
def test_an_array_is_answered_like_csv(boosted: Server, values: Any, path: str) -> None:
    reply = requests.post(
        boosted.url + path, data=saved(values), headers={"Content-Type": NPY}, timeout=30
    )

    assert (reply.status_code, reply.content) == (200, by_csv(boosted))


def test_a_part_may_be_an_array_with_names_beside_it(boosted: Server) -> None:
    turned = ROWS[["b", "a"]].to_numpy()
    parts = {"X": ("rows.npy", saved(turned)), "X.colnames": ("names", b"b\na\n")}

    reply = requests.post(f"{boosted.url}/predict/", files=parts, timeout=30)

    assert (reply.status_code, reply.content) == (200, by_csv(boosted))


def test_predictions_are_an_array_on_request(boosted: Server) -> None:
    headers = {"Content-Type": NPY, "Accept": NPY}

    reply = requests.post(
        f"{boosted.url}/predict/", data=saved(ROWS.to_numpy()), headers=headers, timeout=30
    )

    assert reply.headers["Content-Type"] == NPY
    found = np.load(BytesIO(reply.content))
    assert found.dtype == np.float32
    expected = boosted.post("/predict/", ROWS.to_csv(index=False).encode(), "text/csv").json()
    assert found.tolist() == [list(row.values()) for row in expected["predictions"]]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(np.zeros((2, 3)), "takes 2 columns by position", id="wide"),
        pytest.param(np.zeros(2), "takes 2 columns by position, but the payload has 1", id="1-D"),
        pytest.param(np.zeros((1, 2), complex), "never objects", id="complex"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(boosted: Server, values: Any, said: str) -> None:
    reply = boosted.post("/predict/", saved(values), NPY)

    assert reply.status == 422
    assert said in reply.message


def test_text_is_not_answered_as_an_array(text: Server) -> None:
    reply = text.post("/predict/", b"out\nword\n", "text/csv", Accept=NPY)

    assert reply.status == 422
    assert "application/json" in reply.message


@pytest.mark.parametrize("name", ["rows.npy", "rows"])
def test_score_reads_arrays(tmp_path: Path, name: str) -> None:
    model = native_xgboost(".json").model
    directory = model.write(tmp_path / "model")
    (tmp_path / name).write_bytes(saved(ROWS.to_numpy()))
    ROWS.to_csv(tmp_path / "rows.csv", index=False)

    for source in (name, "rows.csv"):
        done = run_here(
            "score", "--code-dir", directory, *model.flags, "--input", tmp_path / source,
            "--output", tmp_path / f"{source}.out",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    assert (tmp_path / f"{name}.out").read_bytes() == (tmp_path / "rows.csv.out").read_bytes()
