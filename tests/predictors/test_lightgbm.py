"""The LightGBM plugin, on models trained here."""

import pickle
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from drum_like.api import ArtifactError, ColumnsError, PredictorError, Schema, TargetType
from drum_like.model.artifact import find_artifact, load_artifact, predictor_for
from drum_like.model.directory import ModelDirectory
from tests.predictors.scoring import (
    BINARY,
    MULTICLASS,
    REGRESSION,
    TEXT,
    MatrixFrame,
    arrow_frame,
    classes,
    csv_frame,
    json_frame,
    numbers,
    same,
    score,
    values,
)

FEW = {"num_leaves": 7, "verbose": -1, "seed": 0}


def booster(data: Any, target: Any, **params: Any) -> lgb.Booster:
    return lgb.train({**FEW, **params}, lgb.Dataset(data, target), 5)


def squared_error(scores: Any, data: lgb.Dataset) -> tuple[Any, Any]:
    """Return gradients and Hessians: an objective of the user's own."""
    return scores - np.asarray(data.get_label()), np.ones_like(scores)


def schema_of(model: Any) -> Schema:
    schema = predictor_for(model).schema
    assert schema is not None
    return schema


def with_categories() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    data = numbers()[["a"]]
    data["colour"] = pd.Categorical(rng.choice(["red", "green", "blue"], len(data)))
    data["only"] = pd.Categorical(["same"] * len(data))
    data["size"] = pd.Categorical(rng.choice([10, 20, 30], len(data)))
    return data


def test_native_file_is_read(tmp_path: Path) -> None:
    trained = booster(numbers(), classes(), objective="binary")
    trained.save_model(tmp_path / "model.txt")
    (tmp_path / "requirements.txt").write_text("lightgbm\n")

    model = load_artifact(find_artifact(ModelDirectory(tmp_path)))

    assert predictor_for(model).framework == "lightgbm"
    assert same(values(model, numbers(), BINARY), trained.predict(numbers()))


def test_pickled_booster_is_served() -> None:
    trained = booster(with_categories(), classes(), objective="binary")

    model = pickle.loads(pickle.dumps(trained))

    assert same(values(model, with_categories(), BINARY), trained.predict(with_categories()))


@pytest.mark.parametrize(
    ("params", "n_classes", "type_", "known"),
    [
        ({"objective": "binary"}, 2, TargetType.BINARY, (0, 1)),
        ({"objective": "multiclass", "num_class": 3}, 3, TargetType.MULTICLASS, (0, 1, 2)),
        ({"objective": "regression"}, 2, TargetType.REGRESSION, ()),
        ({"objective": "regression", "linear_tree": True}, 2, TargetType.REGRESSION, ()),
        ({"objective": "poisson", "boosting": "dart"}, 2, TargetType.REGRESSION, ()),
        ({"objective": squared_error}, 2, None, ()),
    ],
    ids=["binary", "multiclass", "regression", "linear-tree", "dart", "own"],
)
def test_objective_tells_the_target(
    params: dict[str, Any], n_classes: int, type_: TargetType | None, known: tuple[int, ...]
) -> None:
    model = booster(numbers(), classes(n_classes=n_classes), **params)

    target = predictor_for(model).target

    asked = MULTICLASS if type_ is TargetType.MULTICLASS else REGRESSION
    assert (target.type, target.classes) == (type_, known)
    assert same(values(model, numbers(), asked), model.predict(numbers()))


def test_blank_in_a_name_is_found_again() -> None:
    data = numbers().set_axis(["a b", "b", "c  d"], axis="columns")
    model = booster(data, classes(), objective="regression")
    rows = data.to_csv(index=False, columns=["c  d", "a b", "b"])

    found = values(model, csv_frame(rows))

    assert schema_of(model).names == ("a_b", "b", "c__d")
    assert same(found, model.predict(data))


def test_name_as_the_model_spells_it_goes_before_one_with_blanks() -> None:
    data = numbers().set_axis(["a_b", "b", "c"], axis="columns")
    model = booster(data, classes(), objective="regression")

    found = values(model, data.assign(**{"a b": 0.0}))

    assert same(found, model.predict(data))


