"""Directories that do not become a model: one message, exit code 4 (rows A-11 to A-20, and others).

The same faults behind --with-error-server are in test_extension_and_error_server.py.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.models import REG, TEXT, Model, hooks
from tests.support.serving import start_failure

REGRESSION = ("--target-type", "regression")
PICKLE = pickle.dumps({"no": "estimator"})
SCORE = "def score(data, model, **kwargs):\n    return data\n"
NO_ARTIFACT = "Could not find model artifact file in: "
TOO_MANY_HOOKS = "Found too many custom hook files: [PosixPath("


def failing(files: Mapping[str, str | bytes], *flags: str) -> Model:
    return Model(files, flags or REGRESSION)


@pytest.mark.parametrize(
    ("model", "texts"),
    [
        pytest.param(
            failing({"m1.pkl": PICKLE, "m2.pkl": PICKLE}),
            [
                "Multiple serialized model files found.",
                "List of retrieved files are: m1.pkl | m2.pkl",
            ],
            id="A-11",
        ),
        pytest.param(
            failing({"custom.py": SCORE}),
            [NO_ARTIFACT, "supported by default predictors."],
            id="A-12",
        ),
        pytest.param(
            failing({"model.pkl": PICKLE[: len(PICKLE) // 2]}),
            ["Could not load model from the artifact file."],
            id="A-14-truncated",
        ),
        pytest.param(
            failing({"model.pkl": b"no pickle"}),
            ["Could not load model from the artifact file.", "UnpicklingError"],
            id="A-14-rubbish",
        ),
        pytest.param(failing({"deep/model.pkl": PICKLE}), [NO_ARTIFACT], id="A-15"),
        pytest.param(
            failing({"custom.py": SCORE, "deep/custom.py": SCORE, "model.pkl": PICKLE}),
            [TOO_MANY_HOOKS],
            id="A-17",
        ),
        pytest.param(
            failing({"notes.md": ""}),
            ["holds no model and no custom.py; found: notes.md. ", "`drum-like new model "],
            id="A-18-by-D70",
        ),
        pytest.param(
            failing({"model.pkl": PICKLE, "custom.R": ""}),
            ["custom.R: models and hooks in R or Java are not served."],
            id="custom-R",
        ),
        pytest.param(
            failing({"custom.py": "def load_model(code_dir): pass\n" + SCORE}),
            ["'load_model' hook failed to load model, None is returned."],
            id="A-19",
        ),
        pytest.param(
            failing({"custom.py": "def load_model(code_dir): raise ValueError('boom')\n" + SCORE}),
            ["'load_model' hook failed to load the model.", "boom", "(custom.py line 1: Value"],
            id="E-load-model-raises",
        ),
        pytest.param(
            failing(hooks("import no_such_module\n")),
            ["Failed loading hooks from [", "No module named 'no_such_module'"],
            id="X-19-missing-module",
        ),
        pytest.param(
            failing({"custom.py": "raise ValueError('at import')\n"}), ["at import"], id="X-19"
        ),
        pytest.param(
            failing({"custom.py": "raise SystemExit('leaving')\n"}), ["leaving"], id="X-19-exit"
        ),
        pytest.param(
            failing(hooks("def init(code_dir): raise ValueError('in init')\n" + SCORE)),
            ["in init", "(custom.py line "],
            id="X-19-init",
        ),
        pytest.param(
            REG.plus(**{"custom_flask_py": "", "deep/custom_flask_py": ""}),
            [TOO_MANY_HOOKS],
            id="X-14",
        ),
        pytest.param(
            failing(hooks(""), "--target-type", "unstructured"),
            ["In 'unstructured' mode hook 'score_unstructured' must be provided."],
            id="U-23",
        ),
        pytest.param(
            failing(hooks(""), "--target-type", "transform"),
            ["A transform task requires a user-defined transform hook for non-sklearn"],
            id="T-16",
        ),
        pytest.param(
            failing(hooks("")),
            ["Could not find any framework to handle loaded model and a score hook is not"],
            id="A-10-no-framework",
        ),
    ],
)
def test_a_model_that_does_not_load(model: Model, texts: list[str], tmp_path: Path) -> None:
    done = start_failure(model.write(tmp_path), *model.flags, env=model.env)

    assert done.returncode == 4
    for text in texts:
        assert (done.stdout + done.stderr).count(text) == 1, done.stderr
    assert "istening" not in done.stdout + done.stderr, "nothing was ever served"


def test_a_text_model_needs_the_name_of_its_target(tmp_path: Path) -> None:
    """A-20: a variable is missing, not a model."""
    done = start_failure(TEXT.write(tmp_path), *TEXT.flags)

    assert done.returncode == 1
    expected = (
        "Unexpected empty target name for text generation, vector database, or agentic workflow "
        "target."
    )
    assert (done.stdout + done.stderr).count(expected) == 1
