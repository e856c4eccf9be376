"""Description of a model: schema, sample request, identity; its contributions and intervals."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.contracts.h2o.rows import media_columns
from drum_like.errors import PayloadError, UnsupportedError
from drum_like.inference.service import Service
from drum_like.types.column import DataType
from drum_like.types.explanation import Contributions, Intervals, Kind
from drum_like.types.frame import Frame
from drum_like.types.schema import Column, Schema, output_columns
from drum_like.types.target import Target, TargetType

_PLACEHOLDERS = {
    DataType.BOOL: "true",
    DataType.STR: "text",
    DataType.TIME64: "2018-01-01",
    DataType.BYTES: "",
}


def model_id(service: Service) -> str:
    """Return the id of a model: its version's UUID, the digest of its artifact, or its name."""
    info = service.info
    return info.uuid or info.sha256 or info.name


def check_scores(service: Service) -> None:
    """Refuse a model that gives no score a row.

    Raises:
        UnsupportedError: it is unstructured, or it transforms.
    """
    if not service.target.type.predicts_rows:
        raise UnsupportedError(
            f"a model of target type '{service.target.type.value}' has no scores"
        )


def capabilities(service: Service) -> list[str]:
    """Return the capabilities of a model, by the names of H2O MLOps."""
    media = ["MEDIA"] if media_columns(service.inputs) else []
    return ["SCORE", *capability_names(service), *media]


def model_schema(service: Service) -> dict[str, Any]:
    """Return the input and output columns; no input columns where they are not known."""
    inputs = () if service.inputs is None else service.inputs.columns
    return {
        "id": model_id(service),
        "name": service.info.name,
        "properties": _properties(service.target),
        "schema": {
            "inputFields": [_field(column) for column in inputs],
            "outputFields": [column.described() for column in output_columns(service.target)],
        },
    }


def sample_request(service: Service) -> dict[str, Any]:
    """Return one row that the model scores: examples, categories, or placeholders.

    Raises:
        UnsupportedError: the model's columns are not known.
    """
    columns = inputs_of(service).columns
    return {
        "fields": [column.name for column in columns],
        "rows": [[_sample(column) for column in columns]],
    }


def inputs_of(service: Service) -> Schema:
    """Return the columns that callers send.

    Raises:
        UnsupportedError: they are not known.
    """
    if service.inputs is None:
        raise UnsupportedError(
            "this model does not tell its columns; declare them as inputSchema in "
            "model-metadata.yaml"
        )
    return service.inputs


def _field(column: Column) -> dict[str, Any]:
    example = {} if column.example is None else {"example": column.example}
    return column.described() | example


def _sample(column: Column) -> str:
    if column.example is not None:
        return column.example
    if column.categories:
        first = column.categories[0]
        return str(first).lower() if isinstance(first, bool) else str(first)
    return _PLACEHOLDERS.get(column.dtype, "0")


def _properties(target: Target) -> dict[str, Any]:
    if target.type.is_numeric:
        return {"scoringType": "REGRESSION"}
    if not target.type.is_classification:
        return {}
    kind = "BINOMIAL" if target.type is TargetType.BINARY else "CLASSIFICATION"
    return {"scoringType": kind, "scoringResponseLabels": list(target.order)}


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
