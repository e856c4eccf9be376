"""From rows of the tables to records."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Row

from drum_like.store import tables
from drum_like.store.ecosystem_entities import (
    Configuration,
    NewConfiguration,
    NewRun,
    Run,
    RunStatus,
)
from drum_like.store.entities import Config, Declared, Model, Status, Version, Visibility
from drum_like.store.workspace_entities import Deployment, Pipeline, PipelineVersion, Workspace

Record = TypeVar("Record")

MODEL = tuple(tables.models.c[field.name] for field in fields(Model))
"""The columns of a model, in the order of its fields."""

WORKSPACE = tuple(tables.workspaces.c[field.name] for field in fields(Workspace))
"""The columns of a workspace."""

PIPELINE_VERSION = tuple(
    tables.pipeline_versions.c[field.name] for field in fields(PipelineVersion)
)
"""The columns of a version of a pipeline."""

PIPELINE = tuple(tables.pipelines.c[field.name] for field in fields(Pipeline))
"""The columns of a pipeline."""

CONFIG = tuple(tables.configs.c[field.name] for field in fields(Config))
"""The columns of a configuration."""

_OF_MODEL = {"workspace_id": tables.models.c.workspace_id, "name": tables.models.c.name}
VERSION = tuple(
    _OF_MODEL[field.name] if field.name in _OF_MODEL else tables.versions.c[field.name]
    for field in fields(Version)
)
"""The columns of a version; the statement joins models."""

_OF_PIPELINE = {
    "pipeline_name": tables.pipelines.c.name.label("pipeline_name"),
    "workspace_id": tables.pipelines.c.workspace_id,
}
DEPLOYMENT = tuple(
    _OF_PIPELINE[field.name] if field.name in _OF_PIPELINE else tables.deployments.c[field.name]
    for field in fields(Deployment)
    if field.name != "config_ids"
)
"""The columns of a deployment; the statement joins pipelines, configurations come on their own."""


# Lists of many rows are made by position, which is three times as fast as by name.
_VERSION_FIELDS = [field.name for field in fields(Version)]
_VISIBILITY_AT = _VERSION_FIELDS.index("visibility")
_STATUS_AT = _VERSION_FIELDS.index("status")
_DECLARED_AT = _VERSION_FIELDS.index("declared")
_TENSOR_FIELDS_AT = [field.name for field in fields(Config)].index("tensor_fields")
_VISIBILITIES = {member.value: member for member in Visibility}
_STATUSES = {member.value: member for member in Status}
_UNDECLARED = Declared()


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def plain(row: Row[Any], kind: Callable[..., Record]) -> Record:
    """Return a record whose fields are columns as they are, in their order."""
    return kind(*row)


def version(row: Row[Any]) -> Version:
    """Return a version."""
    values = list(row)
    values[_VISIBILITY_AT] = _VISIBILITIES[values[_VISIBILITY_AT]]
    values[_STATUS_AT] = _STATUSES[values[_STATUS_AT]]
    values[_DECLARED_AT] = declared(values[_DECLARED_AT])
    return Version(*values)


def config(row: Row[Any]) -> Config:
    """Return a configuration."""
    values = list(row)
    if values[_TENSOR_FIELDS_AT] is not None:
        values[_TENSOR_FIELDS_AT] = tuple(values[_TENSOR_FIELDS_AT])
    return Config(*values)


def pipeline(row: Row[Any]) -> Pipeline:
    """Return a pipeline."""
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Pipeline(**values | {"visibility": Visibility(values["visibility"])})


def deployment(row: Row[Any], config_ids: tuple[int, ...]) -> Deployment:
    """Return a deployment."""
    return Deployment(**row._mapping, config_ids=config_ids)  # noqa: SLF001 - as above


def declared(content: Mapping[str, Any]) -> Declared:
    """Read an uploader's declaration of a target from JSON."""
    if not content:
        return _UNDECLARED
    return Declared(**{**content, "labels": tuple(content.get("labels", ()))})


def declared_json(record: Declared) -> dict[str, Any]:
    """Return an uploader's declaration as JSON, without empty fields."""
    return {name: value for name, value in asdict(record).items() if value}


def configuration(row: Row[Any]) -> Configuration:
    """Return the configuration of a training."""
    new = NewConfiguration(
        project_id=row.project_id,
        name=row.name,
        pipeline_name=row.pipeline_name,
        feature_set_name=row.feature_set_name,
        problem_type=row.problem_type,
        target_field=row.target_field,
        feature_fields=tuple(row.feature_fields),
        source=row.source,
        destination=row.destination,
        tags=tuple(row.tags),
    )
    return Configuration(row.id, new, row.state, row.version, row.created_at)


def run(row: Row[Any]) -> Run:
    """Return a training run."""
    new = NewRun(
        row.model_id,
        row.framework,
        RunStatus(row.status),
        row.metrics,
        row.artifact_uri,
        row.elapsed_s,
    )
    return Run(
        id=row.id,
        project_id=row.project_id,
        configuration_id=row.configuration_id,
        problem_type=row.problem_type,
        target_field=row.target_field,
        new=new,
        created_at=row.created_at,
        deployment_id=row.deployment_id,
    )