def test_two_names_for_one_column_are_refused() -> None:
    data = numbers().set_axis(["x y z", "b", "c"], axis="columns")
    model = booster(data, classes(), objective="regression")
    sent = data.rename(columns={"x y z": "x y_z", "b": "x_y z"}).assign(b=0.0)

    with pytest.raises(
        ColumnsError, match=r"'x y_z' and 'x_y z' both stand for the model's 'x_y_z'"
    ):
        score(model, sent)


def test_missing_column_is_named_as_the_model_spells_it() -> None:
    data = numbers().set_axis(["a b", "b", "c"], axis="columns")
    model = booster(data, classes(), objective="regression")

    with pytest.raises(ColumnsError, match="missing columns: 'b'"):
        score(model, data[["a b", "c"]])


def test_nameless_model_is_positional() -> None:
    model = booster(numbers().to_numpy(), classes(), objective="regression")

    found = values(model, numbers())

    assert not schema_of(model).named
    assert same(found, model.predict(numbers()))


@pytest.mark.parametrize("native", [True, False], ids=["native", "wrapper"])
def test_categories_are_cast(*, native: bool) -> None:
    """One of them has a single value, which the model's trees do not mention."""
    data = with_categories()
    wrapper = lgb.LGBMRegressor(n_estimators=5, num_leaves=7, verbose=-1).fit(data, classes())
    model = wrapper.booster_ if native else wrapper
    sent = data.astype({"colour": str, "only": str, "size": float, "a": object})
    sent.loc[3, "colour"] = None
    cast = data.copy()
    cast.loc[3, "colour"] = None

    found = values(model, sent[["size", "only", "a", "colour"]])

    kinds = [column.kind for column in schema_of(model).columns]
    assert kinds == ["number", "category", "category", "category"]
    assert same(found, wrapper.predict(cast))


def test_unseen_category_is_refused() -> None:
    model = booster(with_categories(), classes(), objective="regression")
    sent = with_categories().astype({"colour": object})
    sent.loc[4, "colour"] = "pink"

    with pytest.raises(ColumnsError, match=r"'colour' holds in row 5 a category"):
        score(model, sent)


def test_integer_categories_are_codes() -> None:
    data = numbers()[["a"]].assign(code=classes(n_classes=3))
    dataset = lgb.Dataset(data, classes(), categorical_feature=["code"])
    model = lgb.train({**FEW, "objective": "regression"}, dataset, 5)

    assert same(values(model, data), model.predict(data))


def test_integer_and_pandas_categories_cannot_be_told_apart() -> None:
    data = with_categories().assign(code=classes(n_classes=3))
    dataset = lgb.Dataset(data, classes(), categorical_feature=["colour", "only", "size", "code"])
    model = lgb.train({**FEW, "objective": "regression"}, dataset, 5)

    with pytest.raises(ArtifactError, match="3 pandas categories but marks 4 columns"):
        predictor_for(model)


def test_codes_of_one_column_are_not_the_categories_of_another() -> None:
    """LightGBM stores the categories of a column, and marks only the one that was listed."""
    data = with_categories()[["colour"]].assign(code=np.arange(200) % 6)[["code", "colour"]]
    target = data["code"] % 2 + (data["colour"] == "red") * 2
    model = listed(data, target, "code")

    assert kinds(model) == ["number", "category"]
    assert same(values(model, csv_frame(data.to_csv(index=False))), model.predict(data))


def listed(data: pd.DataFrame, target: Any, *columns: str) -> lgb.Booster:
    """Train a booster with a list of its categorical columns."""
    dataset = lgb.Dataset(data, target, categorical_feature=list(columns))
    return lgb.train({**FEW, "objective": "regression", "min_data_per_group": 1}, dataset, 5)


def kinds(model: Any) -> list[str]:
    return [column.kind for column in schema_of(model).columns]


def rated(**more: Any) -> pd.DataFrame:
    """Return a category of whole numbers beside other columns."""
    rng = np.random.default_rng(5)
    rating = pd.Series(rng.integers(1, 6, 200)).astype("category")
    return pd.DataFrame({"rating": rating, "x": rng.normal(size=200), **more})


