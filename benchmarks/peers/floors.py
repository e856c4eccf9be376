"""Servers that do nothing but what a server must; see `apps/floor.py`."""

from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import bodies
from benchmarks.peer import Chances, Endpoint, Peer, Site, Start

ROOT = Path(__file__).parents[2]


def start(kind: str, site: Site) -> Start:
    """Run the application in drum-like's server."""
    command = [
        *(str(site.python), "-m", "benchmarks.apps.floor", kind),
        *(f"127.0.0.1:{site.port}", str(site.workers)),
    ]
    return Start(command, {"PYTHONPATH": str(ROOT)})


def nothing(_answer: bytes) -> Chances:
    """Return no chances: these servers do not predict."""
    return np.empty(0)


FLASK = Peer("flask", (), frozenset({"none"}), {}, "/ping/", partial(start, "flask"))

DISCARD = Peer(
    name="discard",
    packages=(),
    models=frozenset({"xgboost", "none"}),
    endpoints={
        "csv": Endpoint("/", "text/csv", bodies.csv, nothing),
        "arrow": Endpoint("/", "application/vnd.apache.arrow.stream", bodies.arrow, nothing),
    },
    ready="/ping/",
    start=partial(start, "discard"),
)
