"""Trains the model of this directory: writes model.pkl, sample.csv and expected.json."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = ["ash", "alcalinity_of_ash", "magnesium", "total_phenols"]
COLORS = {"pale": 3.5, "medium": 6.0, "deep": np.inf}  # up to which color_intensity
BODIES = {"light": 12.5, "medium": 13.5, "full": np.inf}  # up to which alcohol, in percent
ACIDITIES = {"soft": 1.7, "fresh": 3.0, "sharp": np.inf}  # up to which malic_acid


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def words(values: pd.Series, bounds: dict[str, float]) -> pd.Series:
    """Name each measurement by the range that it falls into."""
    return pd.cut(values, [-np.inf, *bounds.values()], labels=list(bounds)).astype(str)


def describe(wine: pd.DataFrame) -> pd.DataFrame:
    """Turn measurements into what a cellar book holds: numbers, a colour and a tasting note."""
    cellar_book = wine[NUMBERS].copy()
    cellar_book["color"] = words(wine["color_intensity"], COLORS)
    body, acidity = words(wine["alcohol"], BODIES), words(wine["malic_acid"], ACIDITIES)
    cellar_book["note"] = body + " body, " + acidity + " acidity"
    return cellar_book


def main() -> None:
    """Fit on four fifths of the data, report the rest, and keep eight of its rows as the sample."""
    data = load_wine(as_frame=True)
    cultivars = pd.Series(data.target_names[data.target])
    rows, held_out, labels, held_out_labels = train_test_split(
        describe(data.data), cultivars, test_size=0.2, stratify=cultivars, random_state=0
    )
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), ["color"]),
        (TfidfVectorizer(), "note"),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(rows, labels)
    accuracy = model.score(held_out, held_out_labels)
    print(f"Accuracy on {len(held_out)} held-out rows: {accuracy:.3f}")

    sample = held_out.head(8).copy()
    sample.iloc[1, sample.columns.get_loc("magnesium")] = np.nan  # the pipeline fills it in
    chances = model.predict_proba(sample).tolist()
    expected = {"predictions": [dict(zip(model.classes_, row, strict=True)) for row in chances]}
    write("model.pkl", pickle.dumps(model))
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
