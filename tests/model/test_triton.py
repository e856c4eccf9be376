"""Triton's repositories: the text of config.pbtxt, its versions and its models."""

import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from drum_like.api import Payload, TargetType
from drum_like.config.model_settings import ModelSettings
from drum_like.errors import LoadError
from drum_like.inference.loading import open_service
from drum_like.model.manifests import model_directories
from drum_like.model.manifests.triton import MOST_DEPTH, parse, versions_of
from tests.support.serving import serve

ROWS = pd.DataFrame({"a": [0.5, 1.0, 2.5, 3.0] * 10, "n": [1.0, 0.0, 3.0, 7.0] * 10})
TARGET = ROWS["a"] * 2 + ROWS["n"]
CSV = ROWS.to_csv(index=False)
CONFIG = """# A model of numbers.
name: "sums"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "X" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "variable" data_type: TYPE_FP32 dims: [ 1 ] } ]
"""
FIL = """
backend: "fil"
max_batch_size: 32768
input [{ name: "input__0" data_type: TYPE_FP32 dims: [ 2 ] }]
output [{ name: "output__0" data_type: TYPE_FP32 dims: [ 1 ] }]
parameters [
  { key: "model_type" value: { string_value: "KIND" } },
  { key: "output_class" value: { string_value: "false" } }
]
"""


def onnx_bytes(factor: float = 1.0) -> bytes:
    cells = ROWS.to_numpy(np.float32)
    raw: bytes = to_onnx(
        LinearRegression().fit(cells, TARGET * factor), cells[:1]
    ).SerializeToString()
    return raw


def repository(root: Path, name: str = "sums", config: str = CONFIG, **versions: bytes) -> Path:
    """Write a model with its versions, `v3` for the folder 3; return its directory."""
    path = root / name
    path.mkdir(parents=True)
    (path / "config.pbtxt").write_text(config)
    for version, content in (versions or {"v1": onnx_bytes()}).items():
        (path / version[1:]).mkdir()
        (path / version[1:] / "model.onnx").write_bytes(content)
    return path


def answers(path: Path) -> list[float]:
    service = open_service(ModelSettings(code_dir=path))
    found: list[float] = service.predict(Payload(CSV.encode())).column.tolist()
    return found


def fault(path: Path) -> str:
    with pytest.raises(LoadError) as caught:
        open_service(ModelSettings(code_dir=path))
    return str(caught.value)


def test_newest_version_is_served_by_its_name(tmp_path: Path) -> None:
    path = repository(tmp_path, v2=onnx_bytes(2), v10=onnx_bytes(10), v9=onnx_bytes(9))

    service = open_service(ModelSettings(code_dir=path))

    assert (service.info.name, service.info.version) == ("sums", "10")
    assert answers(path) == pytest.approx((TARGET * 10).tolist(), rel=1e-4)
    assert answers(path / "2") == pytest.approx((TARGET * 2).tolist(), rel=1e-4)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("", ["10"]),
        ("version_policy: { latest: { num_versions: 2 } }", ["9", "10"]),
        ("version_policy { latest {} }", ["10"]),
        ("version_policy: { all: { } }", ["2", "9", "10"]),
        ("version_policy: { specific: { versions: [ 2, 9 ] } }", ["2", "9"]),
        ("version_policy: { specific { versions: 10 versions: 2 } }", ["2", "10"]),
    ],
)
def test_version_policy(tmp_path: Path, policy: str, kept: list[str]) -> None:
    path = repository(tmp_path, config=CONFIG + policy, v2=b"", v10=b"", v9=b"")
    (path / "007").mkdir()
    (path / "old").mkdir()

    assert list(versions_of(path)) == kept


def test_no_version_that_the_policy_names(tmp_path: Path) -> None:
    policy = "version_policy: { specific: { versions: [ 3 ] } }"

    assert "none of the versions there: 1" in fault(repository(tmp_path, config=CONFIG + policy))


def test_file_beside_the_configuration(tmp_path: Path) -> None:
    path = repository(tmp_path)
    (path / "1" / "model.onnx").rename(path / "model.onnx")
    (path / "1").rmdir()

    assert answers(path) == pytest.approx(TARGET.tolist(), abs=1e-4)


def test_trees_of_the_fil_backend(tmp_path: Path) -> None:
    booster = xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET)
    trees = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=1, verbose=-1).fit(
        ROWS, TARGET
    )
    for kind, file in (("xgboost_json", "xgboost.json"), ("xgboost_ubj", "xgboost.ubj")):
        path = repository(tmp_path, kind, FIL.replace("KIND", kind), v1=b"")
        booster.save_model(path / "1" / file)
        assert answers(path) == booster.predict(ROWS).tolist()
    path = repository(tmp_path, "lightgbm", FIL.replace("KIND", "lightgbm"), v1=b"")
    trees.booster_.save_model(path / "1" / "model.txt")

    assert answers(path) == np.asarray(trees.predict(ROWS)).tolist()


