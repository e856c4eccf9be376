"""The files of model_templates: complete, safe to load, in agreement, and reproducible."""

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.templates.directories import NAMES, ROOT, about, copy, expected, leaves, sample, train

HARMLESS = {".csv", ".json", ".md", ".npz", ".onnx", ".txt", ".ubj", ".yaml"}
"""Suffixes of files that run nothing when they are read; .npz only without objects, see below."""

PROGRAMS = {"custom.py", "train.py"}
MAX_BYTES = 200_000
TEMPLATES = pytest.mark.parametrize("name", NAMES)


def kept_files() -> list[Path]:
    """Return the files that are in git, or would be after `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for path in (ROOT / name for name in listed.split("\0") if name) if path.exists()]


def test_nothing_in_git_can_run_code_when_it_is_loaded() -> None:
    programs = [path for path in kept_files() if path.suffix not in HARMLESS]

    assert {path.name for path in programs} == PROGRAMS | {".gitignore"}


def test_arrays_in_git_hold_no_pickled_objects() -> None:
    archives = [path for path in kept_files() if path.suffix == ".npz"]

    dtypes = [array.dtype for path in archives for array in np.load(path).values()]

    assert len(dtypes) >= len(archives) > 0
    assert set(dtypes) == {np.dtype(np.float64)}


def test_files_in_git_are_small() -> None:
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in kept_files()}

    assert len(sizes) > len(NAMES)
    assert {name: size for name, size in sizes.items() if size > MAX_BYTES} == {}


def test_readme_lists_every_directory_with_its_target_type() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\((\w+)/\) \| (\w+) \|", (ROOT / "README.md").read_text(), re.MULTILINE
    )

    types = {name: metadata(name)["targetType"] for name in NAMES}
    assert sorted(rows) == sorted((name, name, types[name]) for name in NAMES)


@TEMPLATES
def test_directory_is_complete(name: str) -> None:
    files = {path.name for path in (ROOT / name).iterdir()}

    assert files >= {"README.md", "train.py", "model-metadata.yaml", "expected.json"}
    assert sample(ROOT / name).suffix in {".csv", ".json"}


@TEMPLATES
def test_readme_says_how_to_serve_call_and_retrain(name: str) -> None:
    text = (ROOT / name / "README.md").read_text("utf-8")

    assert "drum-like server --code-dir ." in text
    assert f"--data-binary @{sample(ROOT / name).name}" in text
    assert "python train.py" in text


@TEMPLATES
def test_every_prediction_has_the_labels_of_the_metadata(name: str) -> None:
    labels = labels_of(metadata(name).get("inferenceModel", {}))

    answer = leaves(expected(ROOT / name))

    predicted = {
        path.rpartition(".")[2] for path in answer if re.search(r"predictions\[\d+\]\.", path)
    }
    assert predicted == labels


@TEMPLATES
def test_training_again_gives_the_same_sample_and_answer(name: str, tmp_path: Path) -> None:
    directory = copy(name, tmp_path)
    before = {path.name for path in directory.iterdir()}
    made = [directory / "expected.json", sample(directory), *directory.glob("model.*")]
    for path in made:
        path.unlink()

    train(directory)

    after = {path.name for path in directory.iterdir()} - {"__pycache__", "model.pkl"}
    assert after == before
    assert sample(directory).read_text("utf-8") == sample(ROOT / name).read_text("utf-8")
    assert leaves(expected(directory)) == about(expected(ROOT / name))


def metadata(name: str) -> dict[str, Any]:
    """Return the parsed model-metadata.yaml of a template."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / name / "model-metadata.yaml").read_text())
    return parsed


def labels_of(model: dict[str, Any]) -> set[str]:
    """Return the labels of an `inferenceModel`, of two classes or of more."""
    ends = {model[key] for key in ("positiveClassLabel", "negativeClassLabel") if key in model}
    return ends | set(model.get("classLabels", []))
