"""Training frames of all types, and models fitted on them."""

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import joblib
import numpy as np
import pandas as pd

from tests.oracle.case import Ask, Case, Random, Target, Writer

ROWS = 240
WORDS_FOR_MISSING = ("NA", "None", "nan", "null")
ZIP_CODES = ("02139", "01234", "10001", "A1")
TOWNS = ("Zürich", "Genève", "東京", "Łódź")
YES_NO = ("no", "yes")


def numbers(rng: Random, count: int = 3, *, gaps: float = 0.0) -> pd.DataFrame:
    """Return columns of float64, each cell missing with a chance."""
    held = rng.normal(size=(ROWS, count))
    held[rng.random(held.shape) < gaps] = np.nan
    return pd.DataFrame(held, columns=list("abcdefgh")[:count])


def chosen(rng: Random, words: Sequence[Any], *, gaps: float = 0.0) -> list[Any]:
    """Return one of some values for each row, or None."""
    drawn = [words[place] for place in rng.integers(len(words), size=ROWS)]
    return [None if rng.random() < gaps else word for word in drawn]


def text(rng: Random, words: Sequence[str], *, gaps: float = 0.0) -> "pd.Series[Any]":
    """Return a text column as pandas makes it."""
    return pd.Series(chosen(rng, words, gaps=gaps), dtype="str")


def objects(rng: Random, words: Sequence[Any], *, gaps: float = 0.0) -> "pd.Series[Any]":
    """Return a column of objects, in which None is missing."""
    return pd.Series(chosen(rng, words, gaps=gaps), dtype=object)


def categories(rng: Random, words: Sequence[Any], *, gaps: float = 0.0) -> Any:
    """Return a categorical column."""
    return pd.Categorical(chosen(rng, words, gaps=gaps), categories=list(words))


def signal(frame: pd.DataFrame, rng: Random) -> Any:
    """Return a number for each row to which every column adds something."""
    total = rng.normal(size=len(frame)) * 0.1
    for place, name in enumerate(frame.columns):
        codes = pd.factorize(frame[name])[0].astype(float)
        is_number = pd.api.types.is_float_dtype(frame[name].dtype)
        values = frame[name].fillna(0.5).to_numpy(float) if is_number else codes % 7
        spread = float(np.std(values)) or 1.0
        total = total + (values - float(np.mean(values))) / spread / (1 + place % 3)
    return total


def yes_or_no(frame: pd.DataFrame, rng: Random) -> Any:
    """Return one of two labels for each row."""
    values = signal(frame, rng)
    return np.where(values > np.median(values), "yes", "no")


def one_of(frame: pd.DataFrame, rng: Random, labels: Sequence[Any]) -> Any:
    """Return one of several labels for each row, by quantiles."""
    values = signal(frame, rng)
    edges = np.quantile(values, np.linspace(0, 1, len(labels) + 1)[1:-1])
    return np.array(labels)[np.digitize(values, edges)]


def pickles(model: Any) -> Mapping[str, Writer]:
    """Return the two pickles of a model."""
    return {
        ".pkl": lambda path: path.write_bytes(pickle.dumps(model)),
        ".joblib": lambda path: joblib.dump(model, path),
    }


def asked(model: Any, target: Target) -> Ask:
    """Return the method that asks an estimator."""
    return model.predict_proba if target.is_probability else model.predict  # type: ignore[no-any-return]


def sklearn_case(model: Any, frame: pd.DataFrame, y: Any, target: Target, **rest: Any) -> Case:
    """Fit an estimator of scikit-learn on a frame."""
    model.fit(frame, y)
    made = {"plugin": "scikit-learn", "ask": asked(model, target), "files": pickles(model)}
    return Case(**{**made, "frame": frame, "target": target, **rest})