def classifier(tmp_path: Path, *parameters: str, width: int = 2) -> Path:
    """Write a booster of two classes with these parameters of FIL."""
    more = "".join(
        f'  {{ key: "{key}" value: {{ string_value: "{value}" }} }}\n'
        for key, _, value in (one.partition("=") for one in parameters)
    )
    config = f"""
backend: "fil"
max_batch_size: 8
input [{{ name: "input__0" data_type: TYPE_FP32 dims: [ {ROWS.shape[1]} ] }}]
output [{{ name: "output__0" data_type: TYPE_FP32 dims: [ {width} ] }}]
parameters [
  {{ key: "model_type" value: {{ string_value: "xgboost_json" }} }}
{more}]
"""
    path = repository(tmp_path, config=config, v1=b"")
    booster = xgboost.XGBClassifier(n_estimators=3).fit(ROWS, np.median(TARGET) < TARGET)
    booster.save_model(path / "1" / "xgboost.json")
    return path


def test_no_class_is_a_number_as_in_fil(tmp_path: Path) -> None:
    path = classifier(tmp_path, "output_class=false", width=1)
    booster = xgboost.Booster(model_file=path / "1" / "xgboost.json")

    service = open_service(ModelSettings(code_dir=path))

    assert service.target.type is TargetType.REGRESSION
    assert service.info.output == "output__0"
    assert answers(path) == booster.predict(xgboost.DMatrix(ROWS)).tolist()


@pytest.mark.parametrize(
    ("parameters", "width", "name"),
    [
        (("output_class=true", "predict_proba=true"), 2, "output__0"),
        (("output_class=true", "predict_proba=true"), 1, None),
        (("output_class=true", "threshold=0.5"), 1, None),
        (("output_class=true", "predict_proba=true", "threshold=0.3"), 2, "output__0"),
        (("output_class=true", "storage_type=SPARSE"), 1, None),
        ((), 2, "output__0"),
    ],
)
def test_output_s_name_stands_for_probabilities_where_fil_has_them(
    tmp_path: Path, parameters: tuple[str, ...], width: int, name: str | None
) -> None:
    service = open_service(ModelSettings(code_dir=classifier(tmp_path, *parameters, width=width)))

    assert service.target.type is TargetType.BINARY
    assert service.info.output == name


@pytest.mark.parametrize("threshold", ["0.3", "high"])
def test_another_threshold_for_classes_is_refused(tmp_path: Path, threshold: str) -> None:
    said = fault(classifier(tmp_path, "output_class=true", f"threshold={threshold}", width=1))

    assert "another threshold than 0.5" in said
    assert "predict_proba" in said


def test_fil_takes_all_trees_of_an_estimator_that_stopped_early(tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=9, early_stopping_rounds=2, learning_rate=0.9)
    model.fit(ROWS, TARGET, eval_set=[(ROWS, -TARGET)], verbose=False)
    path = repository(tmp_path, "trees", FIL.replace("KIND", "xgboost_json"), v1=b"")
    model.save_model(path / "1" / "xgboost.json")
    booster = xgboost.Booster(model_file=path / "1" / "xgboost.json")

    assert answers(path) == booster.predict(xgboost.DMatrix(ROWS)).tolist()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("dims: [ 2 ]", "dims: [ 3 ]", "tells 3 columns, the model takes 2"),
        ('name: "X"', 'name: "Y"', "Y (float32)"),
        ("TYPE_FP32 dims: [ 2 ]", "TYPE_FP64 dims: [ 2 ]", "X (float64)"),
        ("TYPE_FP32 dims: [ 2 ]", "TYPE_STRING dims: [ 2 ]", "is described as text"),
        ("onnxruntime_onnx", "tensorflow_savedmodel", "'tensorflow_savedmodel'"),
        ("onnxruntime_onnx", "ensemble", "'ensemble'"),
        ("max_batch_size: 8", 'default_model_filename: "../x.onnx"', "outside its directory"),
        ("max_batch_size: 8", 'default_model_filename: "y.onnx"', "y.onnx, the model file"),
        ("dims: [ 2 ]", "dims: [ two ]", "a whole number is needed for dims"),
    ],
)
def test_configuration_that_is_not_the_models_is_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert reason in fault(repository(tmp_path, config=CONFIG.replace(old, new)))


def test_other_models_of_fil_are_refused(tmp_path: Path) -> None:
    config = FIL.replace("KIND", "treelite_checkpoint")

    assert "'treelite_checkpoint'" in fault(repository(tmp_path, config=config))


