"""Prediction intervals: exact ranks, coverage, and what a directory has to ship for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from crepes import ConformalRegressor
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge

from drum_like.api import NativeFrame
from drum_like.errors import HookError, SettingsError
from drum_like.inference.explain import residuals as residual_file
from drum_like.inference.model_service import ModelService
from drum_like.model.metadata import read_metadata
from drum_like.types.explanation import Intervals
from drum_like.types.prediction import Prediction
from tests.support.explained import YES_NO, Hooked, opened

HEAD = "name: x\ntype: inference\ntargetType: regression\n"
SPLITS = 40


def told(method: str, level: str, **keys: str) -> str:
    """Return metadata with prediction intervals."""
    lines = [
        f"  {key}: {value}" for key, value in {"method": method, "level": level, **keys}.items()
    ]
    return HEAD + "prediction_intervals:\n" + "\n".join(lines) + "\n"


def calibrated(directory: Path, residuals: Any, level: str, **keys: str) -> ModelService:
    """Return a service that predicts its column `a`, with these residuals."""
    directory.mkdir(parents=True, exist_ok=True)
    text = residual_file.text(residual_file.RESIDUAL, list(map(float, residuals)))
    (directory / "residuals.csv").write_text(text)
    (directory / "custom.py").write_text(
        "def load_model(code_dir):\n    return 'model'\n\n"
        "def score(data, model, **kwargs):\n    return data[['a']]\n"
    )
    method = keys.pop("method", "split_conformal")
    return opened(directory, None, told(method, level, residuals="residuals.csv", **keys))


def bounds(service: ModelService, rows: pd.DataFrame) -> Intervals:
    frame = NativeFrame(rows)
    return service.intervals(frame, service.predict(frame))


def why_not(service: ModelService) -> str:
    assert not service.has_intervals
    return str(service.description()["explanations"]["predictionIntervals"]["reason"])


@pytest.mark.parametrize(
    ("n", "level", "symmetric", "asymmetric"),
    [
        pytest.param(9, "0.9", 9, (0, 10), id="nine-of-90"),
        pytest.param(19, "0.9", 18, (1, 19), id="nineteen-of-90"),
        pytest.param(19, "0.95", 19, (0, 20), id="nineteen-of-95"),
        pytest.param(39, "0.95", 38, (1, 39), id="thirty-nine-of-95"),
        pytest.param(99, "0.07", 7, (46, 54), id="in-floats-the-ceiling-is-8"),
    ],
)
def test_ranks_are_exact(n: int, level: str, symmetric: int, asymmetric: tuple[int, int]) -> None:
    assert residual_file.symmetric(n, Fraction(level)) == symmetric
    assert residual_file.asymmetric(n, Fraction(level)) == asymmetric


@pytest.mark.parametrize("level", ["0.5", "0.8", "0.9", "0.95", "0.99", "0.07", "0.333"])
@pytest.mark.parametrize("sides", [1, 2])
def test_the_rows_needed_are_the_fewest_that_are_enough(level: str, sides: int) -> None:
    exact, two_sided = Fraction(level), sides == 2

    least = residual_file.needed(exact, two_sided=two_sided)

    assert residual_file.enough(least, exact, two_sided=two_sided)
    assert not any(residual_file.enough(n, exact, two_sided=two_sided) for n in range(1, least))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [19, 20, 57, 100, 199])
def test_symmetric_bounds_are_those_of_crepes(n: int, level: float, tmp_path: Path) -> None:
    """The package's conformal regressor as an oracle of the rank.

    It is asked for a hair less: its floats take 20 x (1 - 0.9) for less than 2.
    """
    rng = np.random.default_rng(n)
    residuals, points = rng.standard_t(3, size=n), rng.normal(size=8)
    oracle = ConformalRegressor()
    oracle.fit(residuals)
    service = calibrated(tmp_path, residuals, str(level))

    found = bounds(service, pd.DataFrame({"a": points}))

    expected = oracle.predict_int(points, confidence=level - 1e-9)
    np.testing.assert_allclose(np.column_stack([found.lower, found.upper]), expected, rtol=1e-12)


def test_nine_residuals_are_enough_for_90_percent_and_eight_are_not(tmp_path: Path) -> None:
    """D06: the bound is the largest residual."""
    residuals = [-1.0, 2.0, -3.0, 4.0, -5.0, 6.0, -7.0, 8.0, -9.5]

    nine = calibrated(tmp_path / "nine", residuals, "0.9")
    eight = calibrated(tmp_path / "eight", residuals[:8], "0.9")

    found = bounds(nine, pd.DataFrame({"a": [100.0]}))
    assert (found.lower.tolist(), found.upper.tolist()) == ([90.5], [109.5])
    assert "at least 9" in why_not(eight)


def test_asymmetric_bounds_are_two_residuals(tmp_path: Path) -> None:
    residuals = [*range(-3, 16)]
    service = calibrated(tmp_path, residuals, "0.9", method="split_conformal_asymmetric")

    found = bounds(service, pd.DataFrame({"a": [0.0, 1.0]}))

    assert found.lower.tolist() == [-3.0, -2.0]
    assert found.upper.tolist() == [15.0, 16.0]


def diabetes(rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    rows, target = load_diabetes(return_X_y=True)
    order = rng.permutation(len(rows))
    return rows[order], target[order]


def houses(rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return rows like those of California's districts: skewed, with noise that grows, capped."""
    rows = rng.lognormal(size=(1200, 8))
    value = 0.5 + np.log1p(rows @ np.linspace(1, 0.1, 8)) + rng.gamma(1, 0.3, 1200) * rows[:, 0]
    return rows, np.minimum(value, 5.0)


