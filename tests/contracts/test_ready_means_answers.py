"""Models that can answer no row, or not their target, end the start: one message, exit code 4."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from tests.support.models import ABC, YES_NO
from tests.support.serving import serve, start_failure

BINARY = ("--target-type", "binary", *YES_NO)
ROWS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
CLASSES = np.array([0, 1, 1, 1])
TRUTHS = np.column_stack([CLASSES, 1 - CLASSES, ROWS[:, 0] == 1]).astype(int)


def written(folder: Path, model: Any) -> Path:
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    return folder


@pytest.mark.parametrize(
    ("model", "flags", "texts"),
    [
        pytest.param(LogisticRegression(), BINARY, ("NotFittedError",), id="unfitted"),
        pytest.param(
            VotingClassifier([("a", LogisticRegression())]).fit(ROWS, CLASSES),
            BINARY,
            ("it gives no probabilities", "voting='soft'"),
            id="hard-voting",
        ),
        pytest.param(
            LogisticRegression().fit(ROWS, CLASSES),
            ("--target-type", "regression"),
            ("is a classifier", "binary, multiclass or multilabel"),
            id="classifier-for-numbers",
        ),
        pytest.param(
            LogisticRegression().fit(ROWS, np.array(["u", "v"])[CLASSES]),
            BINARY,
            ("Expected predictions to have columns", "spell the model's classes"),
            id="other-words",
        ),
    ],
)
def test_the_start_says_why_and_what_to_do(
    model: Any, flags: tuple[str, ...], texts: tuple[str, ...], tmp_path: Path
) -> None:
    done = start_failure(written(tmp_path, model), *flags)

    assert done.returncode == 4
    for text in texts:
        assert (done.stdout + done.stderr).count(text) == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_a_forest_of_several_labels_answers(tmp_path: Path) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, TRUTHS)
    flags = ("--target-type", "multilabel", *ABC)

    with serve(written(tmp_path, model), *flags) as server:
        reply, log = server.csv("a,b\n1,0\n"), server.log()

    expected = [float(part[0, 1]) for part in model.predict_proba(ROWS[2:3])]
    assert reply.json() == {"predictions": [dict(zip("ABC", expected, strict=True))]}
    assert "labels: by position, column 1 is 'A', 2 is 'B', 3 is 'C'" in log


def test_named_classes_answer_under_their_names(tmp_path: Path) -> None:
    model = DecisionTreeClassifier().fit(ROWS, CLASSES + 1)

    with serve(written(tmp_path, model), *BINARY) as server:
        reply, log = server.csv("a,b\n1,0\n"), server.log()

    assert reply.json() == {"predictions": [{"no": 0.0, "yes": 1.0}]}
    assert "labels: class 1 is 'no', 2 is 'yes' (positive: 'yes')" in log


def test_a_missing_number_does_not_fail_its_batch(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text(
        "def load_model(code_dir):\n    return 1\n"
        "def score(data, model, **kwargs):\n    return data[['a']] / data[['a']]\n"
    )

    with serve(tmp_path, "--target-type", "regression") as server:
        reply = server.csv("a\n1\n0\n2\n")

    assert reply.json() == {"predictions": [1.0, None, 1.0]}


def test_a_missing_probability_names_its_row_and_no_value(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text(
        "def load_model(code_dir):\n    return 1\n"
        "def score(data, model, **kwargs):\n"
        "    return data[['a']].assign(yes=data['a'], no=1 - data['a'])[['yes', 'no']]\n"
    )

    with serve(tmp_path, *BINARY) as server:
        reply = server.csv("a\n0.25\n\n0.12345\n", "/predict/")
        rows = server.csv("a,b\n0.25,1\n,1\n0.12345,1\n")

    assert reply.status == rows.status == 500
    message = rows.json()["message"]
    assert message.startswith("ERROR: Your prediction probabilities do not add up to 1. \n")
    assert "row 2" in message
    assert "0.12345" not in message
