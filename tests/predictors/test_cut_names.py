"""Categories whose names XGBoost 3.1 to 3.3 cut: answered while every cell still tells its own."""

import logging
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from drum_like.api import ArtifactError, ColumnsError, NativeFrame
from drum_like.model.artifact import find_artifact, load_artifact, predictor_for
from drum_like.model.directory import ModelDirectory
from tests.predictors.scoring import BINARY, REGRESSION, same, score

NAMES: Any = import_module("drum_like_predictors.xgboost.names")
CUTS = tuple(map(int, xgb.__version__.split(".")[:2])) in ((3, 1), (3, 2), (3, 3))
needs_cut = pytest.mark.skipif(not CUTS, reason="this version of XGBoost stores names whole")


def cut(names: list[str]) -> tuple[list[int], bytes]:
    """Return names as those versions store them: offsets in characters, and as many bytes."""
    offsets = np.cumsum([0, *map(len, names)]).tolist()
    return offsets, "".join(names).encode()[: offsets[-1]]


def table(names: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    cells = pd.Categorical(rng.choice(names, 200), categories=names)
    return pd.DataFrame({"k": cells, "x": rng.normal(size=200)})


def trained(names: list[str]) -> tuple[xgb.Booster, pd.DataFrame]:
    data = table(names)
    matrix = xgb.DMatrix(data, data["k"].cat.codes * 3 + data["x"], enable_categorical=True)
    return xgb.train({"nthread": 1}, matrix, 8), data


@pytest.mark.parametrize(
    "names",
    [
        ["Cafe", "Café"],
        ["Müller", "a", "ab"],
        ["Basel", "Zürich"],
        ["Bern", "Genève", "Zürich", "Sankt Gallen"],
        ["naïve", "😀", "plain old"],
        ["上海", "北京市", "x"],
    ],
)
def test_every_trained_name_is_found_again(names: list[str]) -> None:
    found = NAMES.decode_names(*cut(names), version=(3, 2))

    assert NAMES.are_distinct(found)
    assert [NAMES.find_code(name, found) for name in names] == list(range(len(names)))
    assert NAMES.find_code("Paris!!", found) is None


def test_letters_that_are_left_count() -> None:
    found = NAMES.decode_names(*cut(["Cafe", "Café"]), version=(3, 2))

    assert NAMES.find_code("Cafx", found) is None
    assert [name.text for name in found[-1].names] == ["Cafe", "Caf\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize("names", [["上海", "北京", "广州"], ["é", "è", "ê"]])
def test_names_that_are_lost_are_not_told_apart(names: list[str]) -> None:
    assert not NAMES.are_distinct(NAMES.decode_names(*cut(names), version=(3, 1)))


def test_whole_names_of_a_mended_version_have_one_reading() -> None:
    stored = "BaselZürich".encode()

    (found,) = NAMES.decode_names([0, 5, 12], stored, version=(3, 4))

    assert found.whole
    assert NAMES.find_code("Zürich", (found,)) == 1


def test_whole_names_of_another_library_are_found_too() -> None:
    """Arrow's own offsets, which a Polars frame brings, are of bytes in every version."""
    found = NAMES.decode_names([0, 5, 12], "BaselZürich".encode(), version=(3, 2))

    assert [NAMES.find_code(name, found) for name in ("Basel", "Zürich")] == [0, 1]


def test_names_meet_only_where_a_text_can_be_both() -> None:
    wide, letter = NAMES.Name(((0, 0x10FFFF),)), NAMES.Name(((97, 97),))

    assert wide.meets(letter)
    assert not letter.meets(NAMES.Name(((98, 98),)))


@needs_cut
@pytest.mark.parametrize("suffix", ["json", "ubj", "pkl"])
@pytest.mark.parametrize("names", [["Cafe", "Café"], ["Müller", "a", "ab"], ["Basel", "Zürich"]])
def test_cells_of_the_training_are_answered(
    names: list[str], suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, data = trained(names)
    if suffix == "pkl":
        (tmp_path / "m.pkl").write_bytes(pickle.dumps(model))
    else:
        model.save_model(tmp_path / f"m.{suffix}")
    artifact = find_artifact(ModelDirectory(tmp_path))
    with caplog.at_level(logging.WARNING):
        predictor = predictor_for(load_artifact(artifact, alone=True), artifact)
    sent = data.astype({"k": object})
    sent.loc[3, "k"] = None
    data.loc[3, "k"] = None

    assert predictor.schema is not None
    found = predictor.predict(predictor.schema.conform(NativeFrame(sent)), REGRESSION).values

    assert same(found, model.predict(xgb.DMatrix(data, enable_categorical=True)))
    assert "with XGBoost 3.4 or later" in caplog.text


@needs_cut
def test_estimator_answers_too_and_refuses_what_it_never_saw() -> None:
    data = table(["Basel", "Zürich"])
    model = xgb.XGBClassifier(n_estimators=3, n_jobs=1, enable_categorical=True)
    model.fit(data, (data["k"] == "Basel").astype(int))

    found = score(model, data.astype({"k": object}), BINARY).values

    assert same(found, model.predict_proba(data))
    with pytest.raises(ColumnsError, match="'k' holds in row 1 a category") as caught:
        score(model, data.astype({"k": object}).assign(k="Chur"), BINARY)
    assert "Chur" not in str(caught.value)


@needs_cut
@pytest.mark.parametrize("names", [["上海", "北京", "广州"], ["NA", "é"]])
def test_what_cannot_be_told_apart_is_refused(names: list[str]) -> None:
    model, _ = trained(names)

    with pytest.raises(ArtifactError, match=r"XGBoost 3\.4 or later"):
        predictor_for(model)


class Own(xgb.XGBRegressor):
    """A class of a user's own."""


@needs_cut
def test_class_of_ones_own_is_refused() -> None:
    data = table(["Basel", "Zürich"])
    model: Any = Own(n_estimators=3, n_jobs=1, enable_categorical=True).fit(data, data["x"])

    with pytest.raises(ArtifactError, match=r"XGBoost 3\.4 or later"):
        predictor_for(model)
