"""Description of a model: schema, sample request, identity."""

from typing import Any

from drum_like.contracts.h2o.explanations import capability_names
from drum_like.contracts.h2o.rows import media_columns
from drum_like.errors import UnsupportedError
from drum_like.inference.service import Service
from drum_like.types.column import DataType
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
