"""The meaning of boosters' outputs: probabilities are served, everything else needs a link."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drum_like.api import LoadError, NativeFrame
from drum_like.config.model_settings import ModelSettings
from drum_like.errors import SettingsError
from drum_like.inference.loading import open_service
from tests.predictors.scoring import classes, numbers
from tests.support.serving import start_failure

BINARY = """targetType: binary
inferenceModel:
  positiveClassLabel: "1"
  negativeClassLabel: "0"
"""
MULTICLASS = """targetType: multiclass
inferenceModel:
  classLabels:
    - "0"
    - "1"
    - "2"
"""
MULTILABEL = MULTICLASS.replace("multiclass", "multilabel")
REGRESSION = "targetType: regression\n"


def boosted(objective: Any, *, n_classes: int = 2) -> xgb.Booster:
    many = {"num_class": n_classes} if n_classes > 2 else {}
    target = xgb.DMatrix(numbers(), classes(n_classes=n_classes))
    return xgb.train({"objective": objective, "nthread": 1, **many}, target, 4)


def light(objective: Any, *, n_classes: int = 2) -> Any:
    many = {"num_class": n_classes} if n_classes > 2 else {}
    data = lgb.Dataset(numbers(), classes(n_classes=n_classes))
    return lgb.train({"objective": objective, "num_threads": 1, "verbose": -1, **many}, data, 4)


def classifier(kind: Any, objective: Any, *, n_classes: int = 2) -> Any:
    quiet = {"verbose": -1} if kind is lgb.LGBMClassifier else {}
    model = kind(n_estimators=4, n_jobs=1, objective=objective, **quiet)
    return model.fit(numbers(), classes(n_classes=n_classes))


def own_squares(scores: Any, data: lgb.Dataset) -> tuple[Any, Any]:
    """Return gradients and Hessians: an objective of the user's own."""
    return scores - np.asarray(data.get_label()), np.ones_like(scores)


def own_logistic(target: Any, scores: Any) -> tuple[Any, Any]:
    """Return gradients and Hessians, as LightGBM's estimators ask for them."""
    chances = 1 / (1 + np.exp(-scores))
    return chances - target, chances * (1 - chances)


def saved(directory: Path, model: Any, target: str, *more: str, name: str | None = None) -> Path:
    lines = ("name: m", "type: inference", *more)
    (directory / "model-metadata.yaml").write_text("\n".join(lines) + "\n" + target)
    if name is not None:
        model.save_model(directory / name)
    elif isinstance(model, (xgb.Booster, lgb.Booster)):
        native = "m.json" if isinstance(model, xgb.Booster) else "m.txt"
        model.save_model(directory / native)
    else:
        (directory / "m.pkl").write_bytes(pickle.dumps(model))
    return directory


def answers(directory: Path, rows: pd.DataFrame) -> NDArray[Any]:
    """Return (n_rows, n_labels) in the order of the classes 0, 1, ..."""
    service = open_service(ModelSettings(code_dir=directory))
    found = service.predict(NativeFrame(rows))
    labels: list[Any] = list(found.labels or ())
    return found.values[:, [labels.index(label) for label in sorted(labels)]]


MARGINS: dict[str, tuple[Callable[[], Any], str]] = {
    "xgb-reg": (lambda: boosted("reg:squarederror"), BINARY),
    "xgb-logitraw": (lambda: boosted("binary:logitraw"), BINARY),
    "xgb-hinge": (lambda: boosted("binary:hinge"), BINARY),
    "xgb-poisson": (lambda: boosted("count:poisson"), BINARY),
    "xgb-rank": (lambda: boosted("rank:pairwise"), BINARY),
    "xgb-softmax": (lambda: boosted("multi:softmax", n_classes=3), MULTICLASS),
    "xgb-pickled-logitraw": (lambda: classifier(xgb.XGBClassifier, "binary:logitraw"), BINARY),
    "xgb-pickled-reg": (lambda: classifier(xgb.XGBClassifier, "reg:squarederror"), BINARY),
    "xgb-regressor": (
        lambda: xgb.XGBRegressor(n_estimators=2, n_jobs=1).fit(numbers(), classes()),
        BINARY,
    ),
    "lgb-regression": (lambda: light("regression"), BINARY),
    "lgb-own": (lambda: light(own_squares), BINARY),
    "lgb-lambda": (lambda: light("cross_entropy_lambda"), BINARY),
    "lgb-pickled-own": (lambda: classifier(lgb.LGBMClassifier, own_logistic), BINARY),
    "lgb-pickled-reg": (lambda: classifier(lgb.LGBMClassifier, "regression"), BINARY),
}


@pytest.mark.parametrize("name", MARGINS)
def test_classifier_without_probabilities_is_refused_with_ways_out(
    name: str, tmp_path: Path
) -> None:
    train, target = MARGINS[name]
    saved(tmp_path, train(), target)

    with pytest.raises(LoadError, match="no probabilities") as caught:
        open_service(ModelSettings(code_dir=tmp_path))

    assert "another target type" in str(caught.value)
    assert "link: logit" in str(caught.value)


