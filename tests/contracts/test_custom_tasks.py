"""Custom tasks: a class CustomTask in custom.py that `fit` has saved stands for the hooks."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.models import Model
from tests.support.serving import environment, run, start_failure

SAVE = """
import sys
from drum_like.model import datarobot_alias
datarobot_alias.install()
sys.path.insert(0, ".")
import custom
custom.CustomTask().save(".")
"""
ESTIMATOR = """
import pandas as pd
from datarobot_drum.custom_task_interfaces import {base}

class CustomTask({base}):
    def __init__(self):
        self.factor = 2.0

    def predict(self, X, **kwargs):
        return pd.DataFrame({{"Predictions": X["a"] * self.factor}})

    def predict_proba(self, X, **kwargs):
        return pd.DataFrame({{"yes": X["a"] / self.factor, "no": 1 - X["a"] / self.factor}})

    def transform(self, X):
        return X * self.factor
"""
BINARY_FLAGS = ("--positive-class-label", "yes", "--negative-class-label", "no")


def fitted(folder: Path, base: str) -> Path:
    """Return a model directory with what `fit` would have left there."""
    directory = Model({"custom.py": ESTIMATOR.format(base=base)}).write(folder / "model")
    subprocess.run(
        [sys.executable, "-c", SAVE],
        cwd=directory,
        env=environment({"PYTHONPATH": str(Path.cwd()), "PYTHONDONTWRITEBYTECODE": "1"}),
        check=True,
        timeout=60,
    )
    return directory


@pytest.mark.parametrize(
    ("base", "flags", "header", "row"),
    [
        ("RegressionEstimatorInterface", ("regression",), "Predictions", "1.0"),
        ("AnomalyEstimatorInterface", ("anomaly",), "Predictions", "1.0"),
        ("BinaryEstimatorInterface", ("binary", *BINARY_FLAGS), "yes,no", "0.25,0.75"),
        (
            "MulticlassEstimatorInterface",
            ("multiclass", "--class-labels", "yes", "no"),
            "yes,no",
            "0.25,0.75",
        ),
        ("TransformerInterface", ("transform",), "a", "1.0"),
    ],
)
def test_a_task_that_was_fitted_is_served(
    tmp_path: Path, base: str, flags: tuple[str, ...], header: str, row: str
) -> None:
    (tmp_path / "rows.csv").write_text("a\n0.5\n")
    words = ("score", "--code-dir", fitted(tmp_path, base), "--input", tmp_path / "rows.csv")

    done = run(*words, "--output", "-", "--target-type", *flags)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [header, row]


def test_a_task_that_was_not_fitted(tmp_path: Path) -> None:
    directory = fitted(tmp_path, "RegressionEstimatorInterface")
    (directory / "drum_artifact.pkl").unlink()

    done = start_failure(directory, "--target-type", "regression")

    assert done.returncode == 4
    assert "Failed to load custom task class. Exception: FileNotFoundError" in done.stderr


def test_a_class_that_is_no_task(tmp_path: Path) -> None:
    directory = Model({"custom.py": "class CustomTask:\n    pass\n"}).write(tmp_path / "model")

    done = start_failure(directory, "--target-type", "regression")

    assert done.returncode == 4
    assert "The CustomTask class must inherit from the CustomTaskInterface" in done.stderr
