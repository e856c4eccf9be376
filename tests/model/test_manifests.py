"""Directories that MLflow saved: what MLmodel tells, and where it and the model disagree."""

import json
import pickle
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from drum_like.api import DataType, Payload, TargetType
from drum_like.config.model_settings import LoadSettings, ModelSettings
from drum_like.errors import ColumnsError, LoadError
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from tests.support.command_line import run_here
from tests.support.mlflow_layout import column, sklearn_keys, tensor, write_mlmodel
from tests.support.serving import serve

ROWS = pd.DataFrame({"a": [0.5, 1.0, 2.5, 3.0] * 10, "n": [1, 0, 3, 7] * 10})
TARGET = ROWS["a"] * 2 + ROWS["n"]
INPUTS = (column("a", "double"), column("n", "long"))
FLOAT = (tensor("float64", -1),)


def service(path: Path, **settings: Any) -> ModelService:
    return open_service(ModelSettings(code_dir=path), LoadSettings(**settings))


def fault(path: Path, **settings: Any) -> str:
    """Return the message with which a directory is refused."""
    with pytest.raises(LoadError) as caught:
        service(path, **settings)
    return caught.value.plain or str(caught.value)


def answers(path: Path, csv: str) -> list[float]:
    """Return the predictions for rows of CSV."""
    found: list[float] = service(path).predict(Payload(csv.encode())).column.tolist()
    return found


def sklearn_directory(
    path: Path, model: Any, inputs: Any = None, outputs: Any = FLOAT, **others: Any
) -> Path:
    (path / "model.pkl").write_bytes(pickle.dumps(model))
    return write_mlmodel(path, "sklearn", sklearn_keys(), inputs, outputs, **others)


def regression() -> LinearRegression:
    return LinearRegression().fit(ROWS, TARGET)


def days(data: pd.DataFrame) -> Any:
    return np.column_stack([data["day"].dt.day_of_year, data["big"] % 10, data["text"].str.len()])


def test_signature_types_columns_that_only_code_reads(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "day": pd.to_datetime(["2024-02-28", "2024-03-01", "2024-12-31"]),
            "big": [2**53 + 1, 7, -3],
            "text": ["007", "NAB", ""],
        }
    )
    model = make_pipeline(FunctionTransformer(days), LinearRegression()).fit(rows, [1.0, 5.0, 2.0])
    kinds = (column("text", "string"), column("big", "long"), column("day", "datetime"))
    path = sklearn_directory(tmp_path, model, kinds)

    found = answers(path, "big,text,day\n9007199254740993,007,2024-02-28\n7,NAB,2024-03-01\n")

    assert found == pytest.approx(model.predict(rows)[:2].tolist(), abs=1e-12)
    schema = service(path).inputs
    assert schema is not None
    assert [(one.name, one.dtype) for one in schema.columns] == [
        ("day", DataType.TIME64),
        ("big", DataType.INT64),
        ("text", DataType.STR),
    ]


@pytest.mark.parametrize(
    ("csv", "name"),
    [
        ("big,text,day\n1.5,a,2024-02-28\n", "big"),
        ("big,text,day\n9223372036854775808,a,2024-02-28\n", "big"),
        ("big,text,day\n1,a,yesterday\n", "day"),
        ("big,day\n1,2024-02-28\n", "text"),
    ],
)
def test_cells_that_the_signature_rules_out_are_the_callers_fault(
    tmp_path: Path, csv: str, name: str
) -> None:
    rows = pd.DataFrame({"day": pd.to_datetime(["2024-02-28"]), "big": [1], "text": ["a"]})
    model = make_pipeline(FunctionTransformer(days), LinearRegression()).fit(rows, [1.0])
    kinds = (column("text", "string"), column("big", "long"), column("day", "datetime"))
    opened = service(sklearn_directory(tmp_path, model, kinds))

    with pytest.raises(ColumnsError, match=name):
        opened.predict(Payload(csv.encode()))


def test_names_of_a_signature_stand_for_positions_of_a_model_without_names(tmp_path: Path) -> None:
    model = LinearRegression().fit(ROWS.to_numpy(), TARGET)
    path = sklearn_directory(tmp_path, model, INPUTS)

    assert answers(path, "n,a\n10,1\n") == pytest.approx([12.0])