DAMAGED = {
    "brace": "input {",
    "bracket": "input [",
    "close": "}",
    "value": "name:",
    "no colon": 'name "x"',
    "mark": "name: ?",
    "quote": 'name: "x',
    "nul": "name: \0",
    "hashes": "#" * 5000 + "\n?",
    "blanks": " " * 50_000 + "?",
    "backslashes": 'name: "' + "\\" * 10_001 + '"',
    "deep": "a {" * (MOST_DEPTH + 5) + "}" * (MOST_DEPTH + 5),
    "very deep": "a {" * 50_000,
    "many": "a: 1\n" * 100_000,
    "list": "a: [1, ",
    "wrong end": "a < b: 1 }",
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_configuration_is_refused_soon(text: str) -> None:
    started = time.process_time()

    with pytest.raises(LoadError, match=r"config\.pbtxt"):
        parse(text)

    assert time.process_time() - started < 5


def known(values: Any) -> Any:
    """Return a message of protobuf as our reader gives it: lists of texts and messages."""
    return {
        field.name: [
            known(value) if field.message_type else str(value)
            for value in (found if field.is_repeated else [found])
        ]
        for field, found in values.ListFields()
    }


def without_empty_lists(message: Any) -> Any:
    """Return a message without fields that no value was given to."""
    if isinstance(message, str):
        return message
    return {
        name: [without_empty_lists(value) for value in values]
        for name, values in message.items()
        if values
    }


@pytest.fixture(scope="module")
def config_class() -> Any:
    """Return a class of messages, as protobuf makes it: names, numbers, texts, and themselves."""
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", package="config")
    message = file.message_type.add(name="Config")
    kinds = {"name": (9, 1), "size": (3, 1), "dims": (3, 3), "words": (9, 3)}
    for number, (name, (kind, label)) in enumerate(kinds.items(), 1):
        message.field.add(name=name, number=number, type=kind, label=label)
    for name, label in (("one", 1), ("input", 3)):
        number = len(message.field) + 1
        message.field.add(
            name=name, number=number, type=11, label=label, type_name=".config.Config"
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("config.Config"))


@pytest.mark.parametrize(
    "text",
    [
        CONFIG.replace("platform", "words").replace("max_batch_size", "size").split("input")[0],
        'name: "a\\"b\\n\\x41\\101\' #"  # comment { \n size: -5',
        "words: 'one' \"two\"; words: [\"three\", 'four' 'five'],\n dims: [1, -2,3] dims: 4",
        'one { name: "x" one: < dims: [] size: 1 > }; input [{ size: 1 }, < size: 2 >] input {}',
        "",
        "# only a comment",
    ],
)
def test_text_is_read_as_protobuf_reads_it(config_class: Any, text: str) -> None:
    theirs = known(text_format.Parse(text, config_class()))

    ours = parse(text)

    assert without_empty_lists(ours) == theirs


def test_text_that_protobuf_writes(config_class: Any) -> None:
    inner = config_class(name="ä \t'\"\\", size=-(2**63), dims=[1, -1])
    message = config_class(
        name="x" * 300, words=["", "a b"], input=[inner, config_class()], one=inner
    )
    for options in ({}, {"as_one_line": True}, {"use_short_repeated_primitives": True}):
        text = text_format.MessageToString(message, as_utf8=True, **options)
        assert parse(text) == known(message)


def test_repository_is_served_with_its_versions(tmp_path: Path) -> None:
    policy = "version_policy: { all: {} }"
    repository(tmp_path, config=CONFIG + policy, v1=onnx_bytes(1), v3=onnx_bytes(3))
    booster = xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET)
    path = repository(tmp_path, "trees", FIL.replace("KIND", "xgboost_ubj"), v1=b"")
    booster.save_model(path / "1" / "xgboost.ubj")
    repository(tmp_path, "broken", "name: ?")

    with serve(None, "--models", str(tmp_path), "--max-workers", "1") as server:
        found = {
            name: server.csv(CSV, f"/models/{name}/predict/")
            for name in ("sums", "sums@1", "sums@3", "trees", "trees@1", "sums@2", "broken")
        }
        versions = server.get("/models/sums/info/").json()["modelVersion"]

    numbers = {name: reply.json().get("predictions") for name, reply in found.items()}
    assert numbers["sums"] == numbers["sums@3"] == pytest.approx((TARGET * 3).tolist(), rel=1e-4)
    assert numbers["sums@1"] == pytest.approx(TARGET.tolist(), abs=1e-4)
    assert numbers["trees"] == numbers["trees@1"] == booster.predict(ROWS).tolist()
    assert versions == "3"
    assert found["sums@2"].status == 404
    assert "versions 1, 3" in found["sums@2"].text
    assert "config.pbtxt" in found["broken"].text


def test_metadata_beside_the_configuration_makes_one_directory_of_it(tmp_path: Path) -> None:
    path = repository(tmp_path, config=CONFIG + "version_policy: { all {} }", v1=b"", v2=b"")
    (path / "model-metadata.yaml").write_text("name: x\ntype: inference\ntargetType: anomaly\n")

    assert model_directories(tmp_path, "1") == {"sums": {"1": path}}
