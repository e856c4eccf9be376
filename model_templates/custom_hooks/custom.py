"""Hooks around a model: JSON input, derived columns, an interval beside each prediction."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost as xgb


def add_ratios(data: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with two ratios that physicians use, as new columns."""
    return data.assign(
        ldl_to_hdl=data["s2"] / data["s3"],
        cholesterol_to_hdl=data["s1"] / data["s3"],
    )


def read_input_data(payload: bytes) -> pd.DataFrame:
    """Read a JSON list of records, or CSV, from the body of a request."""
    text = payload.decode("utf-8-sig")
    if text.lstrip().startswith("["):
        return pd.DataFrame(json.loads(text))
    return pd.read_csv(io.StringIO(text))


def load_model(code_dir: str) -> xgb.Booster:
    """Open the model, once per worker; what is returned here comes back in every other hook."""
    return xgb.Booster(model_file=Path(code_dir, "model.ubj"))


def transform(data: pd.DataFrame, model: xgb.Booster) -> pd.DataFrame:
    """Return the columns that the model was trained on, in that order."""
    return add_ratios(data)[model.feature_names]


def score(data: pd.DataFrame, model: xgb.Booster, **kwargs: Any) -> pd.DataFrame:  # noqa: ARG001
    """Return the median as the prediction and the range that holds four of five patients."""
    quantiles = model.predict(xgb.DMatrix(data))
    return pd.DataFrame(quantiles, columns=["low", "Predictions", "high"])


def post_process(predictions: pd.DataFrame, model: xgb.Booster) -> pd.DataFrame:
    """Keep predictions within what was ever observed; sees `Predictions` only, no extra columns."""
    return predictions.clip(float(model.attr("lowest")), float(model.attr("highest")))