@pytest.mark.parametrize(
    ("data", "model"),
    [
        pytest.param(diabetes, Ridge(alpha=0.1), id="diabetes"),
        pytest.param(houses, Ridge(alpha=0.1), id="houses"),
    ],
)
@pytest.mark.parametrize("method", ["split_conformal", "split_conformal_asymmetric"])
def test_90_percent_intervals_hold_90_percent(
    data: Any, model: Any, method: str, tmp_path: Path
) -> None:
    """Over many splits: each held-out target is inside with a chance of 0.9 to 0.9 + 1 / (n + 1).

    The band is binomial for the number of independent draws, which is less than that of the targets
    as those of one split share their residuals: Beta's variance of the coverage is added.
    """
    inside = tested = 0
    for split in range(SPLITS):
        rows, target = data(np.random.default_rng(split))
        train, spare = len(rows) // 3, len(rows) // 3
        model.fit(rows[:train], target[:train])
        residuals = target[train : train + spare] - model.predict(rows[train : train + spare])
        service = calibrated(tmp_path / str(split), residuals, "0.9", method=method)
        points = pd.DataFrame({"a": model.predict(rows[train + spare :])})
        found = bounds(service, points)
        held_out = target[train + spare :]
        inside += int(((found.lower <= held_out) & (held_out <= found.upper)).sum())
        tested += len(held_out)

    n = spare
    sd = sqrt(0.09 / tested + 0.09 / (n + 2) / SPLITS)
    assert 0.9 - 3 * sd <= inside / tested <= 0.9 + 1 / (n + 1) + 3 * sd


def test_one_split_of_diabetes_lies_in_the_binomial_band(tmp_path: Path) -> None:
    rows, target = load_diabetes(return_X_y=True, as_frame=True)
    order = np.random.default_rng(5).permutation(len(rows))
    rows, target = rows.iloc[order], target.iloc[order]
    model = GradientBoostingRegressor(n_estimators=30, random_state=0)
    model.fit(rows[:150], target[:150])
    residuals = target[150:300] - model.predict(rows[150:300])
    text = residual_file.text(residual_file.RESIDUAL, residuals.tolist())
    (tmp_path / "r.csv").write_text(text)
    service = opened(tmp_path, model, told("split_conformal", "0.9", residuals="r.csv"))

    found = bounds(service, rows[300:])

    inside = int(((found.lower <= target[300:]) & (target[300:] <= found.upper)).sum())
    n = len(target) - 300
    assert binom.ppf(0.001, n, 0.9) <= inside <= binom.ppf(0.999, n, 0.9)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "no file 'residuals.csv'", id="missing"),
        pytest.param("error\n1\n", "one column 'residual'", id="other-header"),
        pytest.param("residual,b\n1,2\n", "one column 'residual'", id="two-columns"),
        pytest.param("residual\n1\nx\n", "line 3", id="text"),
        pytest.param("residual\n1\nnan\n", "line 3", id="missing-value"),
        pytest.param("residual\n1\ninf\n", "line 3", id="infinite"),
        pytest.param("residual\n", "0 rows", id="empty"),
        pytest.param("\x00\xff", "residuals.csv", id="binary"),
    ],
)
def test_residuals_that_are_none_withdraw_the_intervals(
    content: str | None, said: str, tmp_path: Path
) -> None:
    service = calibrated(tmp_path, range(30), "0.9")
    if content is None:
        (tmp_path / "residuals.csv").unlink()
    else:
        (tmp_path / "residuals.csv").write_bytes(content.encode("latin-1"))

    again = opened(tmp_path, None)

    assert service.has_intervals
    assert said in why_not(again)


