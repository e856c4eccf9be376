"""The ONNX plugin, on graphs made here."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
import skl2onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from drum_like.api import ArtifactError, ColumnsError, LoadError, Target, TargetType
from drum_like.codecs.json.decode import known
from drum_like.codecs.json.document import read
from drum_like.model.artifact import find_artifact, load_artifact, predictor_for
from drum_like.model.directory import ModelDirectory
from tests.predictors.scoring import (
    REGRESSION,
    TEXT,
    MatrixFrame,
    classes,
    numbers,
    same,
    score,
    values,
)

OBJECTS = pd.Series([2**53 + 1, 7.0, 2**64 - 1], dtype=object).array
"""Numbers that no array of one type holds side by side."""

ZERO_ONE = Target(TargetType.BINARY, ("1", "0"))


def tensor(name: str, kind: int, shape: list[int | None] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def session(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    **weights: NDArray[Any],
) -> ort.InferenceSession:
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17)]
    return ort.InferenceSession(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )


def identity(kind: int, shape: list[int | None] | None) -> ort.InferenceSession:
    """Return a session with one input that it gives back."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return session([node], [tensor("x", kind, shape)], [tensor("y", kind, shape)])


def one_per_column(*kinds: int, shape: list[int | None] | None = None) -> ort.InferenceSession:
    """Return a session with the inputs a, b, ..., which gives back the first."""
    names = "abcdef"[: len(kinds)]
    inputs = [
        tensor(name, kind, shape or [None, 1]) for name, kind in zip(names, kinds, strict=True)
    ]
    nodes = [helper.make_node("Identity", [name], [f"out_{name}"]) for name in names]
    outputs = [
        tensor(f"out_{name}", kind, shape or [None, 1])
        for name, kind in zip(names, kinds, strict=True)
    ]
    return session(nodes, inputs, outputs)


def classifier(path: Path, words: bool = False, **options: Any) -> LogisticRegression:  # noqa: FBT001, FBT002 - reads well below
    """Write a converted classifier of two columns; return the original."""
    target: NDArray[Any] = np.where(classes() > 0, "yes", "no") if words else classes()
    estimator = LogisticRegression().fit(numbers()[["a", "c"]].to_numpy(), target)
    converted = skl2onnx.to_onnx(
        estimator, initial_types=[("x", FloatTensorType([None, 2]))], options=options or None
    )
    path.write_bytes(converted.SerializeToString())
    return estimator


def write(model: Any, path: Path, width: int | None, **options: Any) -> None:
    """Convert a model with one matrix as input."""
    types = [("x", FloatTensorType([None, width]))]
    converted = skl2onnx.to_onnx(model, initial_types=types, options=options or None)
    path.write_bytes(converted.SerializeToString())


def loaded(directory: Path) -> Any:
    return load_artifact(find_artifact(ModelDirectory(directory)))


@pytest.mark.parametrize("zipmap", [True, False], ids=["zipmap", "tensor"])
@pytest.mark.parametrize("labels", [("yes", "no"), ("no", "yes")], ids=["yes-no", "no-yes"])
def test_classes_of_the_file_name_the_columns(
    labels: tuple[str, str], tmp_path: Path, *, zipmap: bool
) -> None:
    estimator = classifier(tmp_path / "m.onnx", words=True, zipmap=zipmap)
    model = loaded(tmp_path)

    prediction = score(model, numbers()[["a", "c"]], Target(TargetType.BINARY, labels))

    predictor = predictor_for(model)
    assert predictor.framework == "onnx"
    assert (predictor.target.type, predictor.target.classes) == (TargetType.BINARY, ("no", "yes"))
    assert prediction.labels == ("no", "yes")
    expected = estimator.predict_proba(numbers()[["a", "c"]].to_numpy())
    np.testing.assert_allclose(prediction.values, expected, atol=1e-5)


@pytest.mark.parametrize("zipmap", [True, False], ids=["zipmap", "tensor"])
def test_numbered_classes_are_given_whatever_the_labels_are(
    tmp_path: Path, *, zipmap: bool
) -> None:
    """The rules of labels give them their names, in this order."""
    classifier(tmp_path / "m.onnx", zipmap=zipmap)

    target = Target(TargetType.BINARY, ("good", "bad"))
    prediction = score(loaded(tmp_path), numbers()[["a", "c"]], target)

    assert prediction.labels == (0, 1)
    assert prediction.values.shape == (200, 2)


