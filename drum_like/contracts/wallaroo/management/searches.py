"""The operations of the SDK that list: pipelines, deployments and versions of models.

The SDK writes its filters into the query, and their values into the variables; the names of the
variables name the filters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.contracts.wallaroo.inference.deployments import steps_of
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup
from drum_like.errors import PayloadError
from drum_like.store.store import Store
from drum_like.store.workspace_entities import Deployment, Pipeline, PipelineVersion

Json = dict[str, Any]
Operation = Callable[[JsonObject], Json]


@dataclass(frozen=True, slots=True)
class Searches:
    """The lists of a server."""

    lookup: WorkspaceLookup

    @property
    def _store(self) -> Store:
        return self.lookup.store

    def operations(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {
            "GetModels": self._models,
            "GetPipelines": self._pipeline_versions,
            "PipelineByName": self._pipelines,
            "ListDeployments": lambda _: {"deployment": self._deployments(None)},
            "DeploymentByName": self._deployments_named,
            "ListTags": lambda _: {"tag": []},
            "DeleteWorkspaceUser": self._remove_member,
        }

    def _models(self, wanted: JsonObject) -> Json:
        found = self._store.versions.search(wanted.optional_text("search_term") or "")
        workspaces, is_in_time = self._workspace_names(wanted), _Times.read(wanted)
        hits = [
            {"id": version.id}
            for version in found
            if version.workspace_id in workspaces
            and is_in_time(version.created_at, version.updated_at)
        ]
        return {"search_models": hits}

    def _pipeline_versions(self, wanted: JsonObject) -> Json:
        workspaces, is_in_time = self._workspace_names(wanted), _Times.read(wanted)
        pipelines = {one.id: one for one in self._store.pipelines.all()}
        deployed = self._deployed(wanted)
        term = (wanted.optional_text("search_term") or "").lower()
        hits = []
        for version in self._store.pipelines.all_versions():
            pipeline = pipelines.get(version.pipeline_id)
            if pipeline is None or pipeline.workspace_id not in workspaces:
                continue
            is_meant = deployed is None or pipeline.id in deployed
            is_meant = is_meant and any(term in text.lower() for text in _texts(pipeline, version))
            if is_meant and is_in_time(version.created_at, version.created_at):
                hits.append(_found(version, pipeline, workspaces[pipeline.workspace_id]))
        return {"search_pipelines": hits}

    def _pipelines(self, wanted: JsonObject) -> Json:
        name, workspaces = wanted.text("pipeline_name"), self._workspace_names(wanted)
        hits = [
            {"id": one.id, "workspace": _workspace(one.workspace_id, workspaces[one.workspace_id])}
            for one in self._store.pipelines.all()
            if one.name == name and one.workspace_id in workspaces
        ]
        return {"pipeline": hits}

    def _deployments_named(self, wanted: JsonObject) -> Json:
        return {"deployment": self._deployments(wanted.text("deployment_name"))}

    def _deployments(self, name: str | None) -> list[Json]:
        found = self._store.pipelines.deployments()
        return [_deployment(one) for one in found if name in (None, one.name)]

    def _deployed(self, wanted: JsonObject) -> frozenset[int] | None:
        """Return the pipelines that are deployed, or are not, as is wanted; None for all."""
        if not wanted.has("deployed"):
            return None
        is_wanted = wanted.flag("deployed")
        # A pipeline that was never deployed has no deployment, and so no undeployed one either.
        found = self._store.pipelines.deployments()
        return frozenset(one.pipeline_id for one in found if one.deployed is is_wanted)

    def _workspace_names(self, wanted: JsonObject) -> dict[int, str]:
        """Return the names of the workspaces to look in, by id."""
        id_, name = wanted.optional_integer("workspace_id"), wanted.optional_text("workspace_name")
        return {
            workspace.id: workspace.name
            for workspace in self._store.workspaces.all()
            if id_ in (None, workspace.id) and name in (None, workspace.name)
        }

    def _remove_member(self, wanted: JsonObject) -> Json:
        workspace_id, user = wanted.integer("workspace_id"), wanted.text("user_id")
        removed = self._store.workspaces.remove_member(workspace_id, user)
        return {"delete_workspace_user": {"affected_rows": removed}}


@dataclass(frozen=True, slots=True)
class _Times:
    """Bounds of times; None where there is none."""

    bounds: tuple[tuple[datetime | None, datetime | None], ...]

    @classmethod
    def read(cls, wanted: JsonObject) -> "_Times":
        """Return the bounds that variables give."""
        names = ("created_at", "updated_at")
        return cls(
            tuple((_time(wanted, f"start_{name}"), _time(wanted, f"end_{name}")) for name in names)
        )

    def __call__(self, *times: datetime) -> bool:
        """Return whether times are within their bounds."""
        return all(
            (start is None or start <= at) and (end is None or at <= end)
            for at, (start, end) in zip(times, self.bounds, strict=True)
        )


def _time(wanted: JsonObject, name: str) -> datetime | None:
    text = wanted.optional_text(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise PayloadError(f"the variable `{name}` must be a time, as 2026-01-31T12:00Z") from error
    return found.astimezone()


def _texts(pipeline: Pipeline, version: PipelineVersion) -> tuple[str, ...]:
    steps = steps_of(dict(version.definition))
    return (pipeline.name, version.uuid, *(step.name for step in steps))


def _found(version: PipelineVersion, pipeline: Pipeline, workspace: str) -> Json:
    return {
        "id": version.id,
        "created_at": version.created_at,
        "updated_at": version.created_at,
        "pipeline_pk_id": pipeline.id,
        "version": version.uuid,
        "pipeline": {
            "id": pipeline.id,
            "pipeline_id": pipeline.name,
            "pipeline_tags": [],
            "workspace": _workspace(pipeline.workspace_id, workspace),
        },
    }


def _deployment(deployment: Deployment) -> Json:
    configs = [{"model_config": {"id": config_id}} for config_id in deployment.config_ids]
    return {
        "id": deployment.id,
        "deploy_id": deployment.name,
        "deployed": deployment.deployed,
        "deployment_model_configs": configs,
    }


def _workspace(workspace_id: int, name: str) -> Json:
    return {"id": workspace_id, "name": name}