def test_codes_and_categories_of_numbers_that_could_be_each_other_are_refused() -> None:
    """The category counts as a number here: its column was not listed."""
    data = rated(region=np.arange(200) % 4)[["region", "rating", "x"]]
    target = data["region"] % 2 * 3 + data["rating"].astype(float) + data["x"]
    model = listed(data, target, "region")
    estimator = lgb.LGBMRegressor(n_estimators=5, verbose=-1)
    estimator.fit(data, target, categorical_feature=["region"])

    for one in (model, estimator, lgb.Booster(model_str=model.model_to_string())):
        with pytest.raises(ArtifactError, match=r"not their columns.* 'region', 'rating', and"):
            predictor_for(one)


def test_codes_are_no_category_of_numbers_that_shows_more_of_its_values() -> None:
    """Eight of ten values are in the training, and five of ten codes."""
    rng = np.random.default_rng(5)
    rating = pd.Categorical(rng.integers(1, 9, 200), categories=range(1, 11))
    data = rated(region=np.arange(200) % 5).assign(rating=rating)[["region", "rating", "x"]]
    target = data["region"] % 2 * 3 + data["rating"].astype(float) + data["x"]
    model = listed(data, target, "region")
    known = data[data["region"] > 0]

    with pytest.raises(ArtifactError, match=r"not their columns.* 'region', 'rating', and"):
        assert same(values(model, csv_frame(known.to_csv(index=False))), model.predict(known))


def test_a_word_for_a_missing_number_may_be_a_category() -> None:
    data = rated(region=np.arange(200) % 2)[["region", "rating", "x"]]
    data["rating"] = pd.Categorical(np.where(data["x"] > 0, "1.#IND", "-1.#QNAN"))
    target = data["region"] * 3 + data["rating"].cat.codes + data["x"]
    model = listed(data, target, "region")

    with pytest.raises(ArtifactError, match=r"not their columns.* 'region', 'rating', and"):
        predictor_for(model)


def test_a_category_of_text_is_not_the_column_of_numbers_beside_it() -> None:
    """Rows show it: text is no number, and a number is none of the texts."""
    data = with_categories()[["a", "colour"]].assign(flag=np.arange(200) % 3)
    trained = booster(data, data["flag"] + (data["colour"] == "red"), objective="regression")

    assert kinds(trained) == ["number", "category", "number"]
    assert same(values(trained, csv_frame(data.to_csv(index=False))), trained.predict(data))