def test_a_file_outside_the_directory_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(residual_file.text("residual", [0.0] * 30))
    calibrated(tmp_path / "m", range(30), "0.9")

    service = opened(tmp_path / "m", None, told("split_conformal", "0.9", residuals="../r.csv"))

    assert "no file" in why_not(service)


def test_residuals_of_another_model_file_are_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0]})
    (tmp_path / "r.csv").write_text(residual_file.text("residual", [0.5] * 30))
    keys = {"residuals": "r.csv", "model_sha256": "0" * 64}

    model = Ridge().fit(rows, [0.0, 1.0, 2.0])
    other = opened(tmp_path, model, told("split_conformal", "0.9", **keys))
    keys["model_sha256"] = str(other.info.sha256)
    same = opened(tmp_path, None, told("split_conformal", "0.9", **keys))

    assert "another model file" in why_not(other)
    assert same.has_intervals


def test_classifiers_have_no_intervals(hooked: Hooked) -> None:
    """B04: whatever the directory says."""
    service = hooked(
        "def load_model(code_dir):\n    return 'm'\n\n"
        "def score(data, model, **kwargs):\n    return data\n\n"
        "def prediction_intervals(data, model):\n    return data\n",
        **YES_NO,
    )

    assert "regression" in why_not(service)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Models of three quantiles, and what they were trained on, with 600 further rows.

    Attributes:
        rows: 900 rows of one column.
        target: Their targets, whose noise grows with the column.
        models: Of the lower and the upper quantile and of the middle, trained on 300 rows.
    """

    rows: pd.DataFrame
    target: NDArray[Any]
    models: Mapping[str, Any]

    def served(self, directory: Path, **keys: str) -> ModelService:
        """Return the service of the middle with the two quantiles beside it."""
        for name in ("low", "high"):
            opened(directory / name, self.models[name])
        keys = {"lower_model": "low/model.pkl", "upper_model": "high/model.pkl", **keys}
        return opened(directory, self.models["middle"], told("quantile_pair", "0.9", **keys))


@pytest.fixture(scope="module")
def quantiles() -> Quantiles:
    """Return trained models of quantiles."""
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"a": rng.uniform(0, 4, size=900)})
    target = rows["a"].to_numpy() + rng.normal(size=900) * (0.2 + rows["a"].to_numpy())
    models = {"middle": Ridge().fit(rows[:300], target[:300])}
    for name, alpha in {"low": 0.05, "high": 0.95}.items():
        model = GradientBoostingRegressor(loss="quantile", alpha=alpha, n_estimators=40)
        models[name] = model.fit(rows[:300], target[:300])
    return Quantiles(rows, target, models)


def test_a_pair_of_quantiles_is_as_wide_as_the_noise(quantiles: Quantiles, tmp_path: Path) -> None:
    service, rows = quantiles.served(tmp_path), quantiles.rows

    found = bounds(service, rows[600:])

    width = found.upper - found.lower
    assert (width >= 0).all()
    wide = rows["a"][600:] > 3
    assert width[wide].mean() > 2 * width[rows["a"][600:] < 1].mean()


def test_a_calibrated_pair_of_quantiles_holds_its_level(
    quantiles: Quantiles, tmp_path: Path
) -> None:
    service, rows, target = quantiles.served(tmp_path), quantiles.rows, quantiles.target
    raw = bounds(service, rows[300:600])
    scores = np.maximum(raw.lower - target[300:600], target[300:600] - raw.upper)
    (tmp_path / "s.csv").write_text(residual_file.text(residual_file.SCORE, scores.tolist()))
    better = quantiles.served(tmp_path, residuals="s.csv")

    found = bounds(better, rows[600:])

    margin = sorted(scores)[residual_file.symmetric(300, Fraction("0.9")) - 1]
    plain = bounds(service, rows[600:])
    np.testing.assert_allclose(found.lower, plain.lower - margin)
    np.testing.assert_allclose(found.upper, plain.upper + margin)
    inside = int(((found.lower <= target[600:]) & (target[600:] <= found.upper)).sum())
    assert binom.ppf(0.001, 300, 0.9) <= inside <= binom.ppf(0.999, 300, 0.9)


def test_models_of_quantiles_that_do_not_load_withdraw_the_intervals(
    quantiles: Quantiles, tmp_path: Path
) -> None:
    service = quantiles.served(tmp_path, upper_model="nothing.pkl")

    assert "nothing.pkl" in why_not(service)


_HOOK = """
import pandas as pd

