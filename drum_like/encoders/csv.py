"""Predictions as the CSV that `score` writes.

Source: DRUM 1.18.1, observed.
"""

import pandas as pd

from drum_like.prediction import Prediction
from drum_like.target import Target


def predictions_csv(prediction: Prediction, target: Target) -> bytes:
    """Return predictions as CSV: header, commas, LF, no index, UTF-8.

    Numbers have the model's own width and are not cast. Extra columns follow, joined by their
    index to the rows 0 to n-1, as DRUM joins them: a row whose number is not in the index has empty
    cells.
    """
    data = predictions_frame(prediction, target)
    if prediction.extra is not None:
        names = [*data.columns, *prediction.extra.columns]
        extra = prediction.extra.set_axis(range(data.shape[1], len(names)), axis="columns")
        data = data.set_axis(range(data.shape[1]), axis="columns").join(extra)
        data.columns = pd.Index(names, dtype=object)
    text: str = data.to_csv(index=False, lineterminator="\n")
    return text.encode()


def predictions_frame(prediction: Prediction, target: Target) -> pd.DataFrame:
    """Return the prediction columns: one a label, or `Predictions`."""
    if target.type.is_classification and prediction.labels is not None:
        return pd.DataFrame(prediction.values, columns=[str(name) for name in prediction.labels])
    return pd.DataFrame({"Predictions": prediction.column})