def test_tensor_goes_by_position(tmp_path: Path) -> None:
    model = LinearRegression().fit(ROWS.to_numpy(), TARGET)
    path = sklearn_directory(tmp_path, model, [tensor("float64", -1, 2)])

    assert answers(path, "x,y\n1,10\n") == pytest.approx([12.0])


def test_floats_of_32_bits_are_read_as_such(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": np.array([0.0, 1.0], np.float32)})
    model = make_pipeline(FunctionTransformer(), LinearRegression()).fit(rows, [0.0, 1.0])
    path = sklearn_directory(tmp_path, model, [column("a", "float")])

    assert answers(path, "a\n0.1\n") == [pytest.approx(float(np.float32(0.1)), abs=1e-12)]
    schema = service(path).inputs
    assert schema is not None
    assert schema.columns[0].dtype is DataType.FLOAT32


def test_optional_column_that_is_not_sent_is_missing(tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET)
    path = write_xgboost(tmp_path, "ubj", model)
    opened = service(path)
    with pytest.raises(ColumnsError, match="missing columns: 'n'"):
        opened.predict(Payload(b"a\n1\n"))
    keys = {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBRegressor"}
    told = [column("a", "double"), column("n", "double", required=False)]

    opened = service(write_mlmodel(path, "xgboost", keys, told))

    for csv in ("a\n1\n", "n,a\n,1\n", "other,a\nx,1\n"):
        found = opened.predict(Payload(csv.encode())).column.tolist()
        assert found == model.predict(pd.DataFrame({"a": [1.0], "n": [np.nan]})).tolist()
    with pytest.raises(ColumnsError, match="missing columns: 'a'"):
        opened.predict(Payload(b"n\n1\n"))


def test_example_is_tried_at_the_start_where_no_row_can_be_made_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = pd.DataFrame({"day": pd.to_datetime(["2024-02-28"]), "big": [1], "text": ["a"]})
    model = make_pipeline(FunctionTransformer(days), LinearRegression()).fit(rows, [1.0])
    kinds = (column("day", "datetime"), column("big", "long"), column("text", "string"))

    for cell, warned in (("2024-02-28", False), ("never", True)):
        caplog.clear()
        service(sklearn_directory(tmp_path, model, kinds, example=[[cell, 1, "a"]]))
        assert ("no made-up row could be predicted" in caplog.text) is warned


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ({"columns": ["a", "n"], "data": [[0.10, 7], [1.0, 2]]}, ("0.10", "7")),
        ([{"a": None, "n": True}], (None, "true")),
        ([[float("nan"), 3]], (None, "3")),
        ({"inputs": [[0.5, 3]]}, ("0.5", "3")),
        ([[0.5]], (None, None)),
        ({"data": 3}, (None, None)),
    ],
)
def test_input_example_is_the_sample_row(
    tmp_path: Path, example: Any, expected: tuple[str | None, ...]
) -> None:
    path = sklearn_directory(tmp_path, regression(), INPUTS, example=example)
    text = (path / "input_example.json").read_text()
    (path / "input_example.json").write_text(text.replace("0.1,", "0.10,"))

    schema = service(path).inputs

    assert schema is not None
    assert tuple(one.example for one in schema.columns) == expected


def test_unreadable_example_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = sklearn_directory(tmp_path, regression(), INPUTS, example={})
    (path / "input_example.json").write_text("[" * 100_000)

    service(path)

    assert "input_example.json" in caplog.text


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ([column("a", "double"), column("b", "long")], "does not name: 'n'"),
        ([column("a", "string"), column("n", "long")], "'a' is described as text"),
        ([column("a", "datetime"), column("n", "long")], "'a' is described as times"),
        ([tensor("float64", -1, 3)], "tells 3 columns, the model takes 2"),
        ([tensor("float64", -1)], "tells 1 columns, the model takes 2"),
        ([tensor("str", -1, 2)], "'a' is described as text"),
        ([column(None, "double")] * 3, "tells 3 columns"),
        ([column("a", "double"), column("a", "long")], "names an input twice"),
    ],
)
def test_signature_that_is_not_the_models_is_refused(
    tmp_path: Path, inputs: Any, reason: str
) -> None:
    assert reason in fault(sklearn_directory(tmp_path, regression(), inputs))


