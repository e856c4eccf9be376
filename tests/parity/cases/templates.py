"""Every directory of model_templates, as a user copies it."""

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import xgboost as xgb
import yaml

from tests.parity.case import (
    Build,
    Case,
    Command,
    CommandCase,
    Probe,
    ServerCase,
    get,
    post,
    rounds_one_row,
    upload_rows,
)

LIGHTGBM_TWIN = """
from pathlib import Path

import lightgbm
import pandas as pd


def load_model(code_dir):
    (path,) = Path(code_dir).glob("*.txt")
    return lightgbm.Booster(model_file=path)


def score(data, model, class_labels=(), **kwargs):
    return pd.DataFrame(model.predict(data), columns=list(class_labels) or ["Predictions"])
"""
CHAT = '{"model": "m", "messages": [{"role": "user", "content": "The data"}], "seed": 1%s}'
TRAINING_TIMEOUT_S = 600
MATRIX_PRODUCTS = frozenset({"media", "onnx_regression"})
"""Templates whose framework gives one row other bits than the same row among others."""


def template_cases(root: Path) -> tuple[Case, ...]:
    """Return the cases of every template; none where the directory is not there."""
    directories = sorted(path.parent for path in root.glob("*/model-metadata.yaml"))
    return tuple(case for directory in directories for case in _cases(directory))


def _cases(directory: Path) -> list[Case]:
    target = yaml.safe_load((directory / "model-metadata.yaml").read_text("utf-8"))
    inference = target.get("inferenceModel") or {}
    environment = {"TARGET_NAME": inference.get("targetName", "target")}
    twin = _twin(directory)
    build, drum_build = _copied(directory), None if twin is None else _copied(directory, twin)
    probes = _probes(target["targetType"], _sample(directory), has_twin=twin is not None)
    if directory.name in MATRIX_PRODUCTS:
        probes = rounds_one_row(probes)
    name = f"template-{directory.name}"
    if twin is not _pickled_booster or target["targetType"] != "binary":
        return [
            ServerCase(
                name=name,
                build=build,
                drum_build=drum_build,
                probes=probes,
                environment=environment,
            ),
            _score(name, directory, environment, drum_build),
        ]
    swapped = tuple(Probe(probe.name, probe.request, ("D17",)) for probe in probes)
    return [
        ServerCase(name=name, build=build, drum_build=drum_build, probes=swapped),
        ServerCase(
            name=f"{name}-legacy",
            build=build,
            drum_build=drum_build,
            probes=probes,
            ours_arguments=("--legacy-label-order",),
        ),
    ]


def _sample(directory: Path) -> Path:
    return next(iter(sorted(directory.glob("sample.*"))))


def _probes(target: str, sample: Path, *, has_twin: bool) -> tuple[Probe, ...]:
    rows = sample.read_bytes()
    info = () if has_twin else (Probe("info", get("/info/"), ("D24",)),)
    if target == "unstructured":
        path = "/predictUnstructured/"
        return (
            *info,
            Probe("JSON", post(path, rows, "application/json")),
            Probe("query", post(path + "?top=3", rows, "application/json")),
            Probe("refused query", post(path + "?top=zero", rows, "application/json")),
            Probe("refused body", post(path, "[]", "application/json")),
        )
    path = "/transform/" if target == "transform" else "/predict/"
    first = b"\n".join(rows.splitlines()[:2])
    chats = _chats() if target == "textgeneration" else ()
    return (
        *info,
        Probe("raw", post(path, rows)),
        Probe("upload", upload_rows(path, rows)),
        Probe("one row", post(path, first)),
        *chats,
    )


def _chats() -> tuple[Probe, ...]:
    path = "/v1/chat/completions"
    return (
        Probe("chat", post(path, CHAT % "", "application/json")),
        Probe("stream", post(path, CHAT % ', "stream": true', "application/json")),
        Probe("models", get("/v1/models"), ("alive",)),
    )


def _score(
    name: str, directory: Path, environment: dict[str, str], drum_build: Build | None
) -> CommandCase:
    rows = "{dir}/" + _sample(directory).name
    words = ("score", "--code-dir", "{dir}", "--input", rows, "--output", "{out}/scores.csv")
    command = Command(name="score", arguments=words, environment=environment)
    return CommandCase(
        name=f"{name}-score", build=_copied(directory), drum_build=drum_build, commands=(command,)
    )


Twin = Callable[[Path], None]


def _twin(directory: Path) -> Twin | None:
    """Return the change that lets DRUM load a copy, None where it needs none."""
    if (directory / "custom.py").exists():
        return None
    if list(directory.glob("*.ubj")):
        return _pickled_booster
    return _lightgbm_hooks if list(directory.glob("*.txt")) else None


def _pickled_booster(directory: Path) -> None:
    (path,) = directory.glob("*.ubj")
    model = xgb.Booster(model_file=path)
    path.unlink()
    (directory / "model.pkl").write_bytes(pickle.dumps(model))


def _lightgbm_hooks(directory: Path) -> None:
    (directory / "custom.py").write_text(LIGHTGBM_TWIN)


def _copied(source: Path, change: Twin | None = None) -> Build:
    """Return a builder that copies a template, trains what is not committed, and changes it."""

    def build(directory: Path) -> None:
        skipped = shutil.ignore_patterns("__pycache__", "*.pkl")
        shutil.copytree(source, directory, ignore=skipped, dirs_exist_ok=True)
        if not list(directory.glob("model.*")):
            subprocess.run(
                [sys.executable, "train.py"],
                cwd=directory,
                check=True,
                timeout=TRAINING_TIMEOUT_S,
                stdout=subprocess.DEVNULL,
            )
        if change is not None:
            change(directory)

    return build
