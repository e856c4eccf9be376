"""Law: LightGBM's library called directly gives what `Booster.predict` gives, bit for bit.

For any objective and kind of trees, any rows (missing, infinite and huge cells among them) in any
memory layout, and from several threads at once.
"""

import inspect
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drum_like import plugins
from drum_like.system.cpus import Cpus

PLUGIN = sys.modules[plugins.load(plugins.PREDICTORS, "lightgbm").__module__]
CALLS = import_module(f"{PLUGIN.__name__.partition('.')[0]}.native_calls")
WIDTH = 5
ROUNDS = 6
FEW = {"num_leaves": 7, "verbose": -1, "seed": 0, "num_threads": 1}


def training() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(11)
    rows = rng.normal(size=(400, WIDTH)) * [1, 10, 1e6, 1e-6, 1]
    rows[:, 4] = np.arange(400) % 7
    target = rows[:, 0] + rows[:, 1] / 10 + rows[:, 4] + rng.normal(size=400) / 4
    return np.where(rng.random(rows.shape) < 0.2, np.nan, rows), target


def trained(target: NDArray[Any], **params: Any) -> lgb.Booster:
    categorical = params.pop("categorical", "auto")
    rows, _ = training()
    data = lgb.Dataset(rows, target, categorical_feature=categorical)
    return lgb.train({**FEW, **params}, data, ROUNDS)


def boosters() -> dict[str, lgb.Booster]:
    number = training()[1]
    binary, three = number > 3, np.digitize(number, (2, 4))
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
    return {
        "binary": trained(binary, objective="binary"),
        "multiclass": trained(three, objective="multiclass", num_class=3),
        "multiclassova": trained(three, objective="multiclassova", num_class=3),
        "regression": trained(number, objective="regression"),
        "square-root": trained(np.abs(number), objective="regression", reg_sqrt=True),
        "poisson": trained(np.abs(number), objective="poisson"),
        "dart": trained(binary, objective="binary", boosting="dart"),
        "forest": trained(binary, objective="binary", **forest),
        "linear": trained(np.nan_to_num(number), objective="regression", linear_tree=True),
        "codes": trained(number, objective="regression", categorical=[4]),
        "zeros-missing": trained(number, objective="regression", zero_as_missing=True),
    }


BOOSTERS = boosters()

cells = st.one_of(
    st.floats(-3, 3, width=32),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e-45, 1e-36, 3.5e38, np.inf, -np.inf, np.nan, -1.0, 6.0]),
)


@st.composite
def matrices(draw: st.DrawFn) -> NDArray[np.float64]:
    """Draw up to three rows, in one of the layouts that numpy knows."""
    row = st.lists(cells, min_size=WIDTH, max_size=WIDTH)
    drawn = np.array(draw(st.lists(row, min_size=1, max_size=3)))
    layout = draw(st.sampled_from(["rows", "columns", "strided"]))
    if layout == "columns":
        return np.asfortranarray(drawn)
    return drawn if layout == "rows" else np.repeat(drawn, 2, axis=1)[:, ::2]


def bits(values: Any) -> Any:
    array = np.asarray(values)
    return array.dtype, array.shape, array.tobytes()


@pytest.mark.parametrize("name", BOOSTERS)
@settings(max_examples=30, deadline=None)
@given(rows=matrices())
def test_direct_call_gives_the_same_bits(name: str, rows: NDArray[np.float64]) -> None:
    score = PLUGIN.scorer(BOOSTERS[name])

    found = score(rows)

    assert not inspect.isfunction(score)
    assert bits(found) == bits(BOOSTERS[name].predict(rows))


@pytest.mark.parametrize("n_rows", [1, 3])
def test_threads_at_once_give_the_same_bits(n_rows: int) -> None:
    booster = BOOSTERS["multiclass"]
    score = PLUGIN.scorer(booster)
    rows = training()[0]
    parts = [rows[at : at + n_rows] for at in range(390)] * 4

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(score, parts))

    assert [bits(part) for part in found] == [bits(booster.predict(part)) for part in parts]


def test_many_rows_give_the_same_bits() -> None:
    booster = BOOSTERS["binary"]
    rows = np.tile(training()[0], (200, 1))
    assert len(rows) * booster.num_trees() > 1 << 18

    assert bits(PLUGIN.scorer(booster)(rows)) == bits(booster.predict(rows))


def test_numbers_of_threads_that_change_meanwhile_give_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    booster, cpus = BOOSTERS["multiclass"], Cpus()
    cpus.divide(4, 1)
    monkeypatch.setattr(sys.modules[PLUGIN.scorer.__module__], "WORK_OF_ONE_THREAD", 1)
    monkeypatch.setattr(CALLS, "CPUS", cpus)
    score = PLUGIN.scorer(booster)
    parts = [training()[0][: 5 + at] for at in range(390)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(score, parts))

    assert [bits(part) for part in found] == [bits(booster.predict(part)) for part in parts]


def test_rows_of_another_width_never_reach_the_library() -> None:
    score = PLUGIN.scorer(BOOSTERS["regression"])

    with pytest.raises(ValueError, match=r"\(n_rows, 5\) float64 expected"):
        score(np.zeros((1, WIDTH - 1)))
