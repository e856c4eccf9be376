"""From the DataFrame of a score hook to a prediction and its extra columns.

Source of rules and texts: DRUM 1.18.1, observed.
"""

from __future__ import annotations

import numpy as np

from drum_like.errors import TargetError
from drum_like.system.lazy import pd
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target

PREDICTIONS = "Predictions"
"""DRUM's name of the one column of a target that is not a class."""


def read(output: object, target: Target) -> Prediction:
    """Return the raw prediction in a score hook's return value.

    Raises:
        TargetError: not a DataFrame, or the prediction columns are not in it.
    """
    if not isinstance(output, pd.DataFrame):
        raise TargetError(f"score must return a dataframe, but received {type(output)}")
    if target.type.is_classification:
        return _classes(output, target)
    return _one_column(output, target)


def read_post_processed(output: object, target: Target) -> Prediction:
    """Return the prediction in a post_process hook's return value, which has no extra columns.

    Raises:
        TargetError: not a DataFrame.
    """
    if not isinstance(output, pd.DataFrame):
        raise TargetError(f"Output of post_process hook must be a dataframe, not a {type(output)}")
    return Prediction(output.to_numpy(), _labels(output, target))


def frame_of(prediction: Prediction) -> pd.DataFrame:
    """Return predictions as the DataFrame that a post_process hook gets."""
    columns = [PREDICTIONS] if prediction.labels is None else list(prediction.labels)
    values = np.reshape(prediction.values, (prediction.n_rows, len(columns)))
    return pd.DataFrame(values, columns=columns)


def _labels(output: pd.DataFrame, target: Target) -> tuple[str, ...] | None:
    return tuple(output.columns) if target.type.is_classification else None


def _classes(output: pd.DataFrame, target: Target) -> Prediction:
    if output.shape[1] <= len(target.labels):
        return Prediction(output.to_numpy(), tuple(output.columns))
    _require(output, list(target.labels))
    chosen = output.columns.isin(target.labels)
    predictions = output.loc[:, chosen]
    return Prediction(predictions.to_numpy(), tuple(predictions.columns), output.loc[:, ~chosen])


def _one_column(output: pd.DataFrame, target: Target) -> Prediction:
    if output.shape[1] <= 1:
        return Prediction(output.to_numpy())
    name = _column_name(output, target)
    _require(output, [name])
    chosen = output.columns == name
    extra = output.loc[:, ~chosen] if not chosen.all() else None
    return Prediction(output.loc[:, chosen].to_numpy(), None, extra)


def _column_name(output: pd.DataFrame, target: Target) -> str:
    if not target.type.needs_target_name:
        return PREDICTIONS
    bare = target.name.strip('"')
    return bare if target.name not in output.columns and bare in output.columns else target.name


def _require(output: pd.DataFrame, names: list[str]) -> None:
    missing = [name for name in names if name not in output.columns]
    if missing:
        raise TargetError(f'"{sorted(missing)} not found in axis"')