def test_text_for_a_model_is_no_number_in_its_signature(tmp_path: Path) -> None:
    rows = pd.DataFrame({"kind": ["a", "b"] * 5})
    made = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["kind"]))
    model = make_pipeline(made, LinearRegression()).fit(rows, range(10))
    path = sklearn_directory(tmp_path, model, [column("kind", "long")])

    assert "'kind' is described as numbers, but the model takes text" in fault(path)


@pytest.mark.parametrize(
    ("labels", "outputs", "refused"),
    [
        (["no", "yes"], [tensor("str", -1)], False),
        (["no", "yes"], [tensor("int64", -1)], True),
        (["no", "yes"], [tensor("float64", -1, 2)], False),
        ([0, 1], [column("label", "long")], False),
        ([0, 1], [column(None, "string")], True),
    ],
)
def test_output_of_another_type_is_refused(
    tmp_path: Path, labels: list[Any], outputs: Any, *, refused: bool
) -> None:
    model = LogisticRegression().fit(ROWS, [labels[value > 6] for value in TARGET])
    path = sklearn_directory(tmp_path, model, INPUTS, outputs)

    if refused:
        assert "the output is described as" in fault(path)
    else:
        assert service(path).target.order == tuple(map(str, labels))


def test_text_as_output_of_a_regression_is_refused(tmp_path: Path) -> None:
    path = sklearn_directory(tmp_path, regression(), INPUTS, [tensor("str", -1)])

    assert "the output is described as Str" in fault(path)


def test_input_schema_of_the_metadata_goes_before_the_signature(tmp_path: Path) -> None:
    path = sklearn_directory(tmp_path, regression(), [column("a", "string"), column("n", "long")])
    (path / "model-metadata.yaml").write_text(
        "name: Ours\ntype: inference\ntargetType: regression\ninputSchema:\n  type: object\n"
        "  properties:\n    a:\n      type: number\n"
    )

    assert service(path).info.name == "Ours"


def write_xgboost(path: Path, suffix: str, model: Any) -> Path:
    raw = model.get_booster().save_raw("json" if suffix == "json" else "ubj")
    (path / f"model.{suffix}").write_bytes(raw)
    kind = type(model)
    keys = {
        "data": f"model.{suffix}",
        "model_class": f"{kind.__module__}.{kind.__name__}",
        "model_format": suffix,
    }
    return write_mlmodel(path, "xgboost", keys, INPUTS, [tensor("float32", -1)])


@pytest.mark.filterwarnings("ignore:.*Unknown file format")  # XGBoost guesses, and says so
@pytest.mark.parametrize("suffix", ["ubj", "json", "xgb"])
def test_xgboost_file_is_known_by_its_content(tmp_path: Path, suffix: str) -> None:
    model = xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET)
    path = write_xgboost(tmp_path, suffix, model)

    assert answers(path, ROWS.to_csv(index=False)) == model.predict(ROWS).tolist()


def test_booster_of_an_estimators_file_predicts_with_all_trees(tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=9, early_stopping_rounds=2, learning_rate=0.9)
    model.fit(ROWS, TARGET, eval_set=[(ROWS, -TARGET)], verbose=False)
    model.save_model(tmp_path / "model.ubj")
    booster = xgboost.Booster(model_file=tmp_path / "model.ubj")
    csv, rows = ROWS.to_csv(index=False), xgboost.DMatrix(ROWS)
    keys = {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBRegressor"}

    estimators = answers(write_mlmodel(tmp_path, "xgboost", keys), csv)
    boosters = answers(write_mlmodel(tmp_path, "xgboost", {"data": "model.ubj"}), csv)

    assert estimators == model.predict(ROWS).tolist()
    assert boosters == booster.predict(rows).tolist() != estimators


def test_class_of_ones_own_is_not_taken_for_xgboosts(tmp_path: Path) -> None:
    path = write_xgboost(tmp_path, "ubj", xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET))
    text = (path / "MLmodel").read_text()
    (path / "MLmodel").write_text(text.replace("xgboost.sklearn.XGBRegressor", "mine.Regressor"))

    assert "drum-like[mlflow]" in fault(path)


