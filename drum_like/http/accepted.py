"""Predictions in the form that Accept asks for, for contracts that look at it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
from flask import Response

from drum_like import codecs
from drum_like.codecs.csv.encode import rows_csv
from drum_like.codecs.json.encode import predictions_json, predictions_lines
from drum_like.http.wire import JSON
from drum_like.types.codec import Encoder
from drum_like.types.payload import CSV
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target

NPY = "application/x-npy"
LINES = ("application/jsonlines", "application/x-jsonlines")

_ENCODERS: Mapping[str, Encoder] = {
    JSON: predictions_json,
    CSV: rows_csv,
    **dict.fromkeys(LINES, predictions_lines),
}


def respond(prediction: Prediction, target: Target, accept: str, usual: str = JSON) -> Response:
    """Return predictions in the first form of Accept that is written, else in the usual one.

    Forms without names of labels, CSV and arrays, have the labels in the order of the target.

    Args:
        prediction: The predictions.
        target: Of the model.
        accept: The header; empty without one. Types are named exactly: a wildcard asks for nothing.
        usual: The media type of answers to all others; JSON if it is not written.

    Raises:
        TargetError: as `predictions_json`.
        MediaTypeError: an array cannot hold the predictions.
    """
    media_type = _form(accept) or _form(usual) or JSON
    encode = _encoder(media_type)
    ordered = prediction if media_type == JSON else in_order(prediction, target)
    return Response(encode(ordered, target), content_type=media_type)


def in_order(prediction: Prediction, target: Target) -> Prediction:
    """Return predictions with the labels in the order that contracts publish."""
    labels = None if prediction.labels is None else tuple(map(str, prediction.labels))
    if labels is None or labels == target.order or not target.type.is_classification:
        return prediction
    places = [labels.index(label) for label in target.order]
    return replace(prediction, values=np.take(prediction.values, places, 1), labels=target.order)


@lru_cache(maxsize=256)
def _form(accept: str) -> str:
    """Return the first media type that is written; empty if there is none."""
    named = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((media_type for media_type in named if _is_written(media_type)), "")


def _is_written(media_type: str) -> bool:
    return media_type in _ENCODERS or (
        media_type == NPY and media_type in codecs.installed().encoders
    )


def _encoder(media_type: str) -> Encoder:
    return _ENCODERS.get(media_type) or codecs.installed().encoders[media_type]