def load_model(code_dir):
    return 2.0

def score(data, model, **kwargs):
    return data[["a"]]

def prediction_intervals(data, model):
    if data["a"].iloc[0] == 1:
        return data
    if data["a"].iloc[0] == 2:
        return pd.DataFrame({"lower": [0.0], "upper": [1.0]})
    if data["a"].iloc[0] == 3:
        return pd.DataFrame({"lower": data["a"], "upper": data["a"] - 1})
    if data["a"].iloc[0] == 4:
        return pd.DataFrame({"lower": data["a"], "upper": "x"})
    return pd.DataFrame({"upper": data["a"] + model, "lower": data["a"] - model})
"""


@pytest.mark.parametrize("metadata", [HEAD, told("hook", "0.8")], ids=["hook", "hook-and-level"])
def test_a_hook_may_give_the_bounds(metadata: str, hooked: Hooked) -> None:
    service = hooked(_HOOK, metadata=metadata)

    found = bounds(service, pd.DataFrame({"a": [7.0, 8.0]}))

    assert (found.lower.tolist(), found.upper.tolist()) == ([5.0, 6.0], [9.0, 10.0])
    assert service.description()["explanations"]["predictionIntervals"]["method"] == "hook"


def test_bounds_are_those_of_the_rows_that_were_sent(hooked: Hooked) -> None:
    """A score hook may change its rows; the hook of the bounds gets others."""
    scored = '    data["a"] *= 2\n    return data[["a"]]'
    service = hooked(_HOOK.replace('    return data[["a"]]', scored), metadata=HEAD)

    found = bounds(service, pd.DataFrame({"a": [7.0]}))

    assert (found.lower.tolist(), found.upper.tolist()) == ([5.0], [9.0])


@pytest.mark.parametrize(
    ("first", "said"),
    [(1.0, "'lower' and 'upper'"), (2.0, "1 intervals for 2"), (3.0, "above"), (4.0, "numbers")],
)
def test_bounds_of_a_hook_that_are_none_are_refused(
    first: float, said: str, hooked: Hooked
) -> None:
    service = hooked(_HOOK, metadata=HEAD)

    with pytest.raises(HookError, match=said):
        bounds(service, pd.DataFrame({"a": [first, 9.0]}))


def test_no_rows_have_no_bounds(hooked: Hooked) -> None:
    """And no hook is called."""
    none = NativeFrame(pd.DataFrame({"a": []}))

    found = hooked(_HOOK, metadata=HEAD).intervals(none, Prediction.empty(1))

    assert (found.lower.shape, found.upper.shape) == ((0,), (0,))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param("  method: guess\n  level: 0.9\n", "one of split_conformal", id="method"),
        pytest.param("  method: hook\n", "'level'", id="no-level"),
        pytest.param("  method: hook\n  level: 90\n", "between 0 and 1", id="percent"),
        pytest.param("  method: hook\n  level: 1\n", "between 0 and 1", id="one"),
        pytest.param("  method: hook\n  level: nan\n", "between 0 and 1", id="nan"),
        pytest.param("  method: hook\n  level: 1/2\n", "between 0 and 1", id="fraction"),
        pytest.param("  method: hook\n  level: 0.9\n  x: y\n", "'x'", id="unknown-key"),
        pytest.param("  method: split_conformal\n  level: 0.9\n", "residuals", id="no-file"),
        pytest.param("  method: quantile_pair\n  level: 0.9\n", "lower_model", id="no-models"),
    ],
)
def test_metadata_that_say_something_else_are_refused(
    lines: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "model-metadata.yaml").write_text(f"{HEAD}prediction_intervals:\n{lines}")

    with pytest.raises(SettingsError, match=said):
        read_metadata(tmp_path)


def test_a_level_is_the_number_that_its_text_says(tmp_path: Path) -> None:
    (tmp_path / "model-metadata.yaml").write_text(told("hook", "0.07"))

    found = read_metadata(tmp_path)

    assert found is not None
    assert found.prediction_intervals is not None
    assert found.prediction_intervals.level == Fraction(Decimal("0.07"))
    assert found.raw["prediction_intervals"] == {"method": "hook", "level": 0.07}
