"""Pipelines: names over models, deployed and undeployed."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request

from drum_like.contracts.wallaroo.fields import JsonObject, check_label
from drum_like.contracts.wallaroo.inference.deployments import Deployments, steps_of
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup, caller, read_fields
from drum_like.contracts.wallaroo.management.serializers import workspace_stub
from drum_like.errors import NotFoundError, PayloadError
from drum_like.http.wire import json_response
from drum_like.store.store import Store
from drum_like.store.workspace_entities import Pipeline, Workspace
from drum_like.system import audit

_UNTOLD = {"deployment": None, "pipeline_version": None}
"""Clients that want these ask for them one by one."""


@dataclass(frozen=True, slots=True)
class PipelineViews:
    """The views of `pipelines/…` and of related requests of the SDK.

    Attributes:
        lookup: The workspaces of pipelines.
        deployments: The deployments of the server.
        prefix: Of all paths of the server.
    """

    lookup: WorkspaceLookup
    deployments: Deployments
    prefix: str

    @property
    def _store(self) -> Store:
        return self.lookup.store

    def create(self) -> Response:
        """Make a pipeline, or a new version of it."""
        fields = read_fields(request)
        name = check_label(fields.text("pipeline_id"), "pipeline")
        definition = fields.raw("definition") or {}
        if not isinstance(definition, dict):
            raise PayloadError("field `definition` must be an object")
        steps_of(definition)
        pipeline, version = self._store.pipelines.create(
            fields.integer("workspace_id"), name, definition, caller()
        )
        content = {
            "pipeline_pk_id": pipeline.id,
            "pipeline_variant_pk_id": version.id,
            "pipeline_variant_version": version.uuid,
        }
        return json_response(content)

    def deploy(self) -> Response:
        """Deploy a version of a pipeline in place of its former deployment."""
        fields = read_fields(request)
        deployment = self.deployments.deploy(fields)
        return json_response({"id": deployment.id})

    def undeploy(self) -> Response:
        """Undeploy a pipeline; nothing happens if it is not deployed."""
        fields = read_fields(request)
        deployment_id = fields.optional_integer("deployment_id")
        pipeline_id = fields.optional_integer("pipeline_id")
        if deployment_id is None and pipeline_id is None:
            raise PayloadError("missing field `deployment_id` or `pipeline_id`")
        undeployed = self._store.pipelines.undeploy(deployment_id, pipeline_id)
        if undeployed is not None:
            audit.about(pipeline=undeployed.pipeline_name, deployment=undeployed.name)
        self.lookup.registry.catalog.apply_changes()
        return json_response({})

    def get_deployment(self) -> Response:
        """Answer that a deployment runs, or that there is none."""
        deployed = self.deployments.named(read_fields(request).text("name"))
        name = deployed.deployment.name
        content = {
            "status": "Running",
            "details": [],
            "engines": [self._engine(deployed.deployment.pipeline_name, name)],
            "engine_lbs": [],
            "sidekicks": [],
        }
        return json_response(content)

    def get_by_name(self) -> Response:
        """Show a pipeline of a workspace."""
        pipeline = self._named(read_fields(request))
        return json_response(_item(pipeline, self._store.workspaces.get(pipeline.workspace_id)))

    def list_pipelines(self) -> Response:
        """List the pipelines of a workspace, or all."""
        fields = read_fields(request)
        id_, name = fields.optional_integer("workspace_id"), fields.optional_text("workspace_name")
        workspaces = {
            workspace.id: workspace
            for workspace in self._store.workspaces.all()
            if id_ in (None, workspace.id) and name in (None, workspace.name)
        }
        found = [one for one in self._store.pipelines.all() if one.workspace_id in workspaces]
        content = [{**_item(one, workspaces[one.workspace_id]), **_UNTOLD} for one in found]
        return json_response({"pipelines": content})

    def get_version(self) -> Response:
        """Show the definition of a version of a pipeline."""
        version = self._store.pipelines.version_by_uuid(read_fields(request).text("version"))
        pipeline = self._store.pipelines.get(version.pipeline_id)
        content = {
            "pipeline_id": pipeline.name,
            "version": version.uuid,
            "definition": dict(version.definition),
        }
        return json_response(content)

    def get_external_url(self) -> Response:
        """Return the URL at which a deployed pipeline infers."""
        pipeline = self._named(read_fields(request))
        deployment = self._store.pipelines.deployment_of(pipeline.id)
        if deployment is None or not deployment.deployed:
            raise NotFoundError(f"the pipeline {pipeline.name!r} is not deployed")
        root = f"{request.host_url.rstrip('/')}{self.prefix}/v1/api/pipelines/infer"
        url = f"{root}/{deployment.name}-{deployment.id}/{pipeline.name}"
        return json_response({"url": url})

    def get_topic_name(self) -> Response:
        """Return the name of a pipeline's log."""
        pipeline = self._store.pipelines.get(read_fields(request).integer("pipeline_pk_id"))
        return json_response({"topic_name": _topic(pipeline)})

    def _named(self, fields: JsonObject) -> Pipeline:
        workspace_id, name = fields.integer("workspace_id"), fields.text("pipeline_name")
        pipeline = self._store.pipelines.by_name(workspace_id, name)
        if pipeline is None:
            raise NotFoundError(f"there is no pipeline {name[:100]!r} in workspace {workspace_id}")
        return pipeline

    def _engine(self, pipeline: str, name: str) -> dict[str, Any]:
        return {
            "ip": None,
            "name": name,
            "status": "Running",
            "reason": None,
            "details": [],
            "pipeline_statuses": {"pipelines": [{"id": pipeline, "status": "Running"}]},
            "model_statuses": {"models": []},
        }


def _item(pipeline: Pipeline, workspace: Workspace) -> dict[str, Any]:
    """Return a pipeline with its workspace, in the full form that newer SDKs need."""
    return {
        "pipeline": {
            "id": pipeline.id,
            "name": pipeline.name,
            "created_at": pipeline.created_at,
            "updated_at": pipeline.updated_at,
        },
        "plateau_topic": _topic(pipeline),
        "workspace": workspace_stub(workspace),
    }


def _topic(pipeline: Pipeline) -> str:
    return f"workspace-{pipeline.workspace_id}-pipeline-{pipeline.name}-inference"
