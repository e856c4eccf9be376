"""drum-like through rows of JSON: at DRUM's door, MLflow's, H2O's, ecosystem.ai's and Triton's."""

import json

import numpy as np

from benchmarks import bodies
from benchmarks.peer import Chances, Endpoint, Peer
from benchmarks.peers import drum_like, tensors

RECORDS, SPLIT = "records", "json"
FIELDS, CALL, TENSOR, NAMED = "fields", "call", "tensor", "named records"
_JSON = "application/json"


def of_fields(answer: bytes) -> Chances:
    """Return the chances in an answer of H2O's scorer."""
    found = json.loads(answer)
    at = next(at for at, name in enumerate(found["fields"]) if name.endswith("1"))
    return np.array([float(row[at]) for row in found["score"]])


def of_call(answer: bytes) -> Chances:
    """Return the chance in an answer of ecosystem.ai's runtime."""
    offers = [entry["result"] for entry in json.loads(answer)["final_result"]]
    return np.array([offer["score"] for offer in offers if offer["offer"] == "1"])


PEER = Peer(
    name="drum-like, JSON",
    packages=(),
    models=frozenset({"xgboost"}),
    endpoints={
        "csv": drum_like.PEER.endpoints["csv"],
        RECORDS: Endpoint("/predict/", _JSON, bodies.records_json, bodies.labelled),
        SPLIT: Endpoint("/invocations", _JSON, bodies.split_json, bodies.labelled),
        NAMED: Endpoint("/invocations", _JSON, bodies.named_records_json, bodies.labelled),
        FIELDS: Endpoint("/model/score", _JSON, bodies.fields_json, of_fields),
        CALL: Endpoint("/invocate", _JSON, bodies.call_json, of_call),
        TENSOR: Endpoint("/v2/models/xgboost/infer", _JSON, bodies.tensor_json, tensors.of_json),
    },
    ready="/ping/",
    start=drum_like.start,
)
