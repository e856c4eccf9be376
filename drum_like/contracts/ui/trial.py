"""Rows that a reader of the page tries: their cells, predictions, intervals and contributions."""

from itertools import islice
from typing import Any

import numpy as np

from drum_like import codecs
from drum_like.errors import MediaTypeError
from drum_like.http.accepted import in_order
from drum_like.inference.service import Service
from drum_like.types.explanation import Kind
from drum_like.types.frame import Frame
from drum_like.types.payload import Payload, unsupported
from drum_like.types.prediction import Prediction

Json = dict[str, Any]

SHOWN = 10_000
"""Rows whose cells are sent back, at most."""

_EXPLAINED = 20
"""Rows that are explained, at most."""


def read(service: Service, payload: Payload) -> Frame | None:
    """Return the rows of a payload; None where a hook of the model reads it.

    Raises:
        MediaTypeError: no codec reads it.
        RequestError: its bytes do not fit their media type.
    """
    if service.reads_any_type:
        return None
    decode = codecs.installed().decoders.get(payload.media_type)
    if decode is None:
        raise MediaTypeError(unsupported(payload.media_type))
    return decode(payload)


def answered(service: Service, payload: Payload, frame: Frame | None, *, explain: bool) -> Json:
    """Return the predictions of rows, with all that the model tells about them.

    Args:
        service: The model.
        payload: The rows as they came.
        frame: The same, read; None where a hook reads them.
        explain: Whether contributions are wanted, too; of the first rows only.

    Raises:
        DrumLikeError: as `Service.predict`.
    """
    target = service.target
    prediction = in_order(service.predict(payload if frame is None else frame), target)
    found: Json = {
        "n_rows": prediction.n_rows,
        "outputs": _outputs(service, prediction),
        "values": [column.tolist() for column in _columns(prediction)],
        "is_chance": target.type.is_classification,
        **({} if frame is None else table(frame)),
    }
    if frame is not None and service.has_intervals:
        bounds = service.intervals(frame, prediction)
        found["intervals"] = {"lower": bounds.lower.tolist(), "upper": bounds.upper.tolist()}
    if explain and frame is not None and service.contribution_kinds:
        found["contributions"] = _contributions(service, frame)
    return found


def table(frame: Frame) -> Json:
    """Return the names of columns, and the cells of the first rows, column by column."""
    n_columns = frame.n_columns
    names = frame.columns or tuple(map(str, range(n_columns)))
    return {
        "columns": list(names),
        "cells": [[*islice(frame.cells(at), SHOWN)] for at in range(n_columns)],
    }


def _outputs(service: Service, prediction: Prediction) -> list[str]:
    if prediction.labels is not None:
        return [*map(str, prediction.labels)]
    n_outputs = len(_columns(prediction))
    names = list(service.target.outputs)
    return names if len(names) == n_outputs else [*map(str, range(n_outputs))]


def _columns(prediction: Prediction) -> list[Any]:
    values = prediction.values
    return [values] if values.ndim == 1 else list(np.moveaxis(values, -1, 0))


def _contributions(service: Service, frame: Frame) -> Json | None:
    """Return the contributions to each output of the first rows; the bias is the last one."""
    if frame.n_rows > _EXPLAINED:
        return None
    kinds = service.contribution_kinds
    found = service.contributions(frame, Kind.ORIGINAL if Kind.ORIGINAL in kinds else kinds[0])
    groups = zip(found.groups, found.values.tolist(), strict=True)
    return {
        "features": list(found.features),
        "groups": [{"label": label, "values": values} for label, values in groups],
    }
