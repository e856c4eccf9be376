"""Seldon's MLServer with its XGBoost runtime, through the Open Inference Protocol."""

import json
import shutil

import numpy as np

from benchmarks import bodies
from benchmarks.peer import Chances, Endpoint, Peer, Site, Start


def start(site: Site) -> Start:
    """Write both settings files beside the model and serve the folder."""
    shutil.copy(site.model / "model.ubj", site.folder)
    settings = {
        "host": "127.0.0.1",
        "http_port": site.port,
        "grpc_port": site.port + 1,
        "metrics_port": site.port + 2,
        "parallel_workers": site.workers,
    }
    model = {
        "name": "booster",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": "./model.ubj"},
    }
    (site.folder / "settings.json").write_text(json.dumps(settings))
    (site.folder / "model-settings.json").write_text(json.dumps(model))
    return Start([site.program("mlserver"), "start", "."])


def chances(answer: bytes) -> Chances:
    """Return the second column of the output `predict_proba`."""
    output = json.loads(answer)["outputs"][0]
    return np.asarray(output["data"], np.float64).reshape(output["shape"])[:, 1]


PEER = Peer(
    name="mlserver",
    packages=(
        *("mlserver", "mlserver-xgboost"),
        *("xgboost=={xgboost}", "pandas=={pandas}", "numpy=={numpy}"),
    ),
    models=frozenset({"xgboost"}),
    endpoints={
        "json": Endpoint(
            "/v2/models/booster/infer", "application/json", bodies.tensor_json, chances
        )
    },
    ready="/v2/models/booster/ready",
    start=start,
)
