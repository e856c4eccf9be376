"""The directories of model_templates: where they are, what they say, how answers are compared."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2] / "model_templates"
NAMES = tuple(sorted(path.name for path in ROOT.iterdir() if path.is_dir()))
TOLERANCE = 1e-6
TRAINING_TIMEOUT_S = 120


def expected(directory: Path) -> Any:
    """Return the parsed answer that a directory promises for its sample."""
    return json.loads((directory / "expected.json").read_text("utf-8"))


def sample(directory: Path) -> Path:
    """Return the one file that holds the request."""
    (found,) = directory.glob("sample.*")
    return found


def about(answer: Any) -> dict[str, Any]:
    """Return values that equal the `leaves` of the same answer, numbers within 1e-6."""
    return {path: _near(leaf) for path, leaf in leaves(answer).items()}


def leaves(answer: Any) -> dict[str, Any]:
    """Return the text, numbers and nulls of a JSON value by their path, and the sizes of lists."""
    return dict(_walk(answer, "$"))


def copy(name: str, target: Path) -> Path:
    """Copy a template without what a run may have left in it, and return the copy."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pkl")
    return shutil.copytree(ROOT / name, target / name, ignore=ignored)


def train(directory: Path) -> None:
    """Run `python train.py` in a directory, as its README says."""
    command = [sys.executable, "-W", "error", "train.py"]
    subprocess.run(command, cwd=directory, check=True, timeout=TRAINING_TIMEOUT_S)


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _walk(member, f"{path}.{name}")
    elif isinstance(value, list):
        yield f"{path}.length", len(value)
        for position, item in enumerate(value):
            yield from _walk(item, f"{path}[{position}]")
    else:
        yield path, value


def _near(leaf: Any) -> Any:
    return pytest.approx(leaf, rel=TOLERANCE, abs=TOLERANCE) if isinstance(leaf, float) else leaf
