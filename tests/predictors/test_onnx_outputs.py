"""Outputs of an ONNX graph that are the answer: by type, width, numbers and meaning."""

from typing import Any

import lightgbm as lgb
import numpy as np
import onnx
import onnxmltools
import pandas as pd
import pytest
import skl2onnx
import xgboost as xgb
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC, OneClassSVM

from drum_like.api import LoadError, Scale, Target, TargetType
from drum_like.model.artifact import predictor_for
from tests.predictors.scoring import ANOMALY, BINARY, MULTICLASS, REGRESSION, score
from tests.support.onnx_graphs import FLOAT, chances, model, session, softmax, tensor

# Short trainings, and what converters use of scikit-learn.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Option zipmap is ignored"),
]

MULTILABEL = Target(TargetType.MULTILABEL, ("A", "B", "C"))
WORDS = Target(TargetType.MULTICLASS, ("mid", "lo", "hi"))
NUMBERS = Target(TargetType.MULTICLASS, ("2", "0", "1"))

_RNG = np.random.default_rng(3)
ROWS = _RNG.normal(size=(120, 3)).astype(np.float32)
TWO = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(np.int64)
THREE = np.digitize(ROWS[:, 0], [-0.5, 0.5])
NUMBER = ROWS @ np.array([1.0, 2.0, 3.0])
LABELS = (ROWS > 0).astype(np.int64)

CLASSIFIERS = [
    CalibratedClassifierCV(LinearSVC()),
    KNeighborsClassifier(),
    LogisticRegression(),
    MLPClassifier(max_iter=20),
    OneVsRestClassifier(LogisticRegression()),
    RandomForestClassifier(5, n_jobs=1),
]


def converted(estimator: Any, target: Any, **options: Any) -> onnx.ModelProto:
    given = {id(estimator): options} if options else None
    made: onnx.ModelProto = skl2onnx.to_onnx(estimator.fit(ROWS, target), ROWS[:1], options=given)
    return made


