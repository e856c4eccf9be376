"""An anomaly score: how far a row is from normal rows, in standard deviations."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def load_model(code_dir: str) -> dict[str, Any]:
    """Open what normal rows look like: `columns`, `center`, `scale` and `precision`."""
    model: dict[str, Any] = json.loads(Path(code_dir, "model.json").read_text("utf-8"))
    return model


def score(data: pd.DataFrame, model: dict[str, Any], **kwargs: Any) -> pd.DataFrame:  # noqa: ARG001
    """Return the Mahalanobis distance of each row; a row with a missing value has none."""
    values = data[model["columns"]].to_numpy(np.float64)
    z_scores = (values - model["center"]) / model["scale"]
    squares = np.einsum("ri,ij,rj->r", z_scores, np.array(model["precision"]), z_scores)
    return pd.DataFrame({"Predictions": np.sqrt(squares)})
