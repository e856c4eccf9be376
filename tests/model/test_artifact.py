"""The model file of a directory, and files that cannot be read."""

import gzip
import hashlib
import json
import logging
import pickle
import re
from pathlib import Path
from typing import Any

import joblib
import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from drum_like.api import ArtifactKind
from drum_like.errors import ArtifactError, PluginError
from drum_like.model.artifact import (
    Artifact,
    artifact_kinds,
    find_artifact,
    load_artifact,
    predictor_for,
)
from drum_like.model.directory import ModelDirectory

ROWS = np.arange(40.0).reshape(20, 2)
TARGET = ROWS.sum(axis=1)
BOOSTER = xgb.train({"nthread": 1}, xgb.DMatrix(ROWS, TARGET), 2)
PICKLE = pickle.dumps(LinearRegression().fit(ROWS, TARGET))
XGBOOST_JSON = bytes(BOOSTER.save_raw("json"))
XGBOOST_UBJ = bytes(BOOSTER.save_raw("ubj"))
LIGHTGBM_TEXT = (
    lgb.train({"verbose": -1, "min_data_in_leaf": 1}, lgb.Dataset(ROWS, TARGET), 2)
    .model_to_string()
    .encode()
)
KINDS = {kind.name: kind for kind in artifact_kinds()}


def found(root: Path, **files: bytes) -> Artifact:
    """Write files, `_` in a keyword standing for the dot, and find the model among them."""
    for name, content in files.items():
        (root / name.replace("_", ".")).write_bytes(content)
    return find_artifact(ModelDirectory(root))


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("XGBoost JSON", XGBOOST_JSON[:4096]),
        ("XGBoost JSON", b'{\n  "version": [2, 1, 0],\n  "learner": {'),
        ("XGBoost UBJSON", XGBOOST_UBJ[:4096]),
        ("LightGBM text", LIGHTGBM_TEXT[:4096]),
        ("LightGBM text", b"tree\r\nversion=v4\r\n"),
        ("ONNX", b"\x08\x09\x12\x07pytorch"),
    ],
)
def test_kind_claims_its_files(kind: str, head: bytes) -> None:
    assert KINDS[kind].claims(head)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("XGBoost JSON", b'{"learning_rate": 0.1}'),
        ("XGBoost JSON", b'[{"learner": {}}]'),
        ("XGBoost JSON", b'{"version": 3}'),
        ("XGBoost JSON", b""),
        ("XGBoost UBJSON", b"binf\x00\x00"),
        ("XGBoost UBJSON", XGBOOST_JSON[:4096]),
        ("LightGBM text", b"trees and shrubs\nversion=2"),
        ("LightGBM text", b"lightgbm>=4\n"),
        ("ONNX", b""),
        ("ONNX", b"version https://git-lfs.github.com/spec/v1"),
    ],
)
def test_kind_leaves_other_files_alone(kind: str, head: bytes) -> None:
    assert not KINDS[kind].claims(head)


def test_only_pickles_run_code() -> None:
    assert {kind.name for kind in KINDS.values() if kind.runs_code} == {"pickle", "joblib"}