def test_lightgbm_booster_and_estimator(tmp_path: Path) -> None:
    model = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=1, verbose=-1)
    model.fit(ROWS, TARGET)
    booster, estimator = tmp_path / "booster", tmp_path / "estimator"
    booster.mkdir()
    estimator.mkdir()
    model.booster_.save_model(booster / "model.lgb")
    (estimator / "model.pkl").write_bytes(pickle.dumps(model))
    told = {"data": "model.lgb", "model_class": "lightgbm.basic.Booster"}
    write_mlmodel(booster, "lightgbm", told, INPUTS, FLOAT)
    told = {
        "data": "model.pkl",
        "model_class": "lightgbm.sklearn.LGBMRegressor",
        "serialization_format": "cloudpickle",
    }
    write_mlmodel(estimator, "lightgbm", told, INPUTS, FLOAT)

    expected = np.asarray(model.predict(ROWS)).tolist()
    for path in (booster, estimator):
        assert answers(path, ROWS.to_csv(index=False)) == expected


def test_onnx_graph_of_numbers_is_a_regression_by_its_signature(tmp_path: Path) -> None:
    cells = ROWS.to_numpy(np.float32)
    graph = to_onnx(LinearRegression().fit(cells, TARGET), cells[:1])
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    outputs = [tensor("float32", -1, 1, name="variable")]
    write_mlmodel(tmp_path, "onnx", {"data": "model.onnx"}, [tensor("float32", -1, 2)], outputs)

    assert answers(tmp_path, "a,n\n1,10\n") == pytest.approx([12.0], rel=1e-5)


def test_skops_file_is_read_with_the_types_that_its_directory_trusts(tmp_path: Path) -> None:
    rows = pd.DataFrame({"kind": ["a", "b"] * 5})
    made = make_column_transformer((OneHotEncoder(), ["kind"]))
    model = make_pipeline(made, LinearRegression()).fit(rows, range(10))
    skops.io.dump(model, tmp_path / "model.skops")
    untrusted = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    keys = sklearn_keys("model.skops", "skops")

    write_mlmodel(tmp_path, "sklearn", {**keys, "skops_trusted_types": untrusted})
    found = answers(tmp_path, "kind\na\n")
    write_mlmodel(tmp_path, "sklearn", {**keys, "skops_trusted_types": []})

    assert found == pytest.approx(model.predict(rows)[:1])
    assert not untrusted or untrusted[0] in fault(tmp_path)
    assert "--no-pickle" in fault(tmp_path, no_pickle=True)


def test_skops_file_is_read_with_the_types_that_the_operator_trusts(tmp_path: Path) -> None:
    rows = pd.DataFrame({"kind": ["a", "b"] * 5})
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows, range(10))
    skops.io.dump(FunctionTransformer(pd.to_numeric), tmp_path / "odd.skops")
    skops.io.dump(model, tmp_path / "model.skops")
    untrusted = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    odd = skops.io.get_untrusted_types(file=tmp_path / "odd.skops")
    payload = Payload(b"kind\na\n")

    write_mlmodel(tmp_path, "sklearn", sklearn_keys("model.skops", "skops"))
    for no_pickle in (False, True):
        opened = service(tmp_path, no_pickle=no_pickle, skops_types=tuple(untrusted))
        assert opened.predict(payload).column.tolist() == pytest.approx(model.predict(rows)[:1])
    # The word of whoever saved the model counts no more.
    keys = {**sklearn_keys("odd.skops", "skops"), "skops_trusted_types": odd}
    write_mlmodel(tmp_path, "sklearn", keys)
    refused = fault(tmp_path, skops_types=tuple(untrusted))
    assert "--skops-types" in refused
    assert (set(odd) - set(untrusted)).pop() in refused


def test_pickle_is_refused_where_no_code_may_run(tmp_path: Path) -> None:
    path = sklearn_directory(tmp_path, regression(), INPUTS)

    assert "model.pkl is a pickle file" in fault(path, no_pickle=True)


def test_pyfunc_alone_needs_mlflow_and_says_which_extra(tmp_path: Path) -> None:
    write_mlmodel(tmp_path, "prophet", {"data": "model.pr"})

    assert "pip install 'drum-like[mlflow]'" in fault(tmp_path)
    assert "--no-pickle" in fault(tmp_path, no_pickle=True)


def test_modules_beside_the_model_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "doubled_here.py").write_text("def doubled(rows):\n    return rows * 2\n")
    monkeypatch.setattr(sys, "path", [str(code), *sys.path])
    from doubled_here import doubled  # type: ignore[import-not-found]

    model = make_pipeline(FunctionTransformer(doubled), LinearRegression()).fit(ROWS, TARGET)
    path = sklearn_directory(tmp_path, model, INPUTS, pyfunc={"code": "code"})
    sys.modules.pop("doubled_here")
    sys.path.remove(str(code))

    assert answers(path, "a,n\n1,10\n") == pytest.approx([12.0])


