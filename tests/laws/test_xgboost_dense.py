"""Law: libxgboost called directly gives what `Booster.inplace_predict` gives, bit for bit.

For any objective, any rows (missing, infinite and huge cells among them) in any memory layout, any
range of rounds, whatever was said to mean missing, and from several threads at once.
"""

import inspect
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drum_like import plugins
from drum_like.system.cpus import Cpus

PACKAGE = plugins.load(plugins.PREDICTORS, "xgboost").__module__.partition(".")[0]
PLUGIN = import_module(f"{PACKAGE}.xgboost.booster")
LIBRARY = import_module(f"{PACKAGE}.xgboost.native_library")
CALLS = import_module(f"{PACKAGE}.native_calls")
WIDTH = 5
ROUNDS = 6

BINARY = ("binary:logistic", "binary:logitraw", "binary:hinge")
POSITIVE = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
ANY = ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "rank:pairwise")
CLASSES = ("multi:softprob", "multi:softmax")


def training() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(11)
    rows = rng.normal(size=(400, WIDTH)) * [1, 10, 1e6, 1e-6, 1]
    target = rows[:, 0] + rows[:, 1] / 10 + rng.normal(size=400) / 4
    return np.where(rng.random(rows.shape) < 0.2, np.nan, rows), target


def trained(objective: str, **params: Any) -> xgb.Booster:
    rows, target = training()
    target = np.nan_to_num(target)
    if objective in BINARY:
        target = (target > 0).astype(float)
    elif objective in CLASSES:
        target = np.digitize(target, (-0.5, 0.5)).astype(float)
        params["num_class"] = 3
    elif objective in POSITIVE:
        target = np.abs(target) + 0.1
    matrix = xgb.DMatrix(rows, target)
    if objective == "rank:pairwise":
        matrix = xgb.DMatrix(rows, target > 0, qid=np.repeat(range(20), 20))
    if objective == "survival:aft":
        matrix.set_float_info("label_lower_bound", target)
        matrix.set_float_info("label_upper_bound", target + 1)
    return xgb.train({"nthread": 1, "objective": objective, **params}, matrix, ROUNDS)


def with_codes() -> xgb.Booster:
    rows, target = training()
    rows[:, 4] = np.arange(400) % 7
    types = ["q"] * 4 + ["c"]
    matrix = xgb.DMatrix(rows, np.nan_to_num(target), feature_types=types, enable_categorical=True)
    return xgb.train({"nthread": 1, "max_cat_to_onehot": 2}, matrix, ROUNDS)


def of_several_targets(strategy: str) -> xgb.Booster:
    rows, target = training()
    targets = np.nan_to_num(np.column_stack((target, -target, target**2)))
    params = {"nthread": 1, "multi_strategy": strategy, "tree_method": "hist"}
    return xgb.train(params, xgb.DMatrix(rows, targets), ROUNDS)


BOOSTERS = {
    **{name: trained(name) for name in (*BINARY, *POSITIVE, *ANY, *CLASSES)},
    "base-score": trained("binary:logistic", base_score=0.9),
    "forest": trained("reg:squarederror", num_parallel_tree=3, subsample=0.5),
    "deep": trained("reg:squarederror", max_depth=0, grow_policy="lossguide", max_leaves=60),
    "codes": with_codes(),
    "targets": of_several_targets("one_output_per_tree"),
    "vector-leaves": of_several_targets("multi_output_tree"),
}


def of(booster: xgb.Booster) -> Any:
    return PLUGIN.Booster(booster.handle, booster)


cells = st.one_of(
    st.floats(-3, 3, width=32),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e-45, 3.5e38, -3.5e38, np.inf, -np.inf, np.nan, -999.0]),
)


@st.composite
def matrices(draw: st.DrawFn) -> NDArray[np.float64]:
    """Draw up to five rows, in one of the layouts that numpy knows."""
    row = st.lists(cells, min_size=WIDTH, max_size=WIDTH)
    drawn = np.array(draw(st.lists(row, min_size=1, max_size=5)))
    layout = draw(st.sampled_from(["rows", "columns", "strided"]))
    if layout == "columns":
        return np.asfortranarray(drawn)
    return drawn if layout == "rows" else np.repeat(drawn, 2, axis=0)[::2]


@st.composite
def questions(draw: st.DrawFn) -> Any:
    first = draw(st.integers(0, ROUNDS - 1))
    rounds = draw(st.sampled_from([(0, 0), (first, ROUNDS), (0, first + 1)]))
    missing = draw(st.sampled_from([np.nan, -999.0, 0.0]))
    kind = draw(st.sampled_from([LIBRARY.VALUE, LIBRARY.MARGIN]))
    return LIBRARY.PredictConfig(kind, rounds, missing)


