"""Entities of the store, as values.

Ids are integers from sequences of their own and are never used again. Times are aware, in UTC,
with microseconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

Details = Mapping[str, Any]
"""A JSON object that the store keeps for its owner and does not look into."""

FIRST_WORKSPACE = 1
"""The workspace that a fresh store comes with, and that a bare model name means."""

IMAGE = "image"
"""The format of a version that is registered without a file."""

ZIP = "zip"
"""The format of a version that is a whole model directory."""


class Status(StrEnum):
    """The status of a version; READY and ERROR are final."""

    PENDING = "pending"
    LOADING = "loading"
    READY = "ready"
    ERROR = "error"


class Visibility(StrEnum):
    """The visibility of a version."""

    PRIVATE = "private"
    PUBLIC = "public"


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


def json_text(value: Any) -> str:
    """Return a value as JSON that every database takes and that reads back.

    Dataclasses are objects, and times text. NaN and the infinities are null; halves of surrogate
    pairs, which are no characters, are `?`.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # such a half, or an integer beyond 64 bits
        loose = json.dumps(value, ensure_ascii=False, default=_plain).encode(errors="replace")
        strict = json.loads(loose, parse_constant=lambda _: None)
        return json.dumps(strict, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a value that orjson knows and json does not."""
    if isinstance(value, datetime):
        return value.isoformat()
    return {one.name: getattr(value, one.name) for one in fields(value)}