def test_refusal_ends_the_start_with_4(tmp_path: Path) -> None:
    saved(tmp_path, boosted("binary:logitraw"), BINARY)

    ended = start_failure(tmp_path)

    assert ended.returncode == 4
    assert "binary:logitraw" in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("train", "margins"),
    [
        (lambda: boosted("binary:logitraw"), None),
        (lambda: boosted("reg:squarederror"), None),
        (lambda: boosted("binary:hinge"), None),
        (lambda: boosted("count:poisson"), None),
        (lambda: light(own_squares), None),
        (lambda: light("poisson"), None),
        (
            lambda: classifier(xgb.XGBClassifier, "binary:logitraw"),
            lambda model, rows: model.predict(rows, output_margin=True),
        ),
        (
            lambda: classifier(lgb.LGBMClassifier, own_logistic),
            lambda model, rows: model.predict(rows, raw_score=True),
        ),
    ],
)
def test_link_makes_probabilities_of_margins(train: Any, margins: Any, tmp_path: Path) -> None:
    model, rows = train(), numbers()
    saved(tmp_path, model, BINARY, "link: logit")

    found = answers(tmp_path, rows)

    raw = np.asarray((margins or native_margins)(model, rows), dtype=np.float64)
    exact = 1e-6 if found.dtype == np.float32 else 1e-14
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-raw)), rtol=exact, atol=exact)


def native_margins(model: Any, rows: pd.DataFrame) -> Any:
    if isinstance(model, xgb.Booster):
        return model.predict(xgb.DMatrix(rows), output_margin=True)
    return model.predict(rows, raw_score=True)


def test_softmax_link_is_what_the_sibling_objective_gives(tmp_path: Path) -> None:
    model = boosted("multi:softprob", n_classes=3)
    expected = model.predict(xgb.DMatrix(numbers()))
    model.set_param({"objective": "multi:softmax"})
    saved(tmp_path, model, MULTICLASS, "link: softmax")

    np.testing.assert_allclose(answers(tmp_path, numbers()), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("train", "target"),
    [
        (lambda: boosted("binary:logistic"), BINARY),
        (lambda: boosted("reg:logistic"), BINARY),
        (lambda: light("binary"), BINARY),
        (lambda: light("cross_entropy"), BINARY),
        (lambda: boosted("multi:softprob", n_classes=3), MULTICLASS),
        (lambda: light("multiclass", n_classes=3), MULTICLASS),
    ],
)
def test_probabilities_are_served_and_take_no_link(train: Any, target: str, tmp_path: Path) -> None:
    model = train()
    saved(tmp_path, model, target)
    raw = model.predict(xgb.DMatrix(numbers()) if isinstance(model, xgb.Booster) else numbers())
    expected = raw if raw.ndim == 2 else np.column_stack([1 - raw, raw])

    assert np.array_equal(answers(tmp_path, numbers()), expected)

    word = "logit" if target is BINARY else "softmax"
    saved(tmp_path, model, target, f"link: {word}")
    with pytest.raises(LoadError, match="is for margins: remove it"):
        open_service(ModelSettings(code_dir=tmp_path))


def test_one_against_the_rest_adds_up_only_if_told(tmp_path: Path) -> None:
    model = light("multiclassova", n_classes=3)
    saved(tmp_path, model, MULTICLASS)
    with pytest.raises(LoadError, match="normalize_probabilities: true"):
        open_service(ModelSettings(code_dir=tmp_path))

    saved(tmp_path, model, MULTICLASS, "normalize_probabilities: yes")
    found = answers(tmp_path, numbers())

    raw = model.predict(numbers())
    np.testing.assert_allclose(found, raw / raw.sum(axis=1, keepdims=True), rtol=1e-14)


def test_one_against_the_rest_is_multilabel(tmp_path: Path) -> None:
    model = light("multiclassova", n_classes=3)
    saved(tmp_path, model, MULTILABEL)

    assert np.array_equal(answers(tmp_path, numbers()), model.predict(numbers()))


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        (REGRESSION, ["link: logit"]),
        (MULTICLASS, ["link: logit"]),
        (BINARY, ["normalize_probabilities: yes"]),
    ],
)
def test_link_that_cannot_lead_to_the_target_is_refused(
    target: str, lines: list[str], tmp_path: Path
) -> None:
    saved(tmp_path, boosted("reg:squarederror"), target, *lines)

    with pytest.raises(SettingsError, match=r"model-metadata\.yaml"):
        open_service(ModelSettings(code_dir=tmp_path))


def test_hook_makes_the_probabilities_itself(tmp_path: Path) -> None:
    """Check the result of post_process, but not its input."""
    model = boosted("binary:logitraw")
    saved(tmp_path, model, BINARY)
    (tmp_path / "custom.py").write_text(
        "import numpy as np\n"
        "def post_process(predictions, model):\n"
        "    chances = 1 / (1 + np.exp(-predictions['1']))\n"
        "    return predictions.assign(**{'1': chances, '0': 1 - chances})\n"
    )

    found = answers(tmp_path, numbers())

    raw = model.predict(xgb.DMatrix(numbers()))
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-raw)), rtol=1e-5)


class OwnChances(lgb.LGBMClassifier):
    """A model whose class turns an objective of its own into probabilities."""

    def predict_proba(self, X: Any, *args: Any, **settings: Any) -> Any:  # noqa: N803 - sklearn's
        """Return probabilities."""
        raw: Any = super().predict_proba(X, True, *args, **settings)  # noqa: FBT003 - raw_score
        chances = 1 / (1 + np.exp(-raw))
        return np.column_stack([1 - chances, chances])


def test_margins_at_the_end_of_a_pipeline_are_refused(tmp_path: Path) -> None:
    model = classifier(xgb.XGBClassifier, "binary:logitraw")
    saved(tmp_path, make_pipeline(StandardScaler(), model).fit(numbers(), classes()), BINARY)

    with pytest.raises(LoadError, match="binary:logitraw gives numbers that are no probabilities"):
        open_service(ModelSettings(code_dir=tmp_path))


def test_probabilities_of_a_subclass_are_taken_at_its_word(tmp_path: Path) -> None:
    model = classifier(lgb.LGBMClassifier, own_logistic)
    model.__class__ = OwnChances
    saved(tmp_path, model, BINARY)

    assert np.array_equal(answers(tmp_path, numbers()), model.predict_proba(numbers()))
