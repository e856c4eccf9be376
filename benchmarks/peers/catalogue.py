"""All servers by name; a new one is a module of its own and a line here."""

from benchmarks.peers import (
    bentoml,
    drum,
    drum_like,
    floors,
    json_rows,
    mlflow,
    mlserver,
    tensors,
    workers,
)

OURS = drum_like.PEER.name
DRUM = drum.PEER.name
TENSORS = tensors.PEER.name
JSON_ROWS = json_rows.PEER.name
MLFLOW = mlflow.PEER.name
MLSERVER = mlserver.PEER.name

OTHERS = (drum.PEER, mlflow.PEER, bentoml.PEER, mlserver.PEER)
"""The servers that drum-like is compared with."""

KINDS = (workers.GTHREAD, workers.GRANIAN)
"""Other kinds of workers for drum-like's application."""

PEERS = {
    peer.name: peer
    for peer in (
        *(drum_like.PEER, tensors.PEER, json_rows.PEER),
        *OTHERS,
        *KINDS,
        *(floors.FLASK, floors.DISCARD),
    )
}
