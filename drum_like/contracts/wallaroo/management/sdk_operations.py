"""The operations that the SDK sends to `/v1/graphql`, answered by their names.

There is no GraphQL engine: selections, aliases and filters in the text of a query are not read,
only its name and its variables, and an answer may hold more than was asked for. The SDK checks
its queries itself, against the schema that the introspection query gives it.

An engine was tried: its resolvers took as many lines as these functions, and each pipeline that a
search found took statements of its own. Here a search takes six, however many it finds.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from flask import Response, request

from drum_like import __version__
from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.contracts.wallaroo.inference.deployments import ENGINE_CONFIG, Deployments
from drum_like.contracts.wallaroo.management import absent, serializers
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup, read_fields, tell
from drum_like.contracts.wallaroo.management.frameworks import wire_status
from drum_like.contracts.wallaroo.management.searches import Operation, Searches
from drum_like.errors import NotFoundError, PayloadError
from drum_like.http.wire import json_response
from drum_like.store.entities import Config
from drum_like.store.store import Store
from drum_like.store.workspace_entities import Deployment, Pipeline, PipelineVersion, Workspace
from drum_like.system import audit

_NAME = re.compile(r"\b(?:query|mutation)\s+(\w+)")
_MODEL_BY_PK = re.compile(r"model_by_pk\s*\(\s*id\s*:\s*(\d{1,18})\s*\)")
_INTROSPECTION = "IntrospectionQuery"
_CHANGES = {"CreateDefaultUserWorkspace": "create workspace", "Deploy": "deploy pipeline"}
"""Operations that change something, with verb and object; all others that are served look."""

Json = dict[str, Any]


@cache
def introspection() -> bytes:
    """Return the answer to the introspection query; scripts/introspection.py writes it."""
    return files(__package__).joinpath("introspection.json").read_bytes()


@dataclass(frozen=True, slots=True)
class SdkOperations:
    """The view of `/v1/graphql`."""

    lookup: WorkspaceLookup

    @property
    def _store(self) -> Store:
        return self.lookup.store

    def answer(self) -> Response:
        """Answer an operation; an error is told in `errors`, with status 200."""
        fields = read_fields(request)
        query = fields.text("query")
        found = _NAME.search(query)
        name = found[1] if found else ""
        if name in _CHANGES or not (found and found[0].startswith("mutation")):
            audit.becomes(_CHANGES.get(name, ""))
        if name == _INTROSPECTION:
            return json_response(introspection())
        operation = self._operations(query).get(name)
        if operation is None:
            return _errors(absent.operation(name))
        try:
            variables = _variables(fields)
            tell(variables)
            return json_response({"data": operation(variables)})
        except (NotFoundError, PayloadError) as error:
            return _errors(str(error))

    def _operations(self, query: str) -> dict[str, Operation]:
        return {
            "UserDefaultWorkspace": self._user_default_workspace,
            "CreateDefaultUserWorkspace": self._create_default_workspace,
            "WorkspaceById": self._workspace_by_id,
            "ModelById": lambda _: self._model_by_id(query),
            "ModelByName": self._model_by_name,
            "ModelConfigById": self._model_config_by_id,
            "PipelineById": self._pipeline_by_id,
            "PipelineVariantById": self._pipeline_variant_by_id,
            "GetDeploymentForPipeline": self._deployment_for_pipeline,
            "DeploymentById": self._deployment_by_id,
            "Deploy": self._deploy,
            "QueryLimitStatus": lambda _: {"deployment": []},
            **Searches(self.lookup).operations(),
        }

    def _user_default_workspace(self, variables: JsonObject) -> Json:
        user = variables.optional_text("user_id") or ""
        return {
            "user_default_workspace": [{"workspace": self._workspace(self.lookup.default_of(user))}]
        }

    def _create_default_workspace(self, variables: JsonObject) -> Json:
        user, name = variables.text("user_id"), variables.text("workspace_name")
        if not name or not name.isprintable() or len(name) > 255:
            raise PayloadError("the name of a workspace must be 1 to 255 printable characters")
        return {"insert_workspace_one": {"id": self.lookup.make_default(user, name).id}}

    def _workspace_by_id(self, variables: JsonObject) -> Json:
        workspace = self._store.workspaces.get(variables.integer("id"))
        return {"workspace_by_pk": self._workspace(workspace)}

    def _model_by_id(self, query: str) -> Json:
        found = _MODEL_BY_PK.search(query)
        if found is None:
            raise PayloadError("the query does not say model_by_pk(id: N)")
        version = self._store.versions.get(int(found[1]))
        workspace = self._store.workspaces.get(version.workspace_id)
        content = {
            **serializers.version_row(version),
            **serializers.version_superset(version, workspace),
            "created_on_version": __version__,
            "status": wire_status(version),
            "error_summary": version.error,
            "visibility": version.visibility.value,
        }
        return {"model_by_pk": content}

    def _model_by_name(self, variables: JsonObject) -> Json:
        name, uuid = variables.text("model_id"), variables.text("model_version")
        version = self._store.versions.by_uuid(uuid)
        if version is None or version.name != name:
            return {"model": []}
        row = {"id": version.id, "model_id": version.name, "model_version": version.uuid}
        return {"model": [row]}

    def _model_config_by_id(self, variables: JsonObject) -> Json:
        config = self._store.configs.get(variables.integer("model_config_id"))
        content = serializers.config_full(config)
        return {"model_config_by_pk": {**content, "model": {"id": config.version_id}}}

    def _pipeline_by_id(self, variables: JsonObject) -> Json:
        pipeline = self._store.pipelines.get(variables.integer("pipeline_id"))
        workspace = self._store.workspaces.get(pipeline.workspace_id)
        versions = self._store.pipelines.versions(pipeline.id)
        content = {
            "id": pipeline.id,
            "pipeline_id": pipeline.name,
            "created_at": pipeline.created_at,
            "updated_at": pipeline.updated_at,
            "visibility": pipeline.visibility.value,
            "owner_id": serializers.OWNER,
            "pipeline_versions": [{"id": one.id, "pipeline_publishes": []} for one in versions],
            "pipeline_tags": [],
            "workspace": {"id": workspace.id, "name": workspace.name},
        }
        return {"pipeline_by_pk": content}

    def _pipeline_variant_by_id(self, variables: JsonObject) -> Json:
        version = self._store.pipelines.version(variables.integer("variant_id"))
        deployment = self._store.pipelines.deployment_of(version.pipeline_id)
        is_mine = deployment is not None and deployment.pipeline_version_id == version.id
        return {"pipeline_version_by_pk": self._variant(version, deployment if is_mine else None)}

    def _deployment_for_pipeline(self, variables: JsonObject) -> Json:
        pipeline = self._store.pipelines.get(variables.integer("pipeline_id"))
        deployment = self._store.pipelines.deployment_of(pipeline.id)
        found = None if deployment is None else _deployment(deployment)
        return {"pipeline_by_pk": {"deployment": found}}

    def _deployment_by_id(self, variables: JsonObject) -> Json:
        deployment = self._store.pipelines.deployment(variables.integer("deployment_id"))
        content = {
            **_deployment(deployment),
            "deployment_model_configs": [
                {"model_config": {"id": config_id}} for config_id in deployment.config_ids
            ],
            "deployment_pipeline_versions": [
                {"pipeline_version": {"id": deployment.pipeline_version_id}}
            ],
            "pipeline": {"pipeline_id": deployment.pipeline_name},
        }
        return {"deployment_by_pk": content}

    def _deploy(self, variables: JsonObject) -> Json:
        deployment = Deployments(self.lookup.registry).again(variables.integer("id"))
        return {"update_deployment_by_pk": _deployment(deployment)}

    def _workspace(self, workspace: Workspace) -> Json:
        trees = self._store.models.trees(workspace.id)
        trees.sort(key=lambda tree: tree.model.updated_at, reverse=True)
        pipelines: list[Pipeline] = self._store.pipelines.of_workspace(workspace.id)
        members = self._store.workspaces.members(workspace.id)
        models = [
            {"id": tree.model.id, "models": [{"id": version.id} for version, _ in tree.versions]}
            for tree in trees
        ]
        return {
            **serializers.workspace_stub(workspace),
            "users": [{"user_id": member.user} for member in members],
            "models": models,
            "pipelines": [{"id": pipeline.id} for pipeline in pipelines],
        }

    def _variant(self, version: PipelineVersion, deployment: Deployment | None) -> Json:
        configs = [] if deployment is None else map(self._store.configs.get, deployment.config_ids)
        at = version.created_at
        deployed = (
            []
            if deployment is None
            else [{"created_at": at, "updated_at": at, "deployment": {"id": deployment.id}}]
        )
        return {
            "id": version.id,
            "created_on_version": __version__,
            "created_at": at,
            "updated_at": at,
            "version": version.uuid,
            "definition": dict(version.definition),
            "pipeline": {"id": version.pipeline_id},
            "deployment_pipeline_versions": deployed,
            "deployment_model_configs": [self._configured(config) for config in configs],
            "pipeline_publishes": [],
        }

    def _configured(self, config: Config) -> Json:
        version = self._store.versions.get(config.version_id)
        model = {"id": version.id, "model": {"id": version.model_id, "name": version.name}}
        return {"model_config": {"id": config.id, "model": model}}


def _variables(fields: JsonObject) -> JsonObject:
    return fields.optional_object("variables") or JsonObject({})


def _deployment(deployment: Deployment) -> Json:
    return {
        "id": deployment.id,
        "deploy_id": deployment.name,
        "deployed": deployment.deployed,
        "engine_config": deployment.engine_config.get(ENGINE_CONFIG),
    }


def _errors(message: str) -> Response:
    audit.refuse()
    return json_response({"errors": [{"message": message}]})
