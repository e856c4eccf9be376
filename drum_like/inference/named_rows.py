"""Predictions for rows that name their cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drum_like.codecs.json.decode import Filled, Row, known, untouched
from drum_like.codecs.json.document import Document
from drum_like.codecs.json.values import floats
from drum_like.errors import ColumnsError, EndpointError, PredictorError, TargetError
from drum_like.inference.service import Service
from drum_like.types.names import listed
from drum_like.types.payload import Limits
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target


@dataclass(frozen=True, slots=True)
class Scored:
    """A prediction for rows, with the target of the model.

    Attributes:
        prediction: For each row.
        target: The model's target.
    """

    prediction: Prediction
    target: Target

    @property
    def chances(self) -> NDArray[np.float64]:
        """(n_rows, n_labels) chances of the labels, in the order of `target.order`."""
        values = floats(self.prediction.values)
        found = list(map(str, self.prediction.labels or self.target.order))
        return values[:, [found.index(label) for label in self.target.order]]


def score(service: Service, document: Document, limits: Limits) -> Scored:
    """Return the prediction of a model for rows.

    Columns that rows leave out are missing values to a model that takes them; hooks see what was
    sent.

    Args:
        service: The model.
        document: A list of rows, at least one.
        limits: On the columns and cells that they stand for.

    Raises:
        SizeError: they stand for more.
        EndpointError: the model does not predict rows.
        ColumnsError: a cell does not fit, or the model needs a column that the rows leave out.
        DrumLikeError: as Service.predict.
    """
    if not service.target.type.predicts_rows:
        kind = service.target.type.value
        raise EndpointError(f"a model of target type '{kind}' does not predict rows")
    rows: Sequence[Row] = document.tree
    _check_size(service, rows, limits)
    filled = _filled(service, document)
    if filled.frame.n_rows != len(rows):
        raise ColumnsError(
            "the rows name no field, and the model does not tell its columns; name at least one"
        )
    try:
        prediction = service.predict(filled.frame)
    except PredictorError as error:
        if not filled.absent:
            raise
        raise ColumnsError(
            f"the model failed on rows without {listed(filled.absent)}; it may take no missing "
            "values: send all its columns"
        ) from error
    if prediction.n_rows != len(rows):
        raise TargetError(
            f"the model returned {prediction.n_rows} predictions for {len(rows)} rows"
        )
    return Scored(prediction, service.target)


def _check_size(service: Service, rows: Sequence[Row], limits: Limits) -> None:
    """Refuse rows of too many columns: each may name others, and becomes as wide as all of them.

    Raises:
        SizeError: there are too many.
    """
    names = set[str]().union(*rows)
    limits.check_columns(len(names))
    if service.inputs is not None:
        names.update(service.inputs.names)
    limits.check_filled(len(rows), len(names), sum(map(len, rows)))


def _filled(service: Service, document: Document) -> Filled:
    if service.inputs is None:
        return untouched(document)
    return known(document, service.inputs, also_others=service.schema is None)