def test_numbered_classes_are_labels_where_they_are_asked_for(tmp_path: Path) -> None:
    classifier(tmp_path / "m.onnx", zipmap=False)

    prediction = score(
        loaded(tmp_path), numbers()[["a", "c"]], Target(TargetType.BINARY, ("0", "1"))
    )

    assert prediction.labels == (0, 1)


@pytest.mark.parametrize(
    "labels",
    [("0.0", "1.0"), ("no", "yes"), ("False", "True"), ("1", "0")],
    ids=["floats", "words", "booleans", "integers"],
)
def test_numbered_classes_are_labels_however_these_are_spelled(
    labels: tuple[str, str], tmp_path: Path
) -> None:
    classifier(tmp_path / "m.onnx", zipmap=False)

    prediction = score(loaded(tmp_path), numbers()[["a", "c"]], Target(TargetType.BINARY, labels))

    assert prediction.labels == (0, 1)


def test_three_classes_are_labels_in_any_order_and_spelling(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(numbers().to_numpy(), classes(n_classes=3))
    write(estimator, tmp_path / "m.onnx", 3, zipmap=False)
    target = Target(TargetType.MULTICLASS, ("2.0", "1.0", "0.0"))

    assert score(loaded(tmp_path), numbers(), target).labels == (0, 1, 2)


def test_legacy_order_goes_by_position(tmp_path: Path) -> None:
    classifier(tmp_path / "m.onnx", words=True, zipmap=False)
    target = Target(TargetType.BINARY, ("yes", "no"), legacy_order=True)

    assert score(loaded(tmp_path), numbers()[["a", "c"]], target).labels is None


def linear_models() -> dict[str, Any]:
    data = numbers().to_numpy()
    return {
        "linear": LinearRegression().fit(data, classes()),
        "two-targets": LinearRegression().fit(data, np.column_stack([classes(), classes() * 2.0])),
        "binary": LogisticRegression().fit(data, classes()),
        "multiclass": LogisticRegression().fit(data, classes(n_classes=3)),
        "pipeline": make_pipeline(StandardScaler(), LinearRegression()).fit(data, classes()),
    }


@pytest.mark.parametrize("name", linear_models())
@pytest.mark.parametrize("n_columns", [2, 4])
def test_matrix_of_open_width_is_as_wide_as_the_coefficients(
    name: str, n_columns: int, tmp_path: Path
) -> None:
    write(linear_models()[name], tmp_path / "m.onnx", None)
    sent = numbers().assign(d=0.0).iloc[:, :n_columns]

    with pytest.raises(ColumnsError, match=f"takes 3 columns by position, .* has {n_columns}"):
        score(loaded(tmp_path), sent)


def test_matrix_of_open_width_is_scored(tmp_path: Path) -> None:
    estimator = linear_models()["linear"]
    write(estimator, tmp_path / "m.onnx", None)

    found = values(loaded(tmp_path), numbers())

    expected = estimator.predict(numbers().to_numpy())
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)


