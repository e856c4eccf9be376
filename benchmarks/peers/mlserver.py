"""Seldon's MLServer with its XGBoost runtime, through the Open Inference Protocol.

MLServer 1.7.1 installs the newest uvloop, with which its worker processes do not start: since
0.22 that makes no event loop by itself any more.
"""

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
    """Return the output `predict`: the runtime opens a booster as a regressor, so it is chances."""
    return np.asarray(json.loads(answer)["outputs"][0]["data"], np.float64)


PEER = Peer(
    name="mlserver",
    packages=(
        *("mlserver", "mlserver-xgboost", "uvloop<0.22"),
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
