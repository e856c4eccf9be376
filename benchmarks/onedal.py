"""Trees by oneDAL beside the same trees by XGBoost and LightGBM: CPU time, and other answers.

python -m benchmarks.onedal     needs scikit-learn-intelex, XGBoost and LightGBM

oneDAL is no part of drum-like: these figures are why.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import lightgbm as lgb
import numpy as np
import xgboost as xgb

_ROWS, _TRAINED, _COLUMNS, _TREES, _ROUNDS = 100_000, 20_000, 30, 300, 5
_OBJECTIVES: Mapping[str, Mapping[str, Any]] = {
    "binary:logistic": {},
    "multi:softprob": {"num_class": 3},
    "reg:squarederror": {},
    "count:poisson": {},
    "reg:tweedie": {},
}

Predict = Callable[[Any], Any]


def main() -> None:
    """Print a table."""
    random = np.random.default_rng(0)
    train, rows = (random.normal(size=(n, _COLUMNS)) for n in (_TRAINED, _ROWS))
    gaps, rows_with_gaps = (_holed(data, random) for data in (train, rows))
    print("| model | its library, ms | oneDAL, ms | largest difference |\n|---|--:|--:|--:|")
    for name, own, other in _pairs(train):
        print(_line(name, rows, own, other))
    for name, own, other in _pairs(gaps):
        print(_line(f"{name}, cells missing", rows_with_gaps, own, other))


def _pairs(train: Any) -> Iterator[tuple[str, Predict, Predict]]:
    """Yield the name of a model, its own prediction, and oneDAL's."""
    convert = import_module("daal4py.mb").convert_model
    total = np.nan_to_num(train[:, 0]) + np.nan_to_num(train[:, 1]) ** 2
    for objective, more in _OBJECTIVES.items():
        labels = np.digitize(total, [0.5, 1.5]) if more else total > 1
        booster = xgb.train(
            {"objective": objective, "nthread": 2, **more}, xgb.DMatrix(train, labels), _TREES
        )
        yield f"XGBoost {objective}", booster.inplace_predict, _asked(convert(booster))
    for objective, labels in (("binary", total > 1), ("regression", total)):
        trees = {"objective": objective, "num_threads": 2, "verbose": -1}
        light = lgb.train(trees, lgb.Dataset(train, labels), _TREES)
        yield f"LightGBM {objective}", light.predict, _asked(convert(light))


def _asked(model: Any) -> Predict:
    """Return the prediction of a converted model in the form of the library's own."""

    def predict(rows: Any) -> Any:
        if not hasattr(model, "predict_proba") or not model.is_classifier_:
            return model.predict(rows).ravel()
        chances = model.predict_proba(rows)
        return chances[:, 1] if chances.shape[1] == 2 else chances

    return predict


def _holed(data: Any, random: np.random.Generator) -> Any:
    return np.where(random.random(data.shape) < 0.1, np.nan, data)


def _line(name: str, rows: Any, own: Predict, other: Predict) -> str:
    difference = float(np.abs(own(rows) - other(rows)).max())
    return f"| {name} | {_cpu_ms(own, rows):.0f} | {_cpu_ms(other, rows):.0f} | {difference:.2g} |"


def _cpu_ms(predict: Predict, rows: Any) -> float:
    """Return the least CPU time of a prediction in milliseconds."""
    times = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        predict(rows)
        times.append(time.process_time() - began)
    return min(times) * 1e3


if __name__ == "__main__":
    main()
