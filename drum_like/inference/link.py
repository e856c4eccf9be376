"""Conversion of a model's output to probabilities, as model-metadata.yaml declares it.

A sigmoid or a softmax is applied to margins only: of a probability it would be another number
between 0 and 1, and the mistake would go unnoticed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import MarginSource, MeaningSource, Predictor
from drum_like.errors import LoadError, SettingsError, TargetError
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.target import Link, Meaning, Scale, Target, TargetType

Values = NDArray[Any]

_ANOTHER = (
    "Serve it as another target type (such as regression), or, if they are margins, let "
    "model-metadata.yaml turn them into probabilities: 'link: logit' for one margin a label, "
    "'link: softmax' for one margin a class; or return probabilities from a score or post_process "
    "hook"
)
_NORMALIZE = (
    "Let model-metadata.yaml say 'normalize_probabilities: true' to divide each row by its sum, or "
    "serve it as multilabel"
)


@dataclass(frozen=True, slots=True)
class Conversion:
    """The conversion of a model's output that the metadata asks for.

    Attributes:
        link: Makes probabilities of margins: LOGIT, SOFTMAX, or None for output as it is.
        normalize: Divide the probabilities of a row by their sum.
    """

    link: Link | None = None
    normalize: bool = False

    def check(self, target: Target) -> None:
        """Refuse a conversion that does not go with the target.

        Raises:
            SettingsError: it cannot give what the target demands.
        """
        if self == Conversion():
            return
        many = target.type is TargetType.MULTICLASS
        if not target.type.is_classification:
            reason = f"target type {target.type.value} has no probabilities"
        elif self.normalize and not many:
            reason = f"normalize_probabilities is for multiclass, not for {target.type.value}"
        elif self.link is Link.LOGIT and many and not self.normalize:
            reason = (
                "'link: logit' gives each class a probability of its own; for multiclass use "
                "'link: softmax', or add 'normalize_probabilities: true'"
            )
        else:
            return
        raise SettingsError(f"model-metadata.yaml: {reason}")

    def apply(self, raw: Prediction, target: Target) -> Prediction:
        """Return probabilities; each row's are the same bits, whatever rows are beside it.

        Raises:
            TargetError: the output has not the columns that the link takes.
        """
        values = raw.values
        if self.link is not None:
            values = _LINKS[self.link](_columns(values), target)
        if self.normalize:
            values = _normalized(_columns(values))
        if values.shape[1] == 1 and len(raw.labels or ()) == 2:
            values = np.concatenate([1 - values, values], axis=1)
        return Prediction(values, raw.labels, raw.extra)


def check(predictor: Predictor, target: Target, conversion: Conversion, *, hooked: bool) -> None:
    """Refuse a classifier whose output is known not to be probabilities, and links of some that is.

    Args:
        predictor: Predicts.
        target: Target of the predictions.
        conversion: As the metadata declares it.
        hooked: Whether a hook makes the predictions of what the predictor gives.

    Raises:
        LoadError: nothing makes probabilities of it, or what should is for margins.
        SettingsError: the conversion does not go with the target.
    """
    conversion.check(target)
    meaning = meaning_of(predictor, target)
    if meaning is None:
        return
    if conversion.link is not None and meaning.scale is not Scale.MARGINS:
        raise LoadError(
            f"{meaning.said} gives probabilities, and 'link: {conversion.link.value}' in "
            "model-metadata.yaml is for margins: remove it"
        )
    if conversion.normalize and meaning.scale is Scale.CHANCES:
        raise LoadError(
            f"{meaning.said} gives probabilities that add up to 1: remove "
            "'normalize_probabilities' from model-metadata.yaml"
        )
    if not hooked and needs_more(meaning, target, conversion):
        way_out = _NORMALIZE if meaning.scale is Scale.CHANCES_EACH else _ANOTHER
        raise LoadError(
            f"{meaning.said} gives {meaning.scale.value}, and target type {target.type.value} "
            f"needs probabilities{_that_add_up(target)}. {way_out}"
        )


def needs_more(meaning: Meaning | None, target: Target, conversion: Conversion) -> bool:
    """Return whether a model's output is known not to be what the target demands."""
    if meaning is None or not target.type.is_classification:
        return False
    if meaning.scale is Scale.MARGINS:
        return conversion.link is None
    alone = meaning.scale is Scale.CHANCES_EACH and target.type is not TargetType.MULTILABEL
    return alone and not conversion.normalize


def meaning_of(predictor: object, target: Target) -> Meaning | None:
    """Return the meaning of a classifier's output, None where it is unknown."""
    told = target.type.is_classification and isinstance(predictor, MeaningSource)
    return predictor.meaning(target) if told and isinstance(predictor, MeaningSource) else None


def predict_step(
    predictor: Predictor, target: Target, conversion: Conversion
) -> Callable[[Frame], Prediction]:
    """Return the function that predicts and applies the conversion of the metadata."""
    if conversion == Conversion():
        return partial(predictor.predict, target=target)
    if conversion.link is not None and isinstance(predictor, MarginSource):
        source: MarginSource = predictor
        return lambda frame: conversion.apply(source.margins(frame), target)
    return lambda frame: conversion.apply(predictor.predict(frame, target), target)


def _columns(values: Values) -> Values:
    if values.ndim not in (1, 2) or values.dtype.kind not in "fiub":
        raise TargetError("the model's output is not numbers in rows and columns; it has no link")
    wide = values if values.ndim == 2 else values.reshape(-1, 1)
    return wide if wide.dtype.kind == "f" else wide.astype(np.float64)


def _logistic(margins: Values, target: Target) -> Values:
    """Return 1 / (1 + e^-m), computed in float64, in the margins' own width."""
    if target.type is TargetType.BINARY and margins.shape[1] != 1:
        raise TargetError(
            f"'link: logit' makes the probability of the positive class of one margin; the model "
            f"gives {margins.shape[1]}. Use 'link: softmax' for one margin a class"
        )
    wide = np.ascontiguousarray(margins, dtype=np.float64)
    small = np.exp(-np.abs(wide))
    chances = np.where(wide >= 0, 1, small) / (1 + small)
    return np.asarray(chances.astype(margins.dtype))


def _softmax(margins: Values, _: Target) -> Values:
    """Return e^m over the sum of its row, computed in float64, in the margins' own width."""
    if margins.shape[1] < 2:
        raise TargetError(
            "'link: softmax' is for one margin a class; the model gives one. Use 'link: logit'"
        )
    wide = np.ascontiguousarray(margins, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # of infinite margins, which become no probabilities
        powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    return np.asarray(_normalized(powers).astype(margins.dtype))


_LINKS: dict[Link, Callable[[Values, Target], Values]] = {
    Link.LOGIT: _logistic,
    Link.SOFTMAX: _softmax,
}


def _normalized(values: Values) -> Values:
    """Return rows over their sums, which are added up column by column: in one order for all."""
    total = values[:, 0].astype(np.float64)
    for position in range(1, values.shape[1]):
        total += values[:, position]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((values / total[:, np.newaxis]).astype(values.dtype))


def _that_add_up(target: Target) -> str:
    return "" if target.type is TargetType.MULTILABEL else " that add up to 1"
