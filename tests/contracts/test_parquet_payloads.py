"""Parquet files through a real server and `score`: the same bits as CSV, in and out."""

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
import requests
from pyarrow import parquet

from tests.support import parquet_payloads as payloads
from tests.support.artifacts import native_xgboost
from tests.support.command_line import run_here
from tests.support.models import ONE_WORKER, REG, served
from tests.support.serving import Server, serve

TYPES = ("application/vnd.apache.parquet", "application/x-parquet")
PARQUET = TYPES[0]
ROWS = pd.DataFrame({"a": [0.1, 3.5, np.nan, -2.0], "b": [2.0, np.nan, 0.3, 1e10]})
BODY = payloads.saved(pa.Table.from_pandas(ROWS[["b", "a"]]), compression="zstd")

reg = served(REG, *ONE_WORKER)


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model = native_xgboost(".json").model
    directory = model.write(tmp_path_factory.mktemp("models") / "boosted")
    with serve(directory, *model.flags, *ONE_WORKER) as running:
        yield running


def by_csv(server: Server) -> bytes:
    return server.post("/predict/", ROWS.to_csv(index=False).encode(), "text/csv").body


@pytest.mark.parametrize("media_type", TYPES)
def test_a_file_is_answered_like_csv(boosted: Server, media_type: str) -> None:
    reply = requests.post(
        f"{boosted.url}/predict/", data=BODY, headers={"Content-Type": media_type}, timeout=30
    )

    assert (reply.status_code, reply.content) == (200, by_csv(boosted))


def test_a_part_may_be_a_file(boosted: Server) -> None:
    parts = {"X": ("rows.parquet", BODY)}

    reply = requests.post(f"{boosted.url}/predict/", files=parts, timeout=30)

    assert (reply.status_code, reply.content) == (200, by_csv(boosted))


@pytest.mark.parametrize("media_type", TYPES)
def test_predictions_are_a_file_on_request(boosted: Server, media_type: str) -> None:
    reply = boosted.post("/predict/", BODY, PARQUET, Accept=media_type)

    assert reply.headers["Content-Type"] == media_type
    table = parquet.read_table(BytesIO(reply.body))
    assert table.schema.types == [pa.float32()] * 2
    expected = boosted.post("/predict/", BODY, PARQUET).json()["predictions"]
    assert table.to_pylist() == expected


def test_no_rows_are_answered(boosted: Server) -> None:
    reply = boosted.post("/predict/", payloads.saved(pa.Table.from_pandas(ROWS[:0])), PARQUET)

    assert (reply.status, reply.json()) == (200, {"predictions": []})


@pytest.mark.parametrize(
    "make",
    [
        payloads.large_page,
        payloads.more_values,
        payloads.repeated_text,
        payloads.repeated_text_in_lists,
        payloads.repeated_bytes,
        payloads.front_coded,
        payloads.many_nulls,
    ],
)
def test_a_bomb_is_refused_at_once(reg: Server, make: Callable[[], bytes]) -> None:
    body = make()
    assert reg.post("/predict/", BODY, PARQUET).status == 200
    worker = psutil.Process(reg.get("/stats/").json()["drum_info"][0]["pid"])
    before, began = worker.memory_info().rss, time.monotonic()

    reply = reg.post("/predict/", body, PARQUET)

    assert reply.status == 413
    assert time.monotonic() - began < 0.5
    assert worker.memory_info().rss - before < 40 << 20


@pytest.mark.parametrize("body", [b"", b"PAR1", BODY[:-9], payloads.nested(100_000)])
def test_a_broken_file_is_refused(reg: Server, body: bytes) -> None:
    assert reg.post("/predict/", body, PARQUET).status in {413, 422}
    assert reg.csv("a\n7\n").json() == {"predictions": [7.0]}


@pytest.mark.parametrize("name", ["rows.parquet", "rows"])
def test_score_reads_files(tmp_path: Path, name: str) -> None:
    model = native_xgboost(".json").model
    directory = model.write(tmp_path / "model")
    (tmp_path / name).write_bytes(BODY)
    ROWS.to_csv(tmp_path / "rows.csv", index=False)

    for source in (name, "rows.csv"):
        done = run_here(
            "score", "--code-dir", directory, *model.flags, "--input", tmp_path / source,
            "--output", tmp_path / f"{source}.out",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    assert (tmp_path / f"{name}.out").read_bytes() == (tmp_path / "rows.csv.out").read_bytes()
