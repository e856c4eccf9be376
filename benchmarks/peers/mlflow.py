"""MLflow's `models serve` in the environment that the model was saved from."""

import json
import subprocess

import numpy as np

from benchmarks import bodies
from benchmarks.peer import Chances, Endpoint, Peer, Site, Start

SAVE = """
import mlflow.xgboost, xgboost
booster = xgboost.Booster(model_file={source!r})
mlflow.xgboost.save_model(booster, {target!r})
"""

ENVIRON = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def start(site: Site) -> Start:
    """Save the model in MLflow's form and serve it."""
    source, target = str(site.model / "model.ubj"), str(site.folder / "model")
    code = SAVE.format(source=source, target=target)
    done = subprocess.run(
        [str(site.python), "-c", code], cwd=site.folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"mlflow does not save the model: {done.stderr[-500:]}")
    command = [
        *(site.program("mlflow"), "models", "serve", "--model-uri", target),
        *("--host", "127.0.0.1", "--port", str(site.port), "--timeout", "600"),
        *("--workers", str(site.workers), "--env-manager", "local"),
    ]
    path = f"{site.python.parent}:/usr/local/bin:/usr/bin:/bin"
    return Start(command, ENVIRON | {"PATH": path})


def chances(answer: bytes) -> Chances:
    """Return the list under `predictions`."""
    return np.asarray(json.loads(answer)["predictions"], np.float64)


PEER = Peer(
    name="mlflow",
    packages=("mlflow", "xgboost-cpu=={xgboost}", "pandas=={pandas}", "numpy=={numpy}"),
    models=frozenset({"xgboost"}),
    endpoints={
        "csv": Endpoint("/invocations", "text/csv", bodies.csv, chances),
        "json": Endpoint("/invocations", "application/json", bodies.split_json, chances),
    },
    ready="/ping",
    start=start,
)
