"""Small bodies that ask for much: refused before memory or time is spent."""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest

from drum_like.codecs.json.text import is_deeper
from tests.support.arrow_payloads import long_runs, many_nulls, stream
from tests.support.artifacts import native_xgboost
from tests.support.http_calls import Part, Reply, form
from tests.support.models import ONE_WORKER, REG, Model, served
from tests.support.serving import Server, serve

ATTEMPTS = 5
ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model = native_xgboost(".json").model
    directory = model.write(tmp_path_factory.mktemp("models") / "boosted")
    with serve(directory, *model.flags, *ONE_WORKER, "--max-cells", "100000") as running:
        yield running


MTX = b"%%MatrixMarket matrix coordinate real general\n2 1000000 1\n1 1 1\n"


def one_column() -> bytes:
    return b"%%MatrixMarket matrix coordinate real general\n5000000 1 1\n1 1 1\n"


def sparse_rows() -> bytes:
    return b"%%MatrixMarket matrix coordinate real general\n50000 1000 1\n1 1 1\n"


def nulls() -> bytes:
    return stream(pa.table({"a": pa.nulls(5_000_000)}))


def one_index() -> bytes:
    indices = pa.array(np.zeros(5_000_000, np.int8))
    table = pa.table({"a": pa.DictionaryArray.from_arrays(indices, pa.array([1.5]))})
    return stream(table, compression="zstd")


def equal_headers() -> bytes:
    return b"a," * 39_999 + b"a\n" + b"1," * 39_999 + b"1\n"


@pytest.mark.parametrize(
    ("make", "content_type"),
    [
        pytest.param(lambda: MTX, "text/mtx", id="M-08"),
        pytest.param(equal_headers, "text/csv", id="C-13"),
        pytest.param(many_nulls, ARROW, id="A-12"),
        pytest.param(one_column, "text/mtx", id="one-column"),
        pytest.param(sparse_rows, "text/mtx", id="sparse-rows"),
        pytest.param(nulls, ARROW, id="nulls"),
        pytest.param(long_runs, ARROW, id="A-13"),
        pytest.param(one_index, ARROW, id="one-index"),
    ],
)
def test_a_bomb_is_refused_at_once(
    reg: Server, make: Callable[[], bytes], content_type: str
) -> None:
    """The best of several tries counts: a busy machine may slow down some of them."""
    body = make()
    before = memory(reg)

    times = []
    for _ in range(ATTEMPTS):
        start = time.monotonic()
        reply = reg.post("/predict/", body, content_type)
        times.append(time.monotonic() - start)

    assert reply.status == 413
    assert reply.message.startswith("ERROR: ")
    assert min(times) <= 0.05
    assert memory(reg) - before < 32 * 1024**2


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (
            "/invocations",
            b'{"model_id":"boosted","instances":[' + b"{}," * 50_000 + b'{"a":1}]}',
            "50001 rows of 2 columns hold 1 cells",
        ),
        (
            "/model/score",
            b'{"fields":["a"],"rows":[' + b"[1]," * 50_000 + b"[1]]}",
            "50001 rows of 2 columns hold 50001 cells",
        ),
    ],
)
def test_columns_that_rows_leave_out_count(
    boosted: Server, path: str, body: bytes, reason: str
) -> None:
    reply = boosted.post(path, body, JSON)

    assert (reply.status, reason in reply.text) == (413, True)


def test_columns_that_only_other_rows_name_count(boosted: Server, reg: Server) -> None:
    rows = b",".join(b'{"a":1,"n%d":1}' % at for at in range(400))
    features = [f"n{at}" for at in range(10_001)]
    call = {"in_params": {"input": features, "value": features}}

    several = boosted.post("/invocate", b'{"model_id":"boosted","instances":[%b]}' % rows, JSON)
    one = reg.post("/invocate", json.dumps(call), JSON)

    assert several.status == 413
    assert "400 rows of 402 columns hold 800 cells" in several.text
    assert "10001 columns" in one.json()["ErrorMessage"]


def test_columns_that_rows_leave_out_are_in_proportion_to_those_that_they_name(
    tmp_path: Path,
) -> None:
    """114 kB of JSON became 50 million cells, in 6 seconds and 400 MiB."""
    row = {f"n{at}": 1 for at in range(9_999)}

    with serve(REG.write(tmp_path / "model"), *REG.flags, *ONE_WORKER) as server:

        def reply(rows: list[dict[str, int]]) -> Reply:
            body = json.dumps({"model_id": "model", "instances": rows})
            return server.post("/invocations", body, JSON)

        refused, answered = reply([row, *[{}] * 4_999]), reply([row, *[{}] * 50])

    assert refused.status == 413
    assert "5000 rows of 9999 columns hold 9999 cells" in refused.text
    assert answered.status == 200