@pytest.mark.parametrize(
    ("name", "content", "framework"),
    [
        ("model.pkl", PICKLE, "scikit-learn"),
        ("MODEL.PKL", PICKLE, "scikit-learn"),
        ("model.joblib", PICKLE, "scikit-learn"),
        ("model.json", XGBOOST_JSON, "xgboost"),
        ("model.ubj", XGBOOST_UBJ, "xgboost"),
        ("model.txt", LIGHTGBM_TEXT, "lightgbm"),
    ],
)
def test_model_is_found_beside_other_files(
    name: str, content: bytes, framework: str, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("xgboost\n")
    (tmp_path / "sample.json").write_text('{"a": 1}')
    (tmp_path / name).write_bytes(content)

    artifact = find_artifact(ModelDirectory(tmp_path))

    assert artifact.path.name == name
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    assert predictor_for(load_artifact(artifact)).framework == framework


def test_one_suffix_of_drum_goes_before_all_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        artifact = found(tmp_path, b_pkl=PICKLE, a_ubj=XGBOOST_UBJ, c_txt=LIGHTGBM_TEXT)

    assert artifact.path.name == "b.pkl"
    assert caplog.messages == ["b.pkl is the model; not used: a.ubj | c.txt"]


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        ({"m2_pkl": PICKLE, "m1_pkl": PICKLE}, "m1.pkl | m2.pkl"),
        ({"m_pkl": PICKLE, "data_onnx": b"", "a_ubj": XGBOOST_UBJ}, "data.onnx | m.pkl"),
        ({"m_ubj": XGBOOST_UBJ, "m_txt": LIGHTGBM_TEXT}, "m.txt | m.ubj"),
    ],
    ids=["pickles", "suffixes-of-drum", "claimed"],
)
def test_several_models_are_refused(files: dict[str, bytes], listed: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        found(tmp_path, **files)

    assert str(caught.value) == (
        "\n\nRunning environment language: Python.\nMultiple serialized model files found. Remove "
        "extra artifacts or overwrite custom.load_model()\n"
        f"List of retrieved files are: {listed}"
    )


def test_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        found(tmp_path, custom_py=b"", notes_txt=b"")

    text = str(caught.value)
    assert f"Could not find model artifact file in: {tmp_path.name} supported by default" in text
    assert "extensions ['.joblib', '.json', '.onnx', '.pkl', '.txt', '.ubj']." in text
    assert text.endswith("List of retrieved files are: custom.py | notes.txt")
    assert str(tmp_path) not in text


def test_model_of_a_framework_that_is_not_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no installed plugin loads it: model\.pth"):
        found(tmp_path, model_pth=b"PK")


def test_file_that_is_not_what_its_suffix_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"model\.onnx is not what its suffix \.onnx says"):
        found(tmp_path, model_onnx=b"version https://git-lfs.github.com/spec/v1")


class Explodes:
    """Raises while it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the call that fails."""
        return (json.loads, ("secret",))