@pytest.mark.parametrize("order", [["flag", "size", "town"], ["town", "size", "flag"]])
@pytest.mark.parametrize("rows", [slice(None), slice(0, 150)], ids=["all", "without-last"])
def test_codes_are_not_the_texts_of_a_category_that_shows_more_of_them(
    order: list[str], rows: slice
) -> None:
    """Served as one, they would be refused in each row: they are none of the texts."""
    at, sizes = np.arange(200), ["S", "M", "L", "XL"]
    size = pd.Categorical(np.array(sizes)[at // 50], sizes, ordered=True)
    town = pd.Categorical(np.array(list("abcde"))[at % 5])
    data = pd.DataFrame({"flag": at % 2, "size": size, "town": town})[order][rows]
    target = data["flag"] + data["size"].cat.codes + data["town"].cat.codes * 2
    model = listed(data, target, "flag", "town")

    with pytest.raises(ArtifactError, match=r"not their columns.* 'size'.*remove_unused_categ"):
        predictor_for(model)


def test_a_category_with_few_of_its_texts_goes_before_numbers_that_show_no_more() -> None:
    """Three of five towns are in the training, and three of the numbers."""
    at = np.arange(200)
    town = pd.Categorical(np.array(list("abc"))[at % 3], list("abcde"))
    data = pd.DataFrame({"children": at // 7 % 3, "town": town})
    target = data["children"] + data["town"].cat.codes * 2
    trained = booster(data, target, objective="regression")

    assert kinds(trained) == ["number", "category"]
    assert same(values(trained, csv_frame(data.to_csv(index=False))), trained.predict(data))


@pytest.mark.parametrize("native", [True, False], ids=["txt", "pkl"])
def test_a_split_of_gaps_from_the_rest_tells_nothing_of_whole_numbers(
    tmp_path: Path, *, native: bool
) -> None:
    """Its limit is infinite."""
    flagged = with_categories().assign(flag=np.arange(200) % 2 == 0)
    data = flagged[["a", "flag", "colour"]]
    data.loc[np.arange(200) % 3 == 0, "a"] = np.nan
    target = data["a"].isna() * 9 + data["flag"] + (data["colour"] == "red")
    trained = booster(data, target, objective="regression")
    assert re.search(r"^threshold=(.* )?inf\b", trained.model_to_string(), re.MULTILINE)
    if native:
        trained.save_model(tmp_path / "model.txt")
    else:
        (tmp_path / "model.pkl").write_bytes(pickle.dumps(trained))

    model = load_artifact(find_artifact(ModelDirectory(tmp_path)))

    assert kinds(model) == ["number", "number", "category"]
    assert same(values(model, csv_frame(data.to_csv(index=False))), trained.predict(data))


@pytest.mark.parametrize(
    "other",
    [np.arange(200) % 4, np.arange(200) % 5 / 4, np.linspace(0, 4, 200), np.arange(200) % 5 + 1],
    ids=["fewer", "fractions", "between", "from-one"],
)
def test_a_category_of_numbers_is_not_a_column_of_other_numbers(other: Any) -> None:
    data = rated(other=other)
    target = data["rating"].astype(float) + data["other"] * 2
    trained = booster(data, target, objective="regression")

    assert kinds(trained) == ["category", "number", "number"]
    assert same(values(trained, csv_frame(data.to_csv(index=False))), trained.predict(data))


def test_a_category_of_numbers_beside_a_column_of_just_its_codes_is_refused() -> None:
    data = rated(other=np.arange(200) % 5)
    trained = booster(data, data["rating"].astype(float) + data["other"], objective="regression")

    with pytest.raises(ArtifactError, match=r"of 1 pandas categories, but not their columns"):
        predictor_for(trained)


@pytest.mark.parametrize(
    "values_of",
    [np.array([1, "a", "b"], dtype=object), np.array([0.1, 0.5, 0.7], dtype=np.float32)],
    ids=["numbers-among-texts", "float32"],
)
def test_categories_are_found_as_cells_show_them(values_of: Any) -> None:
    """A frame keeps 1 and "1" apart, and float32 from float64; CSV and JSON do not."""
    chosen = values_of[np.arange(200) % 3]
    data = pd.DataFrame({"c": pd.Categorical(chosen), "x": numbers()["a"].to_numpy()})
    trained = booster(data, np.arange(200) % 3 + data["x"], objective="regression")
    lines = [f"{cell},{x}" for cell, x in zip(chosen.tolist(), data["x"], strict=True)]
    short = [f"{cell},{x}" for cell, x in zip(map(str, chosen), data["x"], strict=True)]

    for rows in (lines, short):
        found = values(trained, csv_frame("\n".join(["c,x", *rows, ""])))
        assert same(found, trained.predict(data))


def test_an_empty_text_that_is_no_category_is_missing_as_to_the_library() -> None:
    cells = np.array(["a", "b", None], dtype=object)[np.arange(200) % 3]
    data = pd.DataFrame({"c": pd.Categorical(cells), "x": numbers()["a"].to_numpy()})
    trained = booster(data, np.arange(200) % 3 + data["x"], objective="regression")
    part = data[:3].assign(c=pd.Series(["", "a", ""], dtype=object))
    known = part.assign(c=part["c"].astype("category"))

    for frame in (json_frame(part), arrow_frame(part)):
        assert same(values(trained, frame), trained.predict(known))
    assert not np.array_equal(values(trained, data[:3]), values(trained, json_frame(part)))


def test_categories_are_found_without_the_parameters_of_the_training() -> None:
    data = with_categories()
    trained = booster(data, classes(), objective="regression")
    head, rest = trained.model_to_string().split("\nparameters:")
    bare = lgb.Booster(model_str=head + rest.partition("end of parameters")[2])

    assert kinds(bare) == ["number", "category", "category", "category"]
    assert same(values(bare, csv_frame(data.to_csv(index=False))), trained.predict(data))


def test_two_categories_that_were_not_listed_are_not_the_listed_codes() -> None:
    data = rated(region=np.arange(200) % 5, size=pd.Categorical(["a", "b"] * 100))
    target = data["region"] % 2 * 3 + data["rating"].astype(float) + data["x"]
    model = listed(data, target, "region")

    with pytest.raises(ArtifactError, match="implement the score hook"):
        predictor_for(model)


def ordered(**more: Any) -> pd.DataFrame:
    """Return a category with an order beside one without, and other columns."""
    rng = np.random.default_rng(3)
    names = ["01", "1", "NA"]
    return pd.DataFrame(
        {
            "n": rng.normal(size=200),
            "size": pd.Categorical(rng.choice(names, 200), names[::-1], ordered=True),
            "colour": pd.Categorical(rng.choice(["red", "blue"], 200)),
            **more,
        }
    )


def test_categories_with_an_order_are_found() -> None:
    """LightGBM stores their values, and does not mark their column."""
    data = ordered()
    trained = booster(data, data["size"].cat.codes + data["n"], objective="regression")
    frame = csv_frame(data[["colour", "size", "n"]].to_csv(index=False))

    assert [column.kind for column in schema_of(trained).columns] == [
        "number",
        "category",
        "category",
    ]
    assert same(values(trained, data), trained.predict(data))
    assert same(values(trained, frame), trained.predict(data))


def test_categories_with_an_order_that_could_be_of_two_columns_are_refused() -> None:
    data = ordered(code=np.arange(200) % 3)[["code", "n", "size", "colour"]]
    trained = booster(data, data["size"].cat.codes + data["code"], objective="regression")

    with pytest.raises(ArtifactError, match=r"marks 1 columns .* could be theirs"):
        predictor_for(trained)


def test_cells_keep_their_types_beside_a_blank_in_a_name() -> None:
    data = ordered().rename(columns={"n": "a number", "size": "a size"})
    trained = booster(data, data["a size"].cat.codes + data["a number"], objective="regression")

    found = values(trained, csv_frame(data.to_csv(index=False)))

    assert same(found, trained.predict(data))


def test_best_iteration_is_used() -> None:
    data = lgb.Dataset(numbers(), classes(), free_raw_data=False)
    held_out = lgb.Dataset(numbers(), classes()[::-1], reference=data)
    model = lgb.train(
        {**FEW, "objective": "binary", "learning_rate": 0.01},
        data,
        20,
        valid_sets=[held_out],
        keep_training_booster=True,
        callbacks=[lgb.early_stopping(3, verbose=False)],
    )
    assert 0 < model.best_iteration < model.current_iteration()

    found = values(model, numbers(), BINARY)

    assert same(found, model.predict(numbers()))
    assert not same(found, model.predict(numbers(), num_iteration=-1))


@pytest.mark.parametrize("names", [True, False], ids=["named", "nameless"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifier_gives_chances_and_classes(n_classes: int, *, names: bool) -> None:
    data = numbers() if names else numbers().to_numpy()
    words = np.array(["no", "yes", "zzz"])[classes(n_classes=n_classes)]
    model = lgb.LGBMClassifier(n_estimators=3, verbose=-1).fit(data, words)

    prediction = score(model, numbers(), BINARY if n_classes == 2 else MULTICLASS)

    assert prediction.labels == ("no", "yes", "zzz")[:n_classes]
    assert same(prediction.values, model.predict_proba(numbers()))


def test_classifier_gives_its_classes_to_a_regression_target() -> None:
    model = lgb.LGBMClassifier(n_estimators=3, verbose=-1).fit(numbers(), classes() + 5)

    assert same(values(model, numbers()), model.predict(numbers()))


def test_framework_of_a_wrapper_is_that_of_drum() -> None:
    model = lgb.LGBMRegressor(n_estimators=3, verbose=-1).fit(numbers(), classes())

    assert predictor_for(model).framework == "scikit-learn"
    assert same(values(model, numbers()), model.predict(numbers()))


class SeesColumns(lgb.LGBMRegressor):
    """A model of a user's custom.py."""

    def predict(self, X: Any, *args: Any, **settings: Any) -> Any:  # noqa: N803 - sklearn's name
        """Add a column to the prediction."""
        return super().predict(X[["a", "b", "c"]], *args, **settings) + X["a"].to_numpy()


def test_subclass_gets_a_dataframe() -> None:
    model = SeesColumns(n_estimators=3, verbose=-1).fit(numbers(), classes())

    assert same(values(model, numbers()), model.predict(numbers()))


@pytest.mark.parametrize(
    "make",
    [
        lambda: booster(numbers(), classes(), objective="binary"),
        lambda: lgb.LGBMClassifier(n_estimators=3, verbose=-1).fit(numbers(), classes()),
    ],
    ids=["native", "wrapper"],
)
def test_plain_path_builds_no_dataframe(make: Callable[[], Any]) -> None:
    model = make()
    frame = MatrixFrame(numbers())

    score(model, frame, BINARY)

    assert not frame.asked_for_pandas


def test_threads_share_a_predictor() -> None:
    model = booster(numbers(5000), classes(5000), objective="binary")
    predictor = predictor_for(model)
    parts = [numbers(5000).iloc[start : start + 50] for start in range(0, 5000, 50)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: predictor.predict(MatrixFrame(part), BINARY), parts))

    whole = model.predict(numbers(5000))
    assert same(np.concatenate([prediction.column for prediction in found]), whole)


def test_regressor_has_no_probabilities() -> None:
    model = lgb.LGBMRegressor(n_estimators=2, verbose=-1).fit(numbers(), classes())

    with pytest.raises(PredictorError, match="needs predict_proba, which LGBMRegressor does not"):
        score(model, numbers(), BINARY)


def test_target_type_without_numbers_is_refused() -> None:
    model = booster(numbers(), classes(), objective="regression")

    with pytest.raises(PredictorError, match="Target type 'textgeneration' is not supported by"):
        score(model, numbers(), TEXT)


@pytest.mark.parametrize(
    ("line", "nodes"),
    [
        pytest.param(b"left_child=", [0, -1], id="to itself"),
        pytest.param(b"right_child=", [1, -1], id="to a node with a parent"),
        pytest.param(b"left_child=", [-1, -1], id="a leaf twice"),
        pytest.param(b"left_child=", [1, -9], id="to a leaf that is not there"),
        pytest.param(b"left_child=", [70000, -1], id="to a node that is not there"),
        pytest.param(b"left_child=", [1], id="too few"),
        pytest.param(b"left_child=", [1, b"x"], id="no number"),
        pytest.param(b"internal_count=", [200, b"\t\1 137"], id="no text"),
        pytest.param(b"internal_count=", [1, 2, 3], id="too many"),
        pytest.param(b"leaf_value=", [1, 2], id="a leaf without a value"),
    ],
)
def test_a_tree_that_is_none_is_refused(tmp_path: Path, line: bytes, nodes: list[Any]) -> None:
    """LightGBM itself would not end, or read beyond its memory, when it predicts."""
    path = tmp_path / "model.txt"
    booster(numbers(), classes(), objective="binary", num_leaves=3).save_model(path)
    lines = path.read_bytes().splitlines(keepends=True)
    third = [at for at, text in enumerate(lines) if text.startswith(line)][2]
    children = [node if isinstance(node, bytes) else b"%d" % node for node in nodes]
    lines[third] = line + b" ".join(children) + b"\n"
    path.write_bytes(b"".join(lines))

    with pytest.raises(ArtifactError, match=r"^(?!.*/).*tree 2 of the LightGBM file is damaged"):
        load_artifact(find_artifact(ModelDirectory(tmp_path)))


@pytest.mark.parametrize("line", [b"tree_sizes=", b"shrinkage=", b"parameters:", b"[top_k:"])
def test_a_file_with_a_byte_0_is_refused(tmp_path: Path, line: bytes) -> None:
    """LightGBM itself would not end, wherever the byte is."""
    path = tmp_path / "model.txt"
    booster(numbers(), classes(), objective="binary", num_leaves=3).save_model(path)
    path.write_bytes(path.read_bytes().replace(b"\n" + line, b"\n\0" + line[1:], 1))

    with pytest.raises(ArtifactError, match="holds a byte 0"):
        load_artifact(find_artifact(ModelDirectory(tmp_path)))


def test_trees_without_a_split_are_read(tmp_path: Path) -> None:
    booster(numbers(), classes(), min_data_in_leaf=10_000).save_model(tmp_path / "model.txt")

    assert load_artifact(find_artifact(ModelDirectory(tmp_path))).num_trees() > 0
