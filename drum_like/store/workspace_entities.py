"""Workspaces with their members, models, pipelines and deployments, as values."""

from dataclasses import dataclass, field
from datetime import datetime

from drum_like.store.entities import Config, Details, Model, Version, Visibility


@dataclass(frozen=True, slots=True)
class Workspace:
    """A room for models and pipelines; its name is unique in the store."""

    id: int
    name: str
    created_by: str
    archived: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """User who belongs to a workspace; `kind` is OWNER or COLLABORATOR."""

    workspace_id: int
    user: str
    kind: str


@dataclass(frozen=True, slots=True)
class Contents:
    """Content of a workspace: ids of models and of pipelines, the lowest first."""

    model_ids: tuple[int, ...] = ()
    pipeline_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelTree:
    """A model with its versions and the configuration in force of each."""

    model: Model
    workspace: Workspace
    versions: tuple[tuple[Version, Config | None], ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A name in a workspace for a chain of model versions."""

    id: int
    workspace_id: int
    name: str
    owner: str
    visibility: Visibility
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PipelineVersion:
    """One definition of a pipeline; the contract gives it its meaning."""

    id: int
    pipeline_id: int
    uuid: str
    definition: Details
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """A deployment to make.

    Attributes:
        name: Unique among what is deployed only together with the id.
        pipeline_version_id: The deployed version of the pipeline.
        config_ids: The configurations that it is held to, in the order of its steps.
        engine_config: Data that a contract keeps with it.
    """

    name: str
    pipeline_version_id: int
    config_ids: tuple[int, ...]
    engine_config: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment of a pipeline, present or past; a pipeline has one at most."""

    id: int
    pipeline_id: int
    pipeline_name: str
    workspace_id: int
    name: str
    pipeline_version_id: int
    config_ids: tuple[int, ...]
    engine_config: Details
    deployed: bool
    created_at: datetime
    updated_at: datetime
