"""Running `score` on a model and some rows, in this process or in one of its own."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.command_line import run_here
from tests.support.models import Model
from tests.support.serving import run

Score = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def score(tmp_path: Path) -> Score:
    """Return a function that scores rows; output goes to `out.csv` in the test's directory."""
    return _score_with(run_here, tmp_path)


@pytest.fixture
def score_alone(tmp_path: Path) -> Score:
    """Return the same function, in a process of its own."""
    return _score_with(run, tmp_path)


def _score_with(run: Score, folder: Path) -> Score:
    def run_score(
        model: Model,
        rows: str,
        *flags: str,
        env: Mapping[str, str] | None = None,
        suffix: str = ".csv",
    ) -> subprocess.CompletedProcess[str]:
        directory = model.write(folder / "model")
        rows_path = folder / f"in{suffix}"
        rows_path.write_text(rows)
        words = ("score", "--code-dir", directory, "--input", rows_path)
        return run(*words, *model.flags, *flags, env={**model.env, **(env or {})}, cwd=folder)

    return run_score
