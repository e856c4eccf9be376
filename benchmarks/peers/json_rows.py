"""drum-like through rows of JSON: records at DRUM's door, and MLflow's split form."""

from benchmarks import bodies
from benchmarks.peer import Endpoint, Peer
from benchmarks.peers import drum_like

RECORDS, SPLIT = "records", "json"

PEER = Peer(
    name="drum-like, JSON",
    packages=(),
    models=frozenset({"xgboost"}),
    endpoints={
        "csv": drum_like.PEER.endpoints["csv"],
        RECORDS: Endpoint("/predict/", "application/json", bodies.records_json, bodies.labelled),
        SPLIT: Endpoint("/invocations", "application/json", bodies.split_json, bodies.labelled),
    },
    ready="/ping/",
    start=drum_like.start,
)
