"""Entities of the store, as values.

Ids are integers from sequences of their own and are never used again. Times are aware, in UTC,
with microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Details = Mapping[str, Any]
"""A JSON object that the store keeps for its owner and does not look into."""

FIRST_WORKSPACE = 1
"""The workspace that a fresh store comes with, and that a bare model name means."""

IMAGE = "image"
"""The format of a version that is registered without a file."""

ZIP = "zip"
"""The format of a version that is a whole model directory."""


class Status(StrEnum):
    """How far a version is; READY and ERROR are final."""

    PENDING = "pending"
    LOADING = "loading"
    READY = "ready"
    ERROR = "error"


class Visibility(StrEnum):
    """Who may see a version."""

    PRIVATE = "private"
    PUBLIC = "public"


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
class Model:
    """A name in a workspace, under which versions are stored; `updated_at` is its last upload."""

    id: int
    workspace_id: int
    name: str
    owner: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Declared:
    """Target as declared by the uploader, where the model's own file lacks it.

    Attributes:
        target_type: By DRUM's name of it.
        positive_label: Of a binary model.
        negative_label: Of a binary model.
        labels: Of a multiclass or multilabel model, in the order of its outputs.
        target_name: Name of the target column.
    """

    target_type: str | None = None
    positive_label: str | None = None
    negative_label: str | None = None
    labels: tuple[str, ...] = ()
    target_name: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model.

    Attributes:
        id: Unique in the store.
        model_id: Of its model.
        workspace_id: Of its model.
        name: Of its model.
        number: 1, 2, 3 ... within the model; never used again.
        uuid: Unique everywhere.
        sha256: Of the file, in hexadecimal; of no bytes without a file.
        size: Of the file, in bytes.
        file_name: As the uploader named it; data, never a path.
        image_path: A container image, for clients that ask for it.
        visibility: Who may see it.
        format: Name of the kind of artifact, ZIP or IMAGE.
        runs_code: Whether loading it can run code that it brings along.
        runtime: A word for what runs it, for clients that ask for it.
        declared: The uploader's declaration of the target.
        details: Data that a contract keeps with it.
        status: How far it is.
        error: Why it is not ready, safe to show; only with ERROR.
        task_id: Of its check in the background.
        attempts: How often that was begun.
        created_by: The uploader.
        created_at: When it was stored.
        updated_at: When its status or visibility changed last.
    """

    id: int
    model_id: int
    workspace_id: int
    name: str
    number: int
    uuid: str
    sha256: str
    size: int
    file_name: str | None
    image_path: str | None
    visibility: Visibility
    format: str
    runs_code: bool
    runtime: str
    declared: Declared
    details: Details
    status: Status
    error: str | None
    task_id: str | None
    attempts: int
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewConfig:
    """A configuration to add to a version.

    Attributes:
        runtime: A word for what runs the version; None takes the version's.
        tensor_fields: Callers' names of the model's inputs, in their order.
        filter_threshold: Kept, and without effect.
        input_schema: Arrow schema of requests, base64.
        output_schema: Arrow schema of answers, base64.
        batch_config: "single" for exactly one row a request.
        options: Data that a contract keeps with it.
    """

    runtime: str | None = None
    tensor_fields: tuple[str, ...] | None = None
    filter_threshold: float | None = None
    input_schema: str | None = None
    output_schema: str | None = None
    batch_config: str | None = None
    options: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration of a version; never changed, the one with the highest id is in force."""

    id: int
    version_id: int
    runtime: str
    tensor_fields: tuple[str, ...] | None
    filter_threshold: float | None
    input_schema: str | None
    output_schema: str | None
    batch_config: str | None
    options: Details
    created_at: datetime


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
    """One definition of a pipeline; its meaning is the contract's business."""

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
    """A pipeline that is, or was, deployed; there is one a pipeline."""

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


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log of a version."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to store.

    Attributes:
        workspace_id: Where.
        name: Of the model, which is made if it is not there.
        file_name: As the uploader named the file.
        visibility: Who may see it.
        runtime: A word for what runs it.
        declared: The uploader's declaration of the target.
        details: Data that a contract keeps with it.
        config: Its first configuration.
        created_by: The uploader.
        as_zip: Whether anything but a zip of a model directory is refused.
        formats: The formats that it may have; empty for any.
    """

    workspace_id: int
    name: str
    file_name: str | None
    visibility: Visibility = Visibility.PRIVATE
    runtime: str = "native"
    declared: Declared = field(default_factory=Declared)
    details: Details = field(default_factory=dict)
    config: NewConfig = field(default_factory=NewConfig)
    created_by: str = ""
    as_zip: bool = False
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presented:
    """Answer to a campaign's call.

    Attributes:
        uuid: Of the call.
        at: When it was answered.
        campaign: The campaign that it named.
        document: As ecosystem.ai's runtime keeps it.
    """

    uuid: str
    at: datetime
    campaign: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Acceptance of results of a call; at most one for each presented row.

    Attributes:
        uuid: Of the call.
        at: When it was accepted.
        is_automatic: Whether the best result counts as accepted because no acceptance was sent.
        document: As ecosystem.ai's runtime keeps it, without `response_log`.
    """

    uuid: str
    at: datetime
    is_automatic: bool
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """Answer to a call, with its acceptance if there is one.

    Attributes:
        number: Higher than those of decisions that were written before it.
        presented: The one.
        accepted: The other, None without.
    """

    number: int
    presented: Presented
    accepted: Accepted | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions are meant; None for any.

    Attributes:
        campaign: Of this campaign.
        uuid: Of this call.
        since: Made then or later.
        until: Made before then.
        after: With a higher number.
    """

    campaign: str | None = None
    uuid: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
