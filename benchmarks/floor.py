"""The work of a request and nothing else: bytes to a matrix, predictions, JSON, in this process.

Together with the time that the server takes to receive the body and forget it (`apps/floor.py`)
that is what a request costs at least.
"""

import io
import pickle
import runpy
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from statistics import median

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import xgboost
from numpy.typing import NDArray

from benchmarks.bodies import MIXED, N_COLUMNS, NAMES, arrow, csv, mixed, numbers
from benchmarks.peer import Chances
from benchmarks.plan import Case

COMPUTE = "compute"
"""Name of this floor in tables."""

ALONE = "predict"
"""Form of a case that asks the framework for predictions, and nothing else."""

_FEWEST = 3


def compute(case: Case, models: Path, seconds: float) -> Mapping[str, float]:
    """Return `rps`, `p50_ms` and `p99_ms` of doing the work again and again for a time."""
    work = _work(case, models / case.setup.model)
    spent: list[float] = []
    end = time.perf_counter() + seconds
    while len(spent) < _FEWEST or time.perf_counter() < end:
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return {
        "rps": len(spent) / sum(spent),
        "p50_ms": median(spent) * 1e3,
        "p99_ms": max(spent) * 1e3,
    }


def _work(case: Case, model: Path) -> Callable[[], object]:
    if case.setup.model in MIXED:
        pipeline, data = pickle.loads((model / "model.pkl").read_bytes()), mixed(case.n_rows)
        if case.setup.model == "score":
            return partial(runpy.run_path(str(model / "custom.py"))["score"], data, pipeline)
        return lambda: pipeline.predict_proba(data)
    booster = _booster(model / "model.ubj")
    if case.what == ALONE:
        rows = numbers()[: case.n_rows].astype(np.float32)
        return lambda: booster.inplace_predict(rows)
    body = (csv if case.what == "csv" else arrow)(case.setup.model, case.n_rows)
    return lambda: answer(booster, case.what, body)


def answer(booster: xgboost.Booster, form: str, body: bytes) -> bytes:
    """Return DRUM's answer to a body, CSV or an Arrow stream."""
    matrix = of_csv(body) if form == "csv" else of_arrow(body)
    return encode(np.asarray(booster.inplace_predict(matrix), np.float64))


def of_csv(body: bytes) -> NDArray[np.float32]:
    """Return (n_rows, N_COLUMNS), parsed by Arrow's threads."""
    types = dict.fromkeys(NAMES, pa.float32())
    options = pa_csv.ConvertOptions(column_types=types)
    return _matrix(pa_csv.read_csv(io.BytesIO(body), convert_options=options))


def of_arrow(body: bytes) -> NDArray[np.float32]:
    """Return (n_rows, N_COLUMNS) of a stream of float32 columns."""
    with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
        return _matrix(reader.read_all())


def encode(chances: Chances) -> bytes:
    """Return the chances of both classes as JSON."""
    pairs = np.column_stack([chances, 1 - chances]).ravel()
    numbers = orjson.dumps(pairs, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    parts = [b'},{"1":', b"", b',"0":', b""] * len(chances)
    parts[1::2] = numbers
    return b'{"predictions":[' + b"".join(parts)[2:] + b"}]}"


def _matrix(table: pa.Table) -> NDArray[np.float32]:
    matrix = np.empty((table.num_rows, N_COLUMNS), np.float32)
    start = 0
    for batch in table.to_batches():
        for position, column in enumerate(batch.columns):
            matrix[start : start + batch.num_rows, position] = column.to_numpy()
        start += batch.num_rows
    return matrix


@cache
def _booster(path: Path) -> xgboost.Booster:
    return xgboost.Booster(model_file=path)
