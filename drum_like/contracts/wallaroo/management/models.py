"""Models and their versions: lists, details, logs, aliases and deletes."""

from dataclasses import dataclass

from flask import Response, request

from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.contracts.wallaroo.management import serializers
from drum_like.contracts.wallaroo.management.context import (
    WorkspaceLookup,
    read_fields,
    tell_versions,
)
from drum_like.errors import NotFoundError, PayloadError
from drum_like.http.wire import json_response
from drum_like.store.entities import LogLine, Model, Version
from drum_like.store.store import Store
from drum_like.system import audit


@dataclass(frozen=True, slots=True)
class ModelViews:
    """The views of `models/…` that read, name and remove."""

    lookup: WorkspaceLookup

    @property
    def _store(self) -> Store:
        return self.lookup.store

    def list_models(self) -> Response:
        """List the models of a workspace, the newest first."""
        workspace_id = self.lookup.named(read_fields(request))
        if workspace_id is None:
            return json_response({"models": []})
        if serializers.is_sdk(request):
            deployed = self._store.pipelines.deployed_version_ids()
            found = self._store.models.trees(workspace_id)
            return json_response({"models": [serializers.tree(one, deployed) for one in found]})
        models = self._store.models.of_workspace(workspace_id)
        return json_response({"models": [serializers.model_item(model) for model in models]})

    def get_by_id(self) -> Response:
        """Show a model with the configuration of its newest version."""
        model = self._store.models.get(read_fields(request).integer("id"))
        versions = self._store.versions.of_model(model.id)
        config = self._store.configs.latest(versions[0].id) if versions else None
        content = {
            "id": model.id,
            "owner_id": serializers.OWNER,
            "workspace_id": model.workspace_id,
            "name": model.name,
            "updated_at": model.updated_at,
            "created_at": model.created_at,
            "model_config": serializers.config_summary(config),
        }
        return json_response(content)

    def get(self) -> Response:
        """Show a model with its versions, the one that changed last first."""
        fields = read_fields(request)
        model = self._store.models.get(fields.integer("id" if fields.has("id") else "model_id"))
        versions = self._store.versions.of_model(model.id)
        if not serializers.is_sdk(request):
            rows = [serializers.version_row(version) for version in versions]
            return json_response({**serializers.model_item(model), "models": rows})
        workspace = self._store.workspaces.get(model.workspace_id)
        content = {
            **serializers.model_item(model),
            "models": [serializers.version_row_with_status(version) for version in versions],
            "workspace": {"id": workspace.id, "name": workspace.name},
        }
        return json_response(content)

    def list_versions(self) -> Response:
        """List the versions of all models of a name, and of one model; either will do."""
        fields = read_fields(request)
        name, model_id = fields.optional_text("model_id"), fields.optional_integer("models_pk_id")
        if name is None and model_id is None:
            raise PayloadError("missing field `model_id` or `models_pk_id`")
        found = self._store.versions.matching(name, model_id)
        return json_response([serializers.version_row_with_status(version) for version in found])

    def list_versions_for_model(self) -> Response:
        """List the versions of a model of a workspace, each with its configuration."""
        fields = read_fields(request)
        model = self._store.models.find(fields.integer("workspace_id"), fields.text("model_id"))
        versions = [] if model is None else self._store.versions.of_model(model.id)
        configs = self._store.configs.latest_of([version.id for version in versions])
        deployed = self._store.pipelines.deployed_version_ids()
        pairs = [
            serializers.pair(version, configs.get(version.id), deployed=version.id in deployed)
            for version in versions
        ]
        # The second key is for clients that parse this as a list of models.
        return json_response({"model_versions": pairs, "models": []})

    def get_version_by_id(self) -> Response:
        """Show a version with its configuration."""
        version = self._store.versions.get(read_fields(request).integer("model_version_id"))
        is_deployed = version.id in self._store.pipelines.deployed_version_ids()
        config = self._store.configs.latest(version.id)
        content = serializers.pair(version, config, deployed=is_deployed)
        if serializers.is_sdk(request):
            workspace = self._store.workspaces.get(version.workspace_id)
            content["model_version"] |= serializers.version_superset(version, workspace)
        return json_response({"model_version": content})

    def get_upload_logs(self) -> Response:
        """Return the log of a version since its upload, the oldest line first."""
        fields = read_fields(request)
        version_id, lines = fields.integer("model_version_id"), fields.optional_integer("lines")
        if lines is not None and lines < 0:
            raise PayloadError("field `lines` must not be negative")
        found = self._store.logs.of_version(version_id, lines)
        return json_response({"logs": [_log_line(line) for line in found]})

    def delete_model(self) -> Response:
        """Remove a model with its versions, or tell the bytes that this would free."""
        fields = read_fields(request)
        n_bytes = self._store.models.delete(
            fields.integer("workspace_id"), fields.text("model_id"), confirm=_is_confirmed(fields)
        )
        self.lookup.registry.catalog.apply_changes()
        return json_response({"bytes": n_bytes})

    def delete_model_versions(self) -> Response:
        """Remove versions, all or none, or tell the bytes that this would free."""
        fields = read_fields(request)
        uuids = fields.optional_texts("model_versions")
        if not uuids:
            raise PayloadError("missing field `model_versions`: a list of UUIDs")
        known = [uuid.lower() for uuid in uuids]
        found = [one for one in map(self._store.versions.by_uuid, known) if one is not None]
        if len(found) == len(known):
            tell_versions(*found)
        n_bytes = self._store.versions.delete(known, confirm=_is_confirmed(fields))
        self.lookup.registry.catalog.apply_changes()
        return json_response({"bytes": n_bytes})

    def list_aliases(self) -> Response:
        """Return the aliases of a model with the UUIDs of their versions."""
        model = self._model(read_fields(request))
        uuids = {version.id: version.uuid for version in self._store.versions.of_model(model.id)}
        aliases = self._store.aliases.of_model(model.id)
        found = {alias: uuids[id_] for alias, id_ in aliases.items() if id_ in uuids}
        return json_response({"aliases": found})

    def set_alias(self) -> Response:
        """Give an alias to a version of a model, or take it away."""
        fields = read_fields(request)
        model, alias = self._model(fields), fields.text("alias")
        uuid = fields.optional_text("model_version")
        version = None if uuid is None else self._version(model, uuid)
        self._store.aliases.set(model.id, alias, None if version is None else version.id)
        self.lookup.registry.catalog.apply_changes()
        found = None if version is None else version.uuid
        return json_response({"alias": alias, "model_version": found})

    def _model(self, fields: JsonObject) -> Model:
        workspace_id, name = fields.integer("workspace_id"), fields.text("model_id")
        model = self._store.models.find(workspace_id, name)
        if model is None:
            raise NotFoundError(f"there is no model {name[:100]!r} in workspace {workspace_id}")
        return model

    def _version(self, model: Model, uuid: str) -> Version:
        version = self._store.versions.by_uuid(uuid.lower())
        if version is None or version.model_id != model.id:
            raise NotFoundError(f"the model {model.name!r} has no version {uuid[:100]}")
        tell_versions(version)
        return version


def _is_confirmed(fields: JsonObject) -> bool:
    """Return whether a deletion is meant; otherwise the request only looks."""
    if fields.flag("confirm_delete"):
        return True
    audit.becomes("")
    return False


def _log_line(line: LogLine) -> str:
    """Return a line in the form of a container's log, which the SDK parses."""
    return f"{line.at.isoformat()} stderr F {line.text}"