def outcome(call: Any) -> Any:
    """Return an answer in bits, or that the library refused."""
    try:
        values = np.asarray(call())
    except (xgb.core.XGBoostError, PLUGIN.XGBoostError):
        return "refused"
    return values.dtype, values.shape, values.tobytes()


@pytest.mark.parametrize("name", BOOSTERS)
@settings(max_examples=30, deadline=None)
@given(rows=matrices(), question=questions())
def test_direct_call_gives_the_same_bits(
    name: str, rows: NDArray[np.float64], question: Any
) -> None:
    booster = BOOSTERS[name]
    score = PLUGIN.scorer(of(booster), question)

    found = outcome(lambda: score(rows))

    expected = outcome(
        lambda: booster.inplace_predict(
            rows,
            predict_type="margin" if question.kind == LIBRARY.MARGIN else "value",
            iteration_range=question.rounds,
            missing=question.missing,
        )
    )
    assert not inspect.isfunction(score)
    assert found == expected


@pytest.mark.parametrize("work", [1 << 20, 1], ids=["one-thread", "all-threads"])
def test_threads_at_once_give_the_same_bits(work: int) -> None:
    booster = BOOSTERS["multi:softprob"]
    score = PLUGIN.scorer(of(booster), LIBRARY.PredictConfig(), work)
    rows = training()[0]
    parts = [rows[at : at + 1 + at % 7] for at in range(393)] * 4

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(score, parts))

    expected = [booster.inplace_predict(part) for part in parts]
    assert [part.tobytes() for part in found] == [part.tobytes() for part in expected]


def test_large_work_takes_the_cpus_that_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    cpus = Cpus()
    cpus.divide(3, 1)
    monkeypatch.setattr(CALLS, "CPUS", cpus)
    library = xgb.core._LIB  # noqa: SLF001 - no other way to ask it
    seen = []

    def score(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        seen.append(library["omp_get_max_threads"]())
        return rows

    threads, rows = CALLS.Threads(library), np.zeros((1, 1))
    threads.parallel(score, rows)
    with cpus.part():
        threads.parallel(score, rows)
    threads.single(score, rows)

    assert seen == [3, 1, 1]


def test_any_number_of_threads_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    booster, rows = BOOSTERS["multi:softprob"], np.tile(training()[0], (4, 1))
    cpus = Cpus()
    monkeypatch.setattr(CALLS, "CPUS", cpus)
    score = PLUGIN.scorer(of(booster), LIBRARY.PredictConfig(), 1)
    expected = score(rows)

    for number in (1, 2, 3, 5):
        cpus.divide(number, 1)
        assert score(rows).tobytes() == expected.tobytes()


def test_answer_stays_when_the_next_one_is_given() -> None:
    score = PLUGIN.scorer(of(BOOSTERS["reg:squarederror"]), LIBRARY.PredictConfig())
    rows = training()[0]

    first = score(rows[:3])
    kept = first.copy()
    score(rows[3:6])

    assert first.tolist() == kept.tolist()
    assert first.flags.writeable


def test_calling_thread_keeps_its_number_of_threads() -> None:
    """The library has an OpenMP of its own: how many threads it takes shows in what it runs."""
    score = PLUGIN.scorer(of(BOOSTERS["reg:squarederror"]), LIBRARY.PredictConfig())
    threads = xgb.core._LIB["omp_get_max_threads"]  # noqa: SLF001 - no other way to ask it
    before = threads()

    score(training()[0])

    assert threads() == before


def test_rows_of_another_width_never_reach_the_library() -> None:
    score = PLUGIN.scorer(of(BOOSTERS["reg:squarederror"]), LIBRARY.PredictConfig())

    with pytest.raises(ValueError, match=r"\(n_rows, 5\) float64 expected"):
        score(np.zeros((2, WIDTH - 1)))


def test_booster_that_cannot_predict_in_place_is_asked_by_dmatrix() -> None:
    rows, target = training()
    matrix = xgb.DMatrix(np.nan_to_num(rows), np.nan_to_num(target))
    booster = xgb.train({"booster": "gblinear", "nthread": 1}, matrix, 2)

    score = PLUGIN.scorer(of(booster), LIBRARY.PredictConfig())

    assert inspect.isfunction(score)
    assert score(rows[:9]).tobytes() == booster.predict(xgb.DMatrix(rows[:9])).tobytes()
