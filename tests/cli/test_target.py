"""Sources of target type and labels (rows L-09 to L-14, M-07, M-08)."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Score
from tests.support.command_line import run_here
from tests.support.models import BINARY, MULTICLASS, REG, YES_NO

OUT = ("--output", "out.csv")
BINARY_METADATA = """\
name: x
type: inference
targetType: binary
inferenceModel:
  positiveClassLabel: yes
  negativeClassLabel: no
"""
MULTICLASS_METADATA = """\
name: x
type: inference
targetType: multiclass
inferenceModel:
  classLabels:
    - A
    - B
    - C
"""
PROBABILITIES = "yes,no\n0.75,0.25\n"
THREE = "A,B,C\n0.5,0.25,0.25\n"

regression = replace(REG, flags=())
binary = replace(BINARY, flags=())
multiclass = replace(MULTICLASS, flags=())


def written(folder: Path) -> str:
    return (folder / "out.csv").read_text()


def test_a_target_type_is_due(score: Score) -> None:
    """L-09."""
    done = score(regression, "a\n1\n")

    assert done.returncode == 1
    expected = (
        "Target type is missing. It must be provided in --target-type argument, TARGET_TYPE env "
        "var or model config file."
    )
    assert expected in done.stderr


def test_a_flag_must_not_contradict_the_metadata(score: Score) -> None:
    """L-10."""
    model = regression.plus(**{"model-metadata.yaml": BINARY_METADATA})

    done = score(model, "a\n1\n", "--target-type", "regression")

    assert done.returncode == 1
    expected = (
        "Target type provided in --target-type argument doesn't match target type from model "
        "config file."
    )
    assert expected in done.stderr


def test_the_target_type_of_the_environment(score: Score, tmp_path: Path) -> None:
    """L-11."""
    done = score(regression, "a\n1\n", *OUT, env={"TARGET_TYPE": "regression"})

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == "Predictions\n1\n"


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--target-type", "binary", *YES_NO), id="L-12"),
        pytest.param(
            (
                "--target-type=binary",
                "--positive-class-label=yes",
                "--negative-class-label=no",
            ),
            id="L-13-by-D19",
        ),
    ],
)
def test_a_flag_wins_over_the_environment(
    score: Score, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    env = {"TARGET_TYPE": "regression", "POSITIVE_CLASS_LABEL": "b", "NEGATIVE_CLASS_LABEL": "a"}

    done = score(binary, PROBABILITIES, *flags, *OUT, env=env)

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == PROBABILITIES


def test_the_short_flag_of_the_directory_wins_too(tmp_path: Path) -> None:
    """L-13 by difference D19: -cd against CODE_DIR."""
    (tmp_path / "in.csv").write_text("a\n1\n")
    wrong = replace(REG, files={"custom.py": "raise ValueError('wrong')"}).write(tmp_path / "wrong")
    words = ("score", "-cd", REG.write(tmp_path / "right"), "--input", tmp_path / "in.csv")

    done = run_here(*words, *REG.flags, env={"CODE_DIR": str(wrong)})

    assert done.returncode == 0, done.stderr


def test_labels_of_the_environment(score: Score, tmp_path: Path) -> None:
    """L-14."""
    env = {"TARGET_TYPE": "multiclass", "CLASS_LABELS": "A B C"}

    done = score(multiclass, THREE, *OUT, env=env)

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == THREE


def test_a_file_of_labels_beats_the_list(score: Score, tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(b"A\r\n\r\nB\r\nC\r\n")
    env = {
        "TARGET_TYPE": "multiclass",
        "CLASS_LABELS": "Q R",
        "CLASS_LABELS_FILE": str(tmp_path / "labels"),
    }

    done = score(multiclass, THREE, *OUT, env=env)

    assert done.returncode == 0, done.stderr


def test_labels_of_the_metadata(score: Score, tmp_path: Path) -> None:
    """M-07."""
    done = score(binary.plus(**{"model-metadata.yaml": BINARY_METADATA}), PROBABILITIES, *OUT)

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == PROBABILITIES


def test_class_labels_of_the_metadata(score: Score, tmp_path: Path) -> None:
    """M-07."""
    done = score(multiclass.plus(**{"model-metadata.yaml": MULTICLASS_METADATA}), THREE, *OUT)

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == THREE


def test_labels_must_not_contradict_the_metadata(score: Score) -> None:
    """M-08."""
    flags = ("--positive-class-label", "1", "--negative-class-label", "0")

    done = score(binary.plus(**{"model-metadata.yaml": BINARY_METADATA}), PROBABILITIES, *flags)

    assert done.returncode == 1
    expected = (
        "Positive/negative class labels provided with command arguments or environment variable "
        "don't match values from model config file. Use either one of them or make them match."
    )
    assert expected in done.stderr


@pytest.mark.parametrize(
    ("target_type", "kind"), [("binary", "Positive/negative class"), ("multiclass", "Class")]
)
def test_labels_are_due(score: Score, target_type: str, kind: str) -> None:
    done = score(multiclass, THREE, "--target-type", target_type)

    assert done.returncode == 1
    assert f"{kind} labels are missing. They must be provided with either one: " in done.stderr
