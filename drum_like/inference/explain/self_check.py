"""Contributions are tried on made-up rows at load: they have to lead to the predictions."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from drum_like.errors import DrumLikeError
from drum_like.inference.explain.hook_contributions import columns_of
from drum_like.inference.pipeline import Pipeline
from drum_like.types.explanation import Contributions, Kind, adds_up, predicted
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.probe_rows import probe_rows
from drum_like.types.schema import Schema
from drum_like.types.target import Link

_CHANCES = 1e-4
"""How far predictions may be off; they are float32 numbers for many models."""


class ContributionSource(Protocol):
    """Source of contributions of columns."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which columns it can speak about."""

    @property
    def link(self) -> Link:
        """The link function: it turns the sums of the groups into predictions."""

    @property
    def tolerance(self) -> float:
        """How far its sums may be off."""

    @property
    def reference(self) -> str:
        """The baseline of contributions, in words."""

    def __call__(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contributions to rows, or to no rows."""


def fault(source: ContributionSource, pipeline: Pipeline, inputs: Schema) -> str:
    """Return the reason why contributions must not be offered, "" if there is none.

    Rows that the model itself refuses, or predicts no number for, prove nothing and are left out.
    """
    with np.errstate(all="ignore"):
        for row, prediction in _predicted(pipeline, inputs):
            for kind in source.kinds:
                try:
                    found = source(row, kind)
                except DrumLikeError as error:
                    return f"a made-up row failed: {error}"
                sums = predicted(found.values.sum(axis=2), source.link)
                if not adds_up(sums, columns_of(prediction, pipeline.target), _CHANCES):
                    return "for a made-up row they do not lead to the prediction that is served"
    return ""


def _predicted(pipeline: Pipeline, inputs: Schema) -> Iterator[tuple[Frame, Prediction]]:
    for row in probe_rows(inputs):
        try:
            prediction = pipeline.run(row)
            known = np.isfinite(columns_of(prediction, pipeline.target)).all()
        except DrumLikeError:
            continue
        if known:
            yield row, prediction
