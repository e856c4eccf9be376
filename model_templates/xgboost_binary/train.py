"""Trains the model of this directory: writes model.ubj, sample.csv and expected.json."""

import json
from pathlib import Path

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

POSITIVE, NEGATIVE = "malignant", "benign"
SETTINGS = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.2, "seed": 0, "nthread": 1}


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def main() -> None:
    """Fit on four fifths of the data, report the rest, and keep eight of its rows as the sample."""
    data = load_breast_cancer(as_frame=True)
    positive = data.target == list(data.target_names).index(POSITIVE)
    rows, held_out, labels, held_out_labels = train_test_split(
        data.data, positive, test_size=0.2, stratify=positive, random_state=0
    )
    booster = xgb.train(SETTINGS, xgb.DMatrix(rows, labels), num_boost_round=40)
    auc = roc_auc_score(held_out_labels, booster.predict(xgb.DMatrix(held_out)))
    print(f"ROC AUC on {len(held_out)} held-out rows: {auc:.4f}")

    sample = held_out.head(8)
    chances = booster.predict(xgb.DMatrix(sample)).astype(np.float64)
    expected = {"predictions": [{POSITIVE: p, NEGATIVE: 1 - p} for p in chances.tolist()]}
    write("model.ubj", bytes(booster.save_raw("ubj")))
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
