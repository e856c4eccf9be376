"""Running `score` on a model and some rows."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.models import Model
from tests.support.serving import run

Score = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def score(tmp_path: Path) -> Score:
    """Return a function that scores rows; output goes to `out.csv` in the test's directory."""

    def run_score(
        model: Model,
        rows: str,
        *flags: str,
        env: Mapping[str, str] | None = None,
        suffix: str = ".csv",
    ) -> subprocess.CompletedProcess[str]:
        directory = model.write(tmp_path / "model")
        rows_path = tmp_path / f"in{suffix}"
        rows_path.write_text(rows)
        words = ("score", "--code-dir", directory, "--input", rows_path)
        return run(*words, *model.flags, *flags, env={**model.env, **(env or {})}, cwd=tmp_path)

    return run_score
