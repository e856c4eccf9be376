"""H2O's scorer beside `/predict/`: the same rows as text in JSON and as CSV, in turns.

python -m benchmarks.scorer     exits with 1 if the scorer takes more than three times as long
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import requests
import xgboost

from tests.support.serving import Server, serve

N_ROWS, N_COLUMNS, N_WORDS = 1000, 30, 10
ROUNDS = 40
LIMIT = 3.0

Call = Callable[[], requests.Response]


def rows(n_words: int) -> pd.DataFrame:
    """Return 1,000 rows of 30 columns, some of them words and the others numbers."""
    rng = np.random.default_rng(11)
    data = pd.DataFrame(rng.normal(size=(N_ROWS, N_COLUMNS)).round(6))
    data.columns = [f"column {at}" for at in range(N_COLUMNS)]
    for at in range(n_words):
        words = rng.choice(["north", "east", "south", "west"], size=N_ROWS)
        data[f"column {at}"] = pd.Categorical(words)
    return data


def save(data: pd.DataFrame, directory: Path) -> None:
    """Write a booster of 100 trees."""
    target = data.iloc[:, -1] * 2 - data.iloc[:, -2]
    matrix = xgboost.DMatrix(data, target, enable_categorical=True)
    xgboost.train({"max_depth": 6}, matrix, 100).save_model(directory / "model.ubj")


def calls(server: Server, data: pd.DataFrame, session: requests.Session) -> tuple[Call, Call]:
    """Return a request of the scorer and the one of `/predict/` for the same rows."""
    cells = data.astype(str).to_numpy().tolist()
    body = json.dumps({"fields": list(data.columns), "rows": cells})
    headers = {"Content-Type": "application/json"}
    text = data.to_csv(index=False)
    csv = {"Content-Type": "text/csv"}
    return (
        lambda: session.post(f"{server.url}/model/score", body, headers=headers, timeout=30),
        lambda: session.post(f"{server.url}/predict/", text, headers=csv, timeout=30),
    )


def medians(pair: tuple[Call, Call]) -> tuple[float, float]:
    """Return the median times in milliseconds, asked for in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, taken in zip(pair, times, strict=True):
            started = time.perf_counter()
            reply = call()
            taken.append((time.perf_counter() - started) * 1000)
            reply.raise_for_status()
    return statistics.median(times[0]), statistics.median(times[1])


def ratio(n_words: int) -> float:
    """Measure one kind of rows, print the figures, and return their ratio."""
    data = rows(n_words)
    with TemporaryDirectory() as name, requests.Session() as session:
        directory = Path(name)
        save(data, directory)
        with serve(directory, "--target-type", "regression", "--max-workers", "1") as server:
            pair = calls(server, data, session)
            for call in pair * 3:
                call().raise_for_status()
            scorer, predict = medians(pair)
    print(
        f"{N_ROWS} rows x {N_COLUMNS} columns of text, {n_words} of them words: "
        f"/model/score {scorer:.1f} ms, /predict/ {predict:.1f} ms, {scorer / predict:.2f} times"
    )
    return scorer / predict


if __name__ == "__main__":
    sys.exit(int(max([ratio(0), ratio(N_WORDS)]) > LIMIT))
