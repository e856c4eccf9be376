"""Contributions and intervals as a scorer answers them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import PayloadError, UnsupportedError
from drum_like.inference.service import Service
from drum_like.types.explanation import Contributions, Intervals, Kind
from drum_like.types.frame import Frame
from drum_like.types.target import Target

Texts = list[str | None]
"""One column of an answer: text, or None for a missing value."""


def spelled(values: NDArray[np.float64]) -> Texts:
    """Return numbers as the shortest text that reads back exactly; NaN is None."""
    if np.isfinite(values).all():
        return list(map(repr, values.tolist()))
    return [spelled_one(value) for value in values.tolist()]


def spelled_one(value: float) -> str | None:
    """Return a number as `spelled` does."""
    if value != value:  # noqa: PLR0124 - NaN differs from itself
        return None
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


_NO_INTERVALS = "requestPredictionIntervals set to true, but model does not support it"


def capability_names(service: Service) -> list[str]:
    """Return the names of a model's explanations beside its scores."""
    intervals = ["SCORE_PREDICTION_INTERVAL"] if service.has_intervals else []
    return [*intervals, *(f"CONTRIBUTION_{kind.value}" for kind in service.contribution_kinds)]


def check_intervals(service: Service) -> None:
    """Refuse to give intervals that a model does not have.

    Raises:
        PayloadError: it has none.
    """
    if not service.has_intervals:
        raise PayloadError(_NO_INTERVALS)


def check_kind(service: Service, kind: Kind, *, alone: bool) -> None:
    """Refuse to give contributions of a kind that a model does not have.

    Args:
        service: The model.
        kind: The kind asked for.
        alone: Whether the request is for nothing else.

    Raises:
        UnsupportedError: nothing else was asked for, and the model has none at all.
        PayloadError: it has none of this kind.
    """
    kinds = service.contribution_kinds
    if kind in kinds:
        return
    if alone and not kinds:
        raise UnsupportedError("this model has no contributions")
    expected = ", ".join(known.value for known in kinds) or "NONE"
    raise PayloadError(
        f"Requested Shapley type {kind.value} not enabled for this scorer. Expected: {expected}"
    )


def contributions(service: Service, frame: Frame, kind: Kind) -> dict[str, Any]:
    """Return a ContributionsResponse: one row of texts for each row of the frame, the bias last.

    Raises:
        DrumLikeError: as Service.contributions.
    """
    found = service.contributions(frame, kind)
    return {
        "features": [*(f"contrib_{name}" for name in found.features), "contrib_bias"],
        "contributionGroups": [_group(found, at) for at in range(len(found.groups))],
    }


def intervals(found: Intervals, target: Target) -> dict[str, Any]:
    """Return the bounds of each row as text, under the target's name."""
    rows = zip(spelled(found.lower), spelled(found.upper), strict=True)
    return {"fields": [f"{target.name}.lower", f"{target.name}.upper"], "rows": list(rows)}


def _group(found: Contributions, at: int) -> dict[str, Any]:
    label = found.groups[at]
    name = {} if label is None else {"outputGroup": label}
    columns = [spelled(column) for column in found.values[at].T]
    return {**name, "contributions": list(zip(*columns, strict=True))}
