"""Contributions that a framework computes, under the names and labels that callers know."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import (
    DrumLikeError,
    PredictorError,
    SizeError,
    TargetError,
    UnsupportedError,
)
from drum_like.inference import labels
from drum_like.inference.pipeline import Limiter
from drum_like.types.explanation import Contributions, Explainer, Kind, adds_up, link_of_labels
from drum_like.types.frame import Frame
from drum_like.types.names import Names
from drum_like.types.schema import Schema
from drum_like.types.target import Link, Target, TargetType

MOST_NUMBERS = 20_000_000
"""Contributions of one request beyond which memory is at risk: 160 MB, and as text a GB."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModelContributions:
    """Contributions that a framework computes for its model.

    Attributes:
        explainer: The framework's side.
        schema: The columns of the model.
        inputs: The names of these columns as callers know them.
        target: Whose labels are meant.
        limiter: Entered around calls into the framework.
    """

    explainer: Explainer
    schema: Schema
    inputs: Names
    target: Target
    limiter: Limiter

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """TRANSFORMED, and ORIGINAL where each column has one source."""
        known = self.explainer.sources is not None
        return (Kind.ORIGINAL, Kind.TRANSFORMED) if known else (Kind.TRANSFORMED,)

    @property
    def link(self) -> Link:
        """The link function: it turns sums of contributions into predictions."""
        return link_of_labels(len(self.groups), self.explainer.link)

    @property
    def tolerance(self) -> float:
        """The tolerance of sums."""
        return self.explainer.tolerance

    @property
    def reference(self) -> str:
        """The baseline of contributions, in words."""
        return self.explainer.reference

    @property
    def groups(self) -> tuple[str | None, ...]:
        """The labels of the groups; (None,) but for three classes or more."""
        multiclass = self.target.type is TargetType.MULTICLASS
        return self.target.order if multiclass else (None,)

    def check(self) -> None:
        """Refuse a model whose outputs are not the labels of the target.

        Raises:
            UnsupportedError: they are not.
        """
        if self.target.type.is_classification:
            try:
                self._names()
            except TargetError as error:
                raise UnsupportedError("the model's classes are not those of the target") from error

    def __call__(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contributions to rows, or to no rows.

        Raises:
            ColumnsError: the rows lack a column, or a cell is not of its type.
            SizeError: there would be too many.
            PredictorError: the framework failed, or its numbers do not add up.
        """
        conformed = self.schema.conform(rows)
        features = self.explainer.features if kind is Kind.TRANSFORMED else self.inputs
        width = len(self.explainer.features) + 1
        shape = (len(self.groups), conformed.n_rows, width)
        if np.prod(shape, dtype=float) > MOST_NUMBERS:
            raise SizeError(
                f"{shape[1]} rows have {np.prod(shape):.0f} contributions, the limit is "
                f"{MOST_NUMBERS}; send fewer rows"
            )
        values = self._shares(conformed) if conformed.n_rows else np.empty(shape)
        if kind is Kind.ORIGINAL:
            values = _summed(values, self.explainer.sources or (), len(features))
        return Contributions(features, self.groups, values)

    def _shares(self, frame: Frame) -> Values:
        try:
            with self.limiter:
                shares = self.explainer.explain(frame)
        except DrumLikeError:
            raise
        except Exception as error:
            raise PredictorError(
                f"Failure when computing contributions. Exception: {type(error).__name__}"
            ) from error
        values = np.asarray(shares.values, dtype=np.float64)
        margins = np.asarray(shares.margins, dtype=np.float64)
        width = len(self.explainer.features) + 1
        if values.shape != (*margins.shape, width) or margins.shape[1] != frame.n_rows:
            raise PredictorError("the framework gave contributions of an unexpected shape")
        if not adds_up(values.sum(axis=2), margins, self.tolerance):
            raise PredictorError(
                "the framework's contributions do not add up to its own output; they are not given"
            )
        return self._labelled(values)

    def _labelled(self, values: Values) -> Values:
        """Return the groups of the target's labels, from those of the model's outputs."""
        if not self.target.type.is_classification:
            return _expect(values, 1)
        names = self._names()
        if self.target.type is TargetType.BINARY:
            positive = self.target.order[-1]
            if len(values) == 1:
                return values if names[-1] == positive else -values
            at = names.index(positive)
            return _expect(values, 2)[[at]] - values[[1 - at]]
        return _expect(values, len(names))[[names.index(label) for label in self.target.order]]

    def _names(self) -> Sequence[str]:
        """Return the target's labels in the order of the model's outputs."""
        classes = self.explainer.classes
        if classes is None:
            return labels.column_order(self.target)
        return labels.of_classes(classes, self.target)


def _expect(values: Values, n_groups: int) -> Values:
    if len(values) != n_groups:
        raise PredictorError(
            f"the framework gave contributions to {len(values)} outputs, but there are {n_groups}"
        )
    return values


def _summed(values: Values, sources: Sequence[int], n_inputs: int) -> Values:
    """Return the contributions of columns as those of the inputs that they are made of."""
    if tuple(sources) == tuple(range(n_inputs)):
        return values
    out = np.zeros((*values.shape[:2], n_inputs + 1))
    for at, source in enumerate(sources):
        out[:, :, source] += values[:, :, at]
    out[:, :, -1] = values[:, :, -1]
    return out
