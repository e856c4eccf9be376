"""BentoML: a service of its current form, rows in as a NumPy array.

The service calls `inplace_predict`, which is faster than the `DMatrix` of BentoML's own example.
"""

import json
from pathlib import Path

import numpy as np

from benchmarks import bodies
from benchmarks.peer import Chances, Endpoint, Peer, Site, Start

SERVICE = Path(__file__).parents[1] / "apps" / "bento.py"


def start(site: Site) -> Start:
    """Serve `apps/bento.py`, which reads its settings from the environment."""
    (site.folder / "service.py").write_text(SERVICE.read_text())
    command = [
        *(site.program("bentoml"), "serve", "service:Booster"),
        *("--host", "127.0.0.1", "--port", str(site.port)),
    ]
    environ = {
        "BENCH_MODEL": str(site.model / "model.ubj"),
        "BENCH_WORKERS": str(site.workers),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(site.folder / "home"),
    }
    return Start(command, environ)


def chances(answer: bytes) -> Chances:
    """Return the list that is the answer."""
    return np.asarray(json.loads(answer), np.float64)


PEER = Peer(
    name="bentoml",
    packages=("bentoml", "xgboost-cpu=={xgboost}", "numpy=={numpy}"),
    models=frozenset({"xgboost"}),
    endpoints={"json": Endpoint("/predict", "application/json", bodies.array_json, chances)},
    ready="/readyz",
    start=start,
)
