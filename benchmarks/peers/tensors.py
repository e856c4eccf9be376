"""drum-like through the Open Inference Protocol: tensors in JSON, and binary ones."""

import json

import numpy as np

from benchmarks import bodies
from benchmarks.peer import Chances, Endpoint, Peer, Site, Start
from benchmarks.peers import drum_like

JSON, BINARY = "json", "binary"
_INFER = "/v2/models/booster/infer"


def start(site: Site) -> Start:
    """Serve the model directory under the name that MLServer gives it."""
    usual = drum_like.start(site)
    return Start([*usual.command, "--model-name", "booster"])


def of_json(answer: bytes) -> Chances:
    """Return every second number of the output `predict_proba`."""
    outputs = {output["name"]: output["data"] for output in json.loads(answer)["outputs"]}
    return np.asarray(outputs["predict_proba"][1::2])


def of_binary(answer: bytes) -> Chances:
    """Return the same of an answer whose one output follows the JSON."""
    _, end = json.JSONDecoder().raw_decode(answer.decode("latin-1"))
    return np.frombuffer(answer[end:], "<f8")[1::2]


PEER = Peer(
    name="drum-like, tensors",
    packages=(),
    models=frozenset({"xgboost"}),
    endpoints={
        JSON: Endpoint(_INFER, "application/json", bodies.tensor_json, of_json),
        BINARY: Endpoint(
            _INFER,
            "application/octet-stream",
            bodies.tensor_binary,
            of_binary,
            bodies.length_of_json,
        ),
    },
    ready="/v2/health/ready",
    start=start,
)
