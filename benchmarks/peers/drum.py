"""DataRobot DRUM, with the worker count given in each way that it knows."""

import shutil
import subprocess
from pathlib import Path

from benchmarks import bodies
from benchmarks.peer import Endpoint, Peer, Site, Start
from benchmarks.peers.drum_like import LABELS

PICKLE = {
    "model.ubj": "import xgboost; model = xgboost.Booster(model_file={source!r})",
    "model.txt": "import lightgbm; model = lightgbm.Booster(model_file={source!r})",
}
"""Code that opens a booster's own file, to pickle it: DRUM reads pickles only."""


def start(site: Site) -> Start:
    """Serve a copy of the model directory, boosters pickled."""
    prepare(site)
    command = [
        *(site.program("drum"), "server", "--code-dir", str(site.folder)),
        *("--address", f"127.0.0.1:{site.port}", *LABELS),
    ]
    workers = str(site.workers)
    return Start(command, {"MAX_WORKERS": workers, "CUSTOM_MODEL_WORKERS": workers})


def prepare(site: Site) -> None:
    """Write the directory that DRUM reads."""
    for path in filter(Path.is_file, site.model.iterdir()):
        if path.name not in PICKLE:
            shutil.copy(path, site.folder)
            continue
        target = str(site.folder / "model.pkl")
        code = PICKLE[path.name].format(source=str(path))
        dump = f"{code}; import pickle; pickle.dump(model, open({target!r}, 'wb'))"
        subprocess.run([str(site.python), "-c", dump], check=True)


PEER = Peer(
    name="drum",
    packages=(
        "datarobot-drum==1.18.1",
        *("lightgbm=={lightgbm}", "numpy=={numpy}", "onnxruntime=={onnxruntime}"),
        *("pandas=={pandas}", "scikit-learn=={scikit_learn}", "xgboost-cpu=={xgboost}"),
    ),
    models=frozenset({"xgboost", "hook", "lightgbm", "onnx", "sklearn"}),
    endpoints={"csv": Endpoint("/predict/", "text/csv", bodies.csv, bodies.labelled)},
    ready="/ping/",
    start=start,
    may_swap_labels=True,
)