@pytest.mark.parametrize("function", ["predict_log_proba", "score"])
def test_answers_of_other_methods_are_refused(tmp_path: Path, function: str) -> None:
    path = sklearn_directory(tmp_path, regression(), pyfunc={"predict_fn": function})

    assert function in fault(path)


def test_parameters_that_mlflow_hands_to_xgboost_are_refused(tmp_path: Path) -> None:
    """`output_margin` would be a margin there, and here a number with a 200 all the same."""
    write_xgboost(tmp_path, "ubj", xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET))
    told = [{"name": "output_margin", "type": "boolean", "default": True, "shape": None}]
    keys = {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBRegressor"}

    write_mlmodel(tmp_path, "xgboost", keys, INPUTS, params=told)

    assert "parameters. MLflow hands them to XGBoost" in fault(tmp_path)


LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 12)
)
"""A list that aliases make longer than any memory, once it is written out."""

_MANY = (
    "flavors: {python_function: {loader_module: mlflow.sklearn, code: null},"
    " sklearn: {pickled_model: *a11, skops_trusted_types: *a11, model_class: *a11}}"
)

DAMAGE: Mapping[str, tuple[Callable[[str], str], str]] = {
    "no YAML": (lambda _: "flavors: [\n", "not valid YAML in line"),
    "deep": (lambda _: "[" * 5000, "not valid YAML"),
    "aliases": (lambda _: LAUGHS + "flavors: {python_function: *a11}", "a mapping is needed"),
    "aliased words": (lambda _: LAUGHS + _MANY, "has no flavour|outside its directory"),
    "no mapping": (lambda _: "- 1\n", "a mapping is needed"),
    "empty": (lambda _: "", "has no flavour"),
    "tag": (lambda _: "!!python/object/apply:os.system ['true']", "not valid YAML"),
    "flavours": (lambda _: "flavors: 7\n", "a mapping is needed for flavors"),
    "no JSON": (lambda text: text.replace("[{", "[[{"), "not JSON"),
    "deep JSON": (lambda text: text.replace("[{", "[" * 9000 + "{"), "not JSON"),
    "no objects": (lambda text: text.replace('"type": "double"', '"type": "tensor"'), "no shape"),
    "outside": (lambda text: text.replace("model.pkl", "../model.pkl"), "outside its directory"),
    "absolute": (lambda text: text.replace("model.pkl", "/model.pkl"), "outside its directory"),
    "gone": (lambda text: text.replace("model.pkl", "other.pkl"), "not there"),
    "long": (lambda text: text + "#" * (9 << 20), "more than 8 MiB"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_file_is_refused_with_a_reason(tmp_path: Path, damage: str) -> None:
    path = sklearn_directory(tmp_path, regression(), INPUTS)
    change, reason = DAMAGE[damage]
    (path / "MLmodel").write_text(change((path / "MLmodel").read_text()))

    assert re.search(reason, fault(path))


def test_load_model_hook_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: 7\n")
    (tmp_path / "custom.py").write_text(
        "import pandas as pd\n\n\ndef load_model(code_dir):\n    return 2\n\n\n"
        "def score(data, model, **kwargs):\n"
        '    return pd.DataFrame({"Predictions": data["a"] * model})\n'
    )
    settings = ModelSettings(code_dir=tmp_path, target_type=TargetType.REGRESSION)

    found = open_service(settings).predict(Payload(b"a\n4\n"))

    assert found.column.tolist() == [8.0]


def test_score_and_server_take_the_directory(tmp_path: Path) -> None:
    path = write_xgboost(tmp_path, "ubj", xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET))
    rows = tmp_path.parent / f"{tmp_path.name}.csv"
    rows.write_text("a,n\n0.5,1\n")

    printed = run_here("score", "--code-dir", path, "--input", rows)
    with serve(path, "--max-workers", "1") as server:
        reply = server.csv(rows.read_text())

    assert reply.status == 200
    assert printed.returncode == 0
    assert float(printed.stdout.split()[-1]) == pytest.approx(reply.json()["predictions"][0])
    assert json.loads(reply.body) == {"predictions": answers(path, rows.read_text())}