TRIED: list[Any] = [
    KNeighborsRegressor(),
    make_pipeline(StandardScaler(), DecisionTreeRegressor(max_depth=2)),
    MLPRegressor(max_iter=2),
    SVR(),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", TRIED, ids=lambda model: type(model).__name__)
def test_matrix_of_open_width_is_as_wide_as_the_graph_takes(model: Any, tmp_path: Path) -> None:
    write(model.fit(numbers().to_numpy(np.float32), classes()), tmp_path / "m.onnx", None)

    with pytest.raises(ColumnsError, match=r"takes 3 columns by position, .* has 4"):
        score(loaded(tmp_path), numbers().assign(d=0.0))


@pytest.mark.parametrize("model", [DecisionTreeRegressor(), DecisionTreeClassifier()])
def test_trees_take_at_least_the_columns_that_they_look_at(model: Any, tmp_path: Path) -> None:
    """The last column of the training data is constant: no tree looks at it."""
    fitted = model.fit(numbers().assign(d=0.0).to_numpy(), classes())
    write(fitted, tmp_path / "m.onnx", None)

    target = REGRESSION if isinstance(model, DecisionTreeRegressor) else ZERO_ONE

    assert len(values(loaded(tmp_path), numbers().assign(d=0.0), target)) == 200
    with pytest.raises(ColumnsError, match="takes at least 3 columns by position"):
        score(loaded(tmp_path), numbers()[["a", "b"]], target)


def test_matrix_is_positional_and_builds_no_dataframe() -> None:
    model = identity(TensorProto.FLOAT, [None, 3])
    frame = MatrixFrame(numbers(gaps=True).set_axis(["x", "y", "z"], axis="columns"))

    found = values(model, frame, TEXT)

    assert not frame.asked_for_pandas
    assert same(found, numbers(gaps=True).to_numpy(np.float32))


def test_matrix_of_another_width_is_refused() -> None:
    model = identity(TensorProto.FLOAT, [None, 2])

    with pytest.raises(ColumnsError, match="takes 2 columns by position, but the payload has 3"):
        score(model, numbers())


def test_matrix_of_any_width_takes_what_is_sent() -> None:
    model = identity(TensorProto.DOUBLE, [None, None])

    assert predictor_for(model).schema is None
    assert same(values(model, numbers(), TEXT), numbers().to_numpy(np.float64))


def test_matrix_of_integers_keeps_large_ones() -> None:
    large = pd.DataFrame({"a": [2**53 + 1, -(2**63)], "b": [2**63 - 1, 0]})
    model = identity(TensorProto.INT64, [None, 2])

    assert same(values(model, large, TEXT), large.to_numpy())


def test_matrix_of_text_takes_text() -> None:
    data = pd.DataFrame({"a": ["x", None], "b": ["y", "é"]})
    model = identity(TensorProto.STRING, [None, 2])

    assert values(model, data, TEXT).tolist() == [["x", "y"], ["", "é"]]


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        (TensorProto.FLOAT, [1, None], np.array([1, np.nan], np.float32)),
        (TensorProto.DOUBLE, [0.1, 2], np.array([0.1, 2])),
        (TensorProto.INT64, [2**53 + 1, -1], np.array([2**53 + 1, -1])),
        (TensorProto.INT32, [3.0, -4.0], np.array([3, -4], np.int32)),
        (TensorProto.INT64, pd.array([2**60 + 1, 5], "Int64"), np.array([2**60 + 1, 5])),
        (TensorProto.INT64, OBJECTS[:2], np.array([2**53 + 1, 7])),
        (TensorProto.UINT64, OBJECTS[::2], np.array([2**53 + 1, 2**64 - 1], np.uint64)),
        (TensorProto.UINT8, [255, 0], np.array([255, 0], np.uint8)),
        (TensorProto.BOOL, [True, False], np.array([True, False])),
        (TensorProto.BOOL, [1.0, 0.0], np.array([True, False])),
        (TensorProto.STRING, ["x", None], np.array(["x", ""], object)),
        (TensorProto.STRING, [3.0, None], np.array(["3", ""], object)),
        (TensorProto.STRING, [2**60 + 1, 0], np.array([str(2**60 + 1), "0"], object)),
    ],
    ids=[
        *["float", "double", "int64", "int32-from-floats", "int64-nullable", "int64-beside-float"],
        *["uint64", "uint8", "bool"],
        *["bool-from-floats", "text", "text-from-floats", "text-from-integers"],
    ],
)
@pytest.mark.parametrize("shape", [[None, 1], [None]], ids=["column", "vector"])
def test_column_comes_as_its_type(
    kind: int, cells: Any, expected: NDArray[Any], shape: list[int | None]
) -> None:
    model = one_per_column(kind, TensorProto.FLOAT, shape=shape)
    data = pd.DataFrame({"b": [0.0, 0.0], "extra": ["x", "y"], "a": cells})

    found = values(model, data, TEXT)

    assert same(found, expected.reshape(found.shape))


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        (TensorProto.INT64, [1, None], "whole numbers that fit int64, without gaps; row 2"),
        (TensorProto.INT64, [1.5, 2], "whole numbers that fit int64, without gaps; row 1"),
        (TensorProto.INT64, [1.0, 2.0**63], "whole numbers that fit int64, without gaps; row 2"),
        (TensorProto.INT64, [1.0, 2.0**53], "whole numbers that fit int64, without gaps; row 2"),
        (TensorProto.INT64, [-(2.0**53), 1], "whole numbers that fit int64, without gaps; row 1"),
        (TensorProto.INT64, [2.0**53, 1.5], "whole numbers that fit int64, without gaps; row 2"),
        (TensorProto.INT64, OBJECTS[::2], "whole numbers that fit int64, without gaps; row 2"),
        (TensorProto.INT32, [1, 2**31], "whole numbers that fit int32, without gaps; row 2"),
        (TensorProto.UINT8, [-1, 2], "whole numbers that fit uint8, without gaps; row 1"),
        (TensorProto.BOOL, [1, 2], "true or false, without gaps; row 2"),
        (TensorProto.FLOAT, ["x", "y"], "holds text in row 1; the model takes numbers there"),
    ],
    ids=[
        *["missing", "fraction", "int64-overflow", "inexact", "inexact-negative"],
        *["fraction-beside-inexact", "int64-overflow-of-objects"],
        *["int32-overflow", "negative", "bool", "text"],
    ],
)
def test_column_that_does_not_fit_is_refused(kind: int, cells: list[Any], expected: str) -> None:
    model = one_per_column(kind, TensorProto.FLOAT)

    with pytest.raises(ColumnsError, match=expected):
        score(model, pd.DataFrame({"a": cells, "b": [0.0, 0.0]}), TEXT)


