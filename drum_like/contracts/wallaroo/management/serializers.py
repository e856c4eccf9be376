"""Stored entities as the contract's JSON.

Two profiles: plain clients get exactly the keys that the published pages show; clients that say
they are the SDK get what its newer releases need, too.
"""

from typing import Any

from flask import Request

from drum_like import __version__
from drum_like.contracts.wallaroo.management.frameworks import wire_status
from drum_like.store.entities import Config, Model, Version
from drum_like.store.workspace_entities import ModelTree, Workspace

Json = dict[str, Any]

OWNER = '""'
"""The owner of everything, as servers of this contract write it: two quotation marks."""

_SDK = "WallarooSDK/"
_OPTIONS = (
    "dynamic_batching_config",
    "continuous_batching_config",
    "queue_depth",
    "sidekick_uri",
    "openai",
)


def is_sdk(request: Request) -> bool:
    """Return whether the caller says that it is the SDK."""
    return request.headers.get("User-Agent", "").startswith(_SDK)


def model_item(model: Model) -> Json:
    """Return a model in a list: the page's five keys."""
    return {
        "id": model.id,
        "name": model.name,
        "owner_id": OWNER,
        "created_at": model.created_at,
        "updated_at": model.updated_at,
    }


def version_row(version: Version) -> Json:
    """Return a version in a flat list: the page's eight keys, without the status."""
    return {
        "sha": version.sha256,
        "models_pk_id": version.model_id,
        "model_version": version.uuid,
        "owner_id": OWNER,
        "model_id": version.name,
        "id": version.id,
        "file_name": version.file_name,
        "image_path": version.image_path,
    }


def version_row_with_status(version: Version) -> Json:
    """Return a version in a flat list, with its status."""
    return {**version_row(version), "status": wire_status(version)}


def config_summary(config: Config | None) -> Json | None:
    """Return the page's four keys of a configuration, None without one."""
    if config is None:
        return None
    return {
        "id": config.id,
        "runtime": config.runtime,
        "tensor_fields": _list(config.tensor_fields),
        "filter_threshold": _number(config.filter_threshold),
    }


def config_page(config: Config) -> Json:
    """Return the page's eight keys of a configuration that was set."""
    return {
        "id": config.id,
        "model_version_id": config.version_id,
        "runtime": config.runtime,
        "filter_threshold": _number(config.filter_threshold),
        "tensor_fields": _list(config.tensor_fields),
        "input_schema": config.input_schema,
        "output_schema": config.output_schema,
        "batch_config": config.batch_config,
    }


def config_full(config: Config) -> Json:
    """Return all keys of a configuration."""
    content, options = config_page(config), config.options
    for name in _OPTIONS:
        content[name] = options.get(name)
    return content


def conversion(version: Version) -> Json:
    """Return the conversion that the uploader asked for."""
    found: Json = dict(version.details.get("conversion") or {})
    return found


def version_full(version: Version, *, deployed: bool) -> Json:
    """Return a version as newer servers nest it."""
    return {
        "name": version.name,
        "visibility": version.visibility,
        "workspace_id": version.workspace_id,
        "conversion": conversion(version),
        "id": version.id,
        "number": version.number,
        "image_path": version.image_path,
        "status": wire_status(version),
        "task_id": version.task_id,
        "file_info": {
            "version": version.uuid,
            "sha": version.sha256,
            "file_name": version.file_name,
            "size": version.size,
        },
        "created_on_version": __version__,
        "created_by": version.created_by,
        "created_at": version.created_at,
        "deployed": deployed,
        "error_summary": version.error,
    }


def version_superset(version: Version, workspace: Workspace) -> Json:
    """Return the keys that save the SDK a further request for each of them."""
    asked = conversion(version)
    return {
        "model_id": version.name,
        "model_version": version.uuid,
        "models_pk_id": version.model_id,
        "sha": version.sha256,
        "file_name": version.file_name,
        "updated_at": version.updated_at,
        "arch": asked.get("arch"),
        "accel": asked.get("accel"),
        "model_tags": [],
        "model": {"workspace": {"id": workspace.id, "name": workspace.name}},
    }


def pair(version: Version, config: Config | None, *, deployed: bool) -> Json:
    """Return a version beside its configuration."""
    return {
        "model_version": version_full(version, deployed=deployed),
        "config": None if config is None else config_full(config),
    }


def tree(found: ModelTree, deployed: frozenset[int]) -> Json:
    """Return a model in a list of the SDK: its versions and its workspace within."""
    model = {**model_item(found.model), "workspace_id": found.model.workspace_id}
    return {
        **model_item(found.model),
        "model": model,
        "model_versions": [
            pair(version, config, deployed=version.id in deployed)
            for version, config in found.versions
        ],
        "workspace": workspace_stub(found.workspace),
    }


def workspace_stub(workspace: Workspace) -> Json:
    """Return a workspace inside of something else."""
    return {
        "id": workspace.id,
        "name": workspace.name,
        "archived": workspace.archived,
        "created_at": workspace.created_at,
        "created_by": workspace.created_by,
        "group_id": None,
    }


def uploaded(version: Version) -> Json:
    """Return the answer to an upload: the id of the version, deep inside."""
    return {"insert_models": {"returning": [{"models": [{"id": version.id}]}]}}


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def _number(value: float | None) -> float | None:
    """Return a number that is written with a decimal point; a database may give it without."""
    return None if value is None else float(value)
