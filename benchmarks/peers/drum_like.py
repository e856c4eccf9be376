"""drum-like as it is, with its defaults but for the number of workers."""

from benchmarks import bodies
from benchmarks.peer import Endpoint, Peer, Site, Start

LABELS = ("--target-type", "binary", "--positive-class-label", "1", "--negative-class-label", "0")


def start(site: Site) -> Start:
    """Serve the model directory."""
    threads = ("--threads", str(site.threads)) if site.threads else ()
    command = [
        *(str(site.python), "-m", "drum_like", "server", "--code-dir", str(site.model)),
        *("--address", f"127.0.0.1:{site.port}", "--max-workers", str(site.workers)),
        *(*LABELS, *threads),
    ]
    return Start(command)


PEER = Peer(
    name="drum-like",
    packages=(),
    models=frozenset({"xgboost", "hook", "lightgbm", "onnx", "sklearn", "score"}),
    endpoints={
        "csv": Endpoint("/predict/", "text/csv", bodies.csv, bodies.labelled),
        "arrow": Endpoint(
            "/predict/", "application/vnd.apache.arrow.stream", bodies.arrow, bodies.labelled
        ),
    },
    ready="/ping/",
    start=start,
)