CLASSES = tuple(f"class {number}" for number in range(100))
classes = served(
    Model(
        {
            "custom.py": """
import pandas as pd


def load_model(code_dir):
    return "model"


def score(data, model, positive_class_label=None, **kwargs):
    row = [1.0] + [0.0] * (len(kwargs["class_labels"]) - 1)
    return pd.DataFrame([row] * len(data), columns=kwargs["class_labels"])
"""
        },
        ("--target-type", "multiclass", "--class-labels", *CLASSES),
    ),
    *ONE_WORKER,
)


@pytest.mark.parametrize(("n_rows", "status"), [(2_000, 200), (6_000, 413)])
def test_the_answer_is_limited_before_it_is_computed(
    classes: Server, n_rows: int, status: int
) -> None:
    body = b"%%%%MatrixMarket matrix coordinate real general\n%d 1 1\n1 1 1\n" % n_rows

    reply = classes.post("/predict/", body, "text/mtx")

    assert reply.status == status
    assert status == 200 or "would have 600000 values" in reply.message


short = served(REG, *ONE_WORKER, "--max-rows", "3", "--model-name", "m")


@pytest.mark.parametrize(("n_rows", "status"), [(3, 200), (4, 413)])
def test_rows_are_limited(short: Server, n_rows: int, status: int) -> None:
    reply = short.post("/predict/", b"a\n" + b"1\n" * n_rows, "text/csv")

    assert reply.status == status
    assert status == 200 or "rows" in reply.message


DOORS = {
    "/predict/": ("instances", "drum"),
    "/invocations": ("dataframe_split", "mlflow"),
    "/v1/models/m:predict": ("instances", "kserve_v1"),
    "/v2/models/m/infer": ("inputs", "open_inference"),
    "/score": ("data", "azureml"),
    "/v1/endpoints/1/deployedModels/2:predict": ("instances", "vertex"),
    "/serving-endpoints/m/invocations": ("dataframe_records", "databricks"),
    "/endpoints/m/invocations": ("instances", "sagemaker"),
}


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("row", [b"[],", b"{},"])
def test_rows_of_json_are_counted_before_they_are_parsed(
    short: Server, path: str, row: bytes
) -> None:
    """3 MB of them took 70 MiB before they were refused."""
    key, contract = DOORS[path]
    body = b'{"%b":[' % key.encode() + row * 1_000_000 + row[:2] + b"]}"
    before = memory(short)

    reply = short.post(path, body, JSON)

    status = 424 if contract == "sagemaker" else 413  # as SageMaker tells errors of a container
    assert (reply.status, reply.headers["X-Scoring-Contract"]) == (status, contract), reply.text
    assert "--max-rows" in reply.text
    assert memory(short) - before < 16 * 1024**2


@pytest.mark.parametrize(("n_parts", "status"), [(64, 200), (65, 413)])
def test_parts_of_a_form_are_limited(reg: Server, n_parts: int, status: int) -> None:
    body, content_type = form(Part("X", b"a\n1\n", "x.csv"), *[Part("p", b"1")] * (n_parts - 1))

    reply = reg.post("/predict/", body, content_type)

    assert reply.status == status
    assert status == 200 or "--max-form-parts" in reply.message


@pytest.mark.parametrize(
    "path", ["/predict/", "/invocations", "/invocate", "/model/score", "/v1/chat/completions"]
)
def test_deep_json_is_refused_wherever_it_is_read(reg: Server, path: str) -> None:
    """J-09: text may hold as many brackets as it likes."""
    deep = b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"
    flat = b'{"a":"' + b"[" * 200 + b'","b":"\\"[[\\\\","c":[' + b"[]," * 200 + b"[]]}"

    refused = reg.post(path, deep, JSON)

    assert "the JSON is nested more than 100 levels deep" in refused.text
    assert refused.status == (200 if path == "/invocate" else 400)  # a runtime's own form
    assert "levels" not in reg.post(path, flat, JSON).text
    assert (
        "levels" not in reg.post(path, deep.replace(b"[", b"", 1).replace(b"]", b"", 1), JSON).text
    )


def test_a_look_at_the_depth_takes_little_memory() -> None:
    """The brackets of a body are counted some at a time."""
    body = b"[" + b"[]," * (4 << 20) + b"[]]"

    tracemalloc.start()
    try:
        assert not is_deeper(body, 100)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 4 * len(body)


@pytest.mark.parametrize("at", [100, (1 << 16) - 50, 3 << 16])
def test_each_level_of_a_long_body_counts(at: int) -> None:
    deep = b"[" * 99
    body = b"[" + b"[]," * (at // 2) + deep + b"]" * 99 + b"]"

    assert not is_deeper(body, 100)
    assert is_deeper(body, 99)


def memory(server: Server) -> int:
    """Return the resident bytes of the server's processes."""
    family = [server.process.pid, *(c.pid for c in psutil.Process(server.process.pid).children())]
    return sum(int(psutil.Process(pid).memory_info().rss) for pid in family)