@pytest.mark.parametrize(
    ("name", "content", "exception"),
    [
        ("m.pkl", b"no pickle", "UnpicklingError"),
        ("m.pkl", PICKLE[: len(PICKLE) // 2], "UnpicklingError|EOFError"),
        ("m.pkl", b"", "EOFError"),
        ("m.pkl", pickle.dumps(Explodes()), "JSONDecodeError"),
        ("m.joblib", b"no pickle", "UnpicklingError|KeyError|IndexError|ValueError"),
        ("m.ubj", XGBOOST_UBJ[:200], "XGBoostError"),
        ("m.json", XGBOOST_JSON[:200], "XGBoostError"),
        ("m.txt", LIGHTGBM_TEXT[:100], "LightGBMError"),
    ],
    ids=["rubbish", "cut", "empty", "raises", "joblib", "ubj", "json", "lightgbm"],
)
def test_broken_file_names_the_class_of_the_exception(
    name: str, content: bytes, exception: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    artifact = find_artifact(ModelDirectory(tmp_path))

    with pytest.raises(ArtifactError) as caught:
        load_artifact(artifact)

    text = str(caught.value)
    start = rf"Could not load model from the artifact file\. Exception: ({exception}); \w"
    assert re.match(start, text)
    assert "secret" not in text
    assert str(tmp_path) not in text


def test_xgboost_file_that_is_cut_off_is_called_so(tmp_path: Path) -> None:
    artifact = found(tmp_path, m_ubj=XGBOOST_UBJ[:200])

    with pytest.raises(ArtifactError, match=r"is cut off .* save_model\('model\.ubj'\)") as caught:
        load_artifact(artifact)

    assert "old binary" not in str(caught.value)


def test_pickle_of_nothing_is_refused(tmp_path: Path) -> None:
    artifact = found(tmp_path, m_pkl=pickle.dumps(None))

    with pytest.raises(ArtifactError, match=r"m\.pkl holds None"):
        load_artifact(artifact)


def test_pickle_of_a_missing_module_names_it(tmp_path: Path) -> None:
    artifact = found(tmp_path, m_pkl=b"cno_such_module.sub\nModel\n.")

    with pytest.raises(PluginError, match="needs the module 'no_such_module', which does not"):
        load_artifact(artifact)


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
@pytest.mark.parametrize("name", ["m.joblib", "m.pkl"])
def test_joblib_is_told_by_its_content(name: str, compress: Any, tmp_path: Path) -> None:
    model = RandomForestRegressor(20, random_state=0).fit(ROWS, TARGET)
    joblib.dump(model, tmp_path / name, compress=compress)

    loaded = load_artifact(find_artifact(ModelDirectory(tmp_path)))

    assert np.array_equal(loaded.predict(ROWS), model.predict(ROWS))


def test_zipped_pickle_is_read(tmp_path: Path) -> None:
    artifact = found(tmp_path, m_pkl=gzip.compress(PICKLE))

    assert isinstance(load_artifact(artifact), LinearRegression)


def test_text_of_python_2_is_latin_1(tmp_path: Path) -> None:
    artifact = found(tmp_path, m_pkl=b"S'caf\\xe9'\n.")

    assert load_artifact(artifact) == "café"


@pytest.mark.parametrize(("name", "kind"), [("m.pkl", "pickle"), ("m.joblib", "joblib")])
def test_no_pickle_refuses_files_that_run_code(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(PICKLE)
    artifact = find_artifact(ModelDirectory(tmp_path))

    with pytest.raises(ArtifactError, match=rf"{name} is a {kind} file.*--no-pickle.* or \.ubj$"):
        load_artifact(artifact, no_pickle=True)


def test_no_pickle_lets_data_pass(tmp_path: Path) -> None:
    artifact = found(tmp_path, m_ubj=XGBOOST_UBJ)

    assert isinstance(load_artifact(artifact, no_pickle=True), xgb.Booster)


def test_other_version_of_scikit_learn_is_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = LinearRegression().fit(ROWS, TARGET)
    state = model.__getstate__()
    content = pickle.dumps(model).replace(
        state["_sklearn_version"].encode(), b"0" * len(state["_sklearn_version"])
    )
    artifact = found(tmp_path, m_pkl=content)

    with caplog.at_level(logging.WARNING):
        load_artifact(artifact)

    assert len(caplog.messages) == 1
    assert re.fullmatch(
        rf"the model was saved by scikit-learn 0+ and is loaded by "
        rf"{re.escape(state['_sklearn_version'])}; predictions may differ \(LinearRegression\)",
        caplog.messages[0],
    )


def test_forest_of_another_version_gives_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """scikit-learn warns once a tree."""
    model = RandomForestRegressor(5, random_state=0).fit(ROWS, TARGET)
    version = model.__getstate__()["_sklearn_version"].encode()
    artifact = found(tmp_path, m_pkl=pickle.dumps(model).replace(version, b"0" * len(version)))

    with caplog.at_level(logging.WARNING):
        load_artifact(artifact)

    (line,) = caplog.messages
    assert line.endswith("may differ (DecisionTreeRegressor, RandomForestRegressor)")


@pytest.mark.parametrize("model", [{"a": 1}, len, "text"], ids=["dict", "function", "text"])
def test_model_of_no_framework_is_refused(model: Any) -> None:
    with pytest.raises(PluginError) as caught:
        predictor_for(model)

    text = str(caught.value)
    assert text.startswith(
        "\n\nRunning environment language: Python.\n"
        "Could not find any framework to handle loaded model and a score hook is not provided"
    )
    assert "Installed plugins: " in text
    assert "onnxruntime, sklearn, xgboost" in text
    assert "extras of drum-like: lightgbm, onnx, sklearn, xgboost. " in text
    assert "`drum-like new model --code-dir DIR`" in text


def test_model_that_is_not_fitted_is_refused() -> None:
    with pytest.raises(ArtifactError, match=r"XGBClassifier cannot be prepared .* is it fitted\?"):
        predictor_for(xgb.XGBClassifier())


def test_artifact_is_a_value() -> None:
    kind = ArtifactKind("any", (".any",), lambda _: True)

    assert Artifact(Path("a"), kind) == Artifact(Path("a"), kind)