def test_missing_input_is_named() -> None:
    model = one_per_column(TensorProto.FLOAT, TensorProto.FLOAT)

    with pytest.raises(ColumnsError, match="missing columns: 'b'"):
        score(model, pd.DataFrame({"a": [1.0]}))


def test_several_matrices_are_refused() -> None:
    with pytest.raises(LoadError, match=r"'a' has the shape \[.*, 3\]"):
        predictor_for(one_per_column(TensorProto.FLOAT, TensorProto.FLOAT, shape=[None, 3]))


def with_external_data(directory: Path, location: str) -> None:
    """Write model.onnx, whose weights lie in `location`."""
    weights = numpy_helper.from_array(np.arange(3, dtype=np.float32).reshape(3, 1), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [tensor("x", TensorProto.FLOAT, [None, 3])],
        [tensor("y", TensorProto.FLOAT, [None, 1])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(
        model,
        directory / "model.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    saved = onnx.load(directory / "model.onnx", load_external_data=False)
    for entry in saved.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    (directory / "model.onnx").write_bytes(saved.SerializeToString())


def test_weights_beside_the_model_are_read(tmp_path: Path) -> None:
    with_external_data(tmp_path, "weights.bin")

    found = values(loaded(tmp_path), numbers())

    expected = numbers().to_numpy(np.float32) @ np.arange(3, dtype=np.float32)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_weights_elsewhere_are_refused(tmp_path: Path, *, absolute: bool) -> None:
    directory = tmp_path / "model"
    directory.mkdir()
    location = str(tmp_path / "weights.bin") if absolute else "../weights.bin"
    with_external_data(directory, location)
    (directory / "weights.bin").rename(tmp_path / "weights.bin")

    with pytest.raises(ArtifactError, match="keeps tensors in a file outside") as caught:
        loaded(directory)

    assert str(tmp_path) not in str(caught.value)


def test_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    classifier(tmp_path / "model.onnx")
    content = (tmp_path / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(content[: len(content) // 2])

    with pytest.raises(ArtifactError, match=r"model\.onnx is not a complete ONNX file"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("text", "threads"), [("3", 3), ("2,4", 2), ("", 0), ("many", 0)], ids=repr
)
def test_session_has_the_threads_of_one_worker(
    text: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier(tmp_path / "model.onnx")
    monkeypatch.setenv("OMP_NUM_THREADS", text)

    opened = loaded(tmp_path)

    assert opened.get_session_options().intra_op_num_threads == threads


@pytest.mark.parametrize("shape", [[None, 1], [4, 1], [None, 1, 1]])
def test_one_column_is_also_known_by_the_name_of_its_input(shape: list[int | None]) -> None:
    schema = predictor_for(identity(TensorProto.FLOAT, shape)).schema

    assert schema is not None
    assert schema.as_known(("y", "x")) == ("y", "0")
    assert schema.as_known(("x", "0")) == ("x", "0")
    assert known(read(b'[{"y": 1, "x": 2.5}]'), schema).frame.matrix().tolist() == [[2.5]]