def reordered(made: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph with its outputs the other way round, under names that say nothing."""
    outputs = list(made.graph.output)[::-1]
    for at, output in enumerate(outputs):
        for node in made.graph.node:
            for place, name in enumerate(node.output):
                if name == output.name:
                    node.output[place] = f"o{at}"
            for place, name in enumerate(node.input):
                if name == output.name:
                    node.input[place] = f"o{at}"
        output.name = f"o{at}"
    del made.graph.output[:]
    made.graph.output.extend(outputs)
    return made


def answer(made: onnx.ModelProto, target: Target, rows: Any = ROWS) -> pd.DataFrame:
    """Return probabilities by class, as the plugin gives them after it was asked at load."""
    opened = session(made)
    predictor_for(opened).check_target(target)  # type: ignore[attr-defined]
    prediction = score(opened, pd.DataFrame(rows), target)
    values = prediction.values.reshape(len(rows), -1)
    return pd.DataFrame(values, columns=prediction.labels)


def meaning(made: onnx.ModelProto, target: Target) -> tuple[Scale, str] | None:
    """Return the meaning that the plugin gives to its numbers at load."""
    predictor: Any = predictor_for(session(made))
    predictor.check_target(target)
    found = predictor.meaning(target)
    return None if found is None else (found.scale, found.said)


def refused(made: onnx.ModelProto, target: Target) -> str:
    """Return the message with which a target is refused at load."""
    with pytest.raises(LoadError) as caught:
        answer(made, target)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    ("classes", "target"),
    [
        (TWO, Target(TargetType.BINARY, ("0", "1"))),
        (np.array(["mid", "lo", "hi"])[THREE], WORDS),
    ],
    ids=["0-1", "words"],
)
def test_probabilities_belong_to_their_classes(
    classes: NDArray[Any], target: Target, estimator: Any, zipmap: object
) -> None:
    found = answer(converted(estimator, classes, zipmap=zipmap), target)

    expected = pd.DataFrame(estimator.predict_proba(ROWS), columns=estimator.classes_)
    assert set(found.columns) == set(expected.columns)
    np.testing.assert_allclose(found[list(expected.columns)], expected, atol=2e-5)


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
def test_names_and_places_of_outputs_do_not_matter(zipmap: object) -> None:
    estimator = LogisticRegression()
    made = converted(estimator, np.array(["mid", "lo", "hi"])[THREE], zipmap=zipmap)
    if zipmap != "columns":  # its names are all that tells the classes
        made = reordered(made)
    else:
        outputs = list(made.graph.output)[::-1]
        del made.graph.output[:]
        made.graph.output.extend(outputs)

    found = answer(made, WORDS)

    expected = estimator.predict_proba(ROWS)
    np.testing.assert_allclose(found[list(estimator.classes_)], expected, atol=2e-5)


def test_classes_of_boosters_are_theirs() -> None:
    kinds = [("x", FloatTensorType([None, 3]))]
    light = lgb.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    light.fit(ROWS, np.array(["mid", "lo", "hi"])[THREE])
    boosted = xgb.XGBClassifier(n_estimators=5, n_jobs=1).fit(ROWS, THREE)

    by_light = answer(onnxmltools.convert_lightgbm(light, initial_types=kinds, zipmap=False), WORDS)
    by_boosted = answer(onnxmltools.convert_xgboost(boosted, initial_types=kinds), NUMBERS)

    np.testing.assert_allclose(
        by_light[list(light.classes_)], np.asarray(light.predict_proba(ROWS)), atol=2e-5
    )
    np.testing.assert_allclose(by_boosted[[0, 1, 2]], boosted.predict_proba(ROWS), atol=2e-5)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, FLOAT, TensorProto.DOUBLE])
def test_probabilities_keep_their_type(kind: int) -> None:
    opened = session(softmax(kind))
    predictor_for(opened).check_target(MULTICLASS)  # type: ignore[attr-defined]

    found = score(opened, pd.DataFrame(ROWS[:, :2]), MULTICLASS).values

    assert found.dtype == helper.tensor_dtype_to_np_dtype(kind)
    tolerance = 2e-3 if kind == TensorProto.FLOAT16 else 1e-6
    np.testing.assert_allclose(found, chances(ROWS[:, :2]), atol=tolerance)


def test_bfloat16_comes_as_float32() -> None:
    made = softmax()
    made.graph.node.append(helper.make_node("Cast", ["out"], ["short"], to=TensorProto.BFLOAT16))
    made.graph.output[0].CopyFrom(tensor("short", TensorProto.BFLOAT16, ["rows", 3]))

    found = score(session(made), pd.DataFrame(ROWS[:, :2]), MULTILABEL).values

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, chances(ROWS[:, :2]), atol=4e-3)


@pytest.mark.parametrize("target", [MULTICLASS, MULTILABEL], ids=["multiclass", "multilabel"])
@pytest.mark.parametrize("label", ["", "label"])
def test_margins_are_no_probabilities(label: str, target: Target) -> None:
    found = meaning(softmax(logits=True, label=label), target)

    assert found == (Scale.MARGINS, "the ONNX output 'out'")


@pytest.mark.parametrize("estimator", [SVC(), LinearSVC()], ids=["votes", "distance"])
def test_what_is_called_probabilities_may_be_none(estimator: Any) -> None:
    found = meaning(converted(estimator, TWO), BINARY)

    assert found is not None
    assert found[0] is Scale.MARGINS


def test_probabilities_that_do_not_add_up_are_each_their_own() -> None:
    made = softmax(logits=True)
    made.graph.node[-1].op_type = "Sigmoid"

    assert meaning(made, MULTICLASS) == (Scale.CHANCES_EACH, "the ONNX output 'out'")
    assert meaning(made, MULTILABEL) == (Scale.CHANCES, "the ONNX output 'out'")
    assert meaning(softmax(), MULTICLASS) == (Scale.CHANCES, "the ONNX output 'out'")


def test_one_number_of_trees_may_be_a_margin() -> None:
    made = converted(RandomForestRegressor(5, n_jobs=1), TWO.astype(np.float64))

    assert meaning(made, BINARY) is None


@pytest.mark.parametrize("target", [MULTICLASS, MULTILABEL], ids=["multiclass", "multilabel"])
def test_whole_numbers_are_no_probabilities(target: Target) -> None:
    node = helper.make_node("Cast", ["x"], ["probabilities"], to=TensorProto.INT64)
    outputs = [tensor("probabilities", TensorProto.INT64, ["rows", 3])]
    made = model([node], [tensor("x", FLOAT, ["rows", 3])], outputs)

    assert "has no output of probabilities of 3 classes" in refused(made, target)


def test_labels_alone_are_no_probabilities() -> None:
    made = converted(LogisticRegression(), TWO, zipmap=False)
    del made.graph.output[1]

    assert "has no output of probabilities of 2 classes" in refused(made, BINARY)
    assert "is a classifier" in refused(made, REGRESSION)


@pytest.mark.parametrize("target", [REGRESSION, ANOMALY], ids=["regression", "anomaly"])
@pytest.mark.parametrize("zipmap", [True, False, "columns"])
def test_classifiers_do_not_predict_numbers(zipmap: object, target: Target) -> None:
    assert "is a classifier" in refused(converted(LogisticRegression(), TWO, zipmap=zipmap), target)


@pytest.mark.parametrize("estimator", [SVC(), KNeighborsClassifier(), LinearSVC()])
def test_classifiers_of_margins_do_not_predict_numbers(estimator: Any) -> None:
    assert "is a classifier" in refused(converted(estimator, THREE), REGRESSION)


@pytest.mark.parametrize("places", [(0, 1), (1, 0)], ids=["first", "last"])
def test_the_number_is_found_beside_other_outputs(places: tuple[int, int]) -> None:
    made = converted(LinearRegression(), NUMBER)
    node = helper.make_node("ArgMax", [made.graph.input[0].name], ["best"], axis=1, keepdims=0)
    made.graph.node.append(node)
    both = [made.graph.output[0], tensor("best", TensorProto.INT64, [None])]
    del made.graph.output[:]
    made.graph.output.extend(both[at] for at in places)

    found = answer(made, REGRESSION)

    np.testing.assert_allclose(found.iloc[:, 0], NUMBER, atol=1e-4)


def test_several_numbers_are_refused_by_name() -> None:
    estimator = GaussianProcessRegressor().fit(ROWS, NUMBER)
    made = skl2onnx.to_onnx(estimator, ROWS[:1], options={"return_std": True})

    assert "several outputs of one number a row: 'GPmean', 'GPcovstd'" in refused(made, REGRESSION)


def test_several_targets_are_refused() -> None:
    made = converted(MultiOutputRegressor(Ridge()), np.column_stack([NUMBER, NUMBER]))

    assert "has no output of one number a row" in refused(made, REGRESSION)


@pytest.mark.parametrize(
    "estimator", [OneClassSVM(), KMeans(3, n_init=1)], ids=["outliers", "clusters"]
)
def test_what_predict_gives_is_the_answer_of_others(estimator: Any) -> None:
    found = answer(converted(estimator, None), ANOMALY)

    assert found.iloc[:, 0].tolist() == estimator.predict(ROWS).tolist()


@pytest.mark.parametrize(
    ("estimator", "options"),
    [
        (MultiOutputClassifier(LogisticRegression()), {}),
        (RandomForestClassifier(5, n_jobs=1), {"zipmap": False}),
        (KNeighborsClassifier(), {"zipmap": False}),
        (MLPClassifier(max_iter=20), {"zipmap": False}),
        (MLPClassifier(max_iter=20), {"zipmap": True}),
        (MLPClassifier(max_iter=20), {"zipmap": "columns"}),
        (OneVsRestClassifier(LogisticRegression()), {}),
    ],
    ids=["sequence", "stacked", "neighbours", "tensor", "maps", "columns", "one-vs-rest"],
)
def test_probabilities_of_several_labels(estimator: Any, options: dict[str, Any]) -> None:
    found = answer(converted(estimator, LABELS, **options), MULTILABEL)

    given = estimator.predict_proba(ROWS)
    expected = np.column_stack([p[:, 1] for p in given]) if isinstance(given, list) else given
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_labels_of_three_classes_each_are_refused() -> None:
    many = np.column_stack([THREE, THREE, THREE])
    made = converted(MultiOutputClassifier(LogisticRegression()), many)

    assert "has no output of probabilities of 3 classes" in refused(made, MULTILABEL)


def test_probabilities_may_lie_beyond_0_and_1_by_their_rounding() -> None:
    estimator = ExtraTreesClassifier(77, n_jobs=1, random_state=0)
    found = answer(converted(estimator, TWO, zipmap=False), Target(TargetType.BINARY, ("1", "0")))

    assert found.to_numpy().max() > 1
    np.testing.assert_allclose(found, estimator.predict_proba(ROWS), atol=1e-6)


def test_one_column_is_the_probability_of_the_second_class_of_the_graph() -> None:
    made = converted(LogisticRegression(), np.array(["no", "yes"])[TWO], zipmap=False)
    second = helper.make_node("Gather", ["probabilities", "second"], ["chance"], axis=1)
    made.graph.node.append(second)
    made.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1], np.int64), "second"))
    made.graph.output[1].CopyFrom(tensor("chance", FLOAT, [None, 1]))

    found = answer(made, Target(TargetType.BINARY, ("no", "yes")))

    expected = LogisticRegression().fit(ROWS, TWO).predict_proba(ROWS)
    np.testing.assert_allclose(found[["no", "yes"]], expected, atol=2e-5)


def test_graph_that_takes_no_row_is_refused() -> None:
    node = helper.make_node("Reshape", ["x", "sizes"], ["y"])
    made = model(
        [node],
        [tensor("x", FLOAT, ["rows", 2])],
        [tensor("y", FLOAT, ["rows", 1])],
        sizes=np.array([7, 5], np.int64),
    )

    assert "fails for every made-up row" in refused(made, REGRESSION)


def test_graph_without_an_answer_for_each_row_is_refused() -> None:
    node = helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)
    made = model([node], [tensor("x", FLOAT, ["rows", 2])], [tensor("y", FLOAT, [])])

    assert "has no output of one number a row" in refused(made, REGRESSION)


@pytest.mark.parametrize("kind", [FLOAT, TensorProto.INT32])
@pytest.mark.parametrize("first", [True, False])
def test_labels_are_no_answer_even_as_floats(kind: int, *, first: bool) -> None:
    made = softmax(label="o0")
    made.graph.node.append(helper.make_node("Cast", ["o0"], ["o1"], to=kind))
    outputs = [tensor("o1", kind, ["rows"]), made.graph.output[1]]
    del made.graph.output[:]
    made.graph.output.extend(outputs if first else outputs[::-1])

    found = answer(made, MULTICLASS, ROWS[:, :2])

    np.testing.assert_allclose(found[[0, 1, 2]], chances(ROWS[:, :2]), atol=1e-6)
    assert "is a classifier" in refused(made, REGRESSION)


def test_margins_beside_probabilities_are_not_the_answer() -> None:
    made = softmax()
    made.graph.output.insert(0, tensor("margin", FLOAT, ["rows", 3]))

    found = answer(made, MULTICLASS, ROWS[:, :2])

    np.testing.assert_allclose(found, chances(ROWS[:, :2]), atol=1e-6)


def test_one_output_given_twice_is_one_answer() -> None:
    made = converted(LinearRegression(), NUMBER)
    made.graph.node.append(helper.make_node("Identity", [made.graph.output[0].name], ["again"]))
    made.graph.output.append(tensor("again", FLOAT, [None, 1]))

    np.testing.assert_allclose(answer(made, REGRESSION).iloc[:, 0], NUMBER, atol=1e-4)


@pytest.mark.parametrize(
    "names", [("p_2", "p_0", "p_1"), ("C", "A", "B"), ("is/C", "is/A", "is/B")]
)
def test_one_output_a_class_is_matched_by_name(names: tuple[str, ...]) -> None:
    made = softmax()
    del made.graph.output[:]
    for name, column in zip(names, (2, 0, 1), strict=True):
        place = onnx.numpy_helper.from_array(np.array([column], np.int64), f"at_{column}")
        made.graph.initializer.append(place)
        made.graph.node.append(helper.make_node("Gather", ["out", place.name], [name], axis=1))
        made.graph.output.append(tensor(name, FLOAT, ["rows", 1]))

    found = answer(made, MULTICLASS, ROWS[:, :2])

    order = [0, 1, 2] if names[0] == "p_2" else ["A", "B", "C"]
    np.testing.assert_allclose(found[order], chances(ROWS[:, :2]), atol=1e-6)
