"""Fits the model of this directory: writes model.json, sample.csv and expected.json."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.covariance import EmpiricalCovariance
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def main() -> None:
    """Fit on benign cells only; malignant ones have to stand out without having been seen."""
    data = load_breast_cancer(as_frame=True)
    rows = data.data.filter(like="mean")
    is_benign = data.target == list(data.target_names).index("benign")
    normal, other_normal = train_test_split(rows[is_benign], test_size=0.2, random_state=0)
    malignant = rows[~is_benign]

    scaler = StandardScaler().fit(normal)
    covariance = EmpiricalCovariance(assume_centered=True).fit(scaler.transform(normal))
    unseen = pd.concat([other_normal, malignant])
    distances = np.sqrt(covariance.mahalanobis(scaler.transform(unseen)))
    auc = roc_auc_score(unseen.index.isin(malignant.index), distances)
    print(f"ROC AUC on {len(unseen)} unseen rows, malignant against benign: {auc:.3f}")

    model = {
        "columns": rows.columns.tolist(),
        "center": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "precision": covariance.precision_.tolist(),
    }
    sample = pd.concat([other_normal.head(4), malignant.head(4)])
    squares = covariance.mahalanobis(scaler.transform(sample))
    expected = {"predictions": np.sqrt(squares).tolist()}
    write("model.json", (json.dumps(model, indent=2) + "\n").encode())
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
