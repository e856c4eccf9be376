"""Workspaces and their members."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request

from drum_like.contracts.wallaroo.fields import JsonObject, check_label
from drum_like.contracts.wallaroo.management import serializers
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup, caller, read_fields
from drum_like.errors import ConflictError, PayloadError
from drum_like.http.wire import json_response
from drum_like.store.store import Store
from drum_like.store.workspace_entities import Contents, Workspace

_KINDS = ("OWNER", "COLLABORATOR")


@dataclass(frozen=True, slots=True)
class WorkspaceViews:
    """The views of `workspaces/…`."""

    lookup: WorkspaceLookup

    @property
    def _store(self) -> Store:
        return self.lookup.store

    def create(self) -> Response:
        """Make a workspace."""
        name = check_label(read_fields(request).text("workspace_name"), "workspace")
        try:
            workspace = self._store.workspaces.create(name, caller())
        except ConflictError as error:
            raise PayloadError(str(error)) from error
        return json_response({"workspace_id": workspace.id})

    def list_workspaces(self) -> Response:
        """List all workspaces, or those of a user."""
        user = read_fields(request).optional_text("user_id")
        found = self._store.workspaces.all(user)
        contents = self._store.workspaces.contents([workspace.id for workspace in found])
        rows = [_row(workspace, contents[workspace.id]) for workspace in found]
        return json_response({"workspaces": rows})

    def get(self) -> Response:
        """Show a workspace."""
        fields = read_fields(request)
        workspace = self._store.workspaces.get(fields.integer("workspace_id"))
        inside = self._store.workspaces.contents([workspace.id])[workspace.id]
        return json_response(_row(workspace, inside))

    def list_users(self) -> Response:
        """List the members of a workspace."""
        workspace = self._store.workspaces.get(read_fields(request).integer("workspace_id"))
        members = self._store.workspaces.members(workspace.id)
        users = [{"user_id": member.user, "user_type": member.kind} for member in members]
        return json_response({"users": users})

    def add_user(self) -> Response:
        """Add a user to a workspace."""
        fields = read_fields(request)
        kind = (fields.optional_text("user_type") or "COLLABORATOR").upper()
        if kind not in _KINDS:
            raise PayloadError("field `user_type` must be OWNER or COLLABORATOR")
        self._store.workspaces.add_member(fields.integer("workspace_id"), _user(fields), kind)
        return json_response({})

    def remove_user(self) -> Response:
        """Remove a user from a workspace."""
        fields = read_fields(request)
        removed = self._store.workspaces.remove_member(
            fields.integer("workspace_id"), _user(fields)
        )
        return json_response({"affected_rows": removed})


def _row(workspace: Workspace, inside: Contents) -> dict[str, Any]:
    row = serializers.workspace_stub(workspace)
    return row | {"models": list(inside.model_ids), "pipelines": list(inside.pipeline_ids)}


def _user(fields: JsonObject) -> str:
    user = fields.optional_text("user_id") or fields.optional_text("email")
    if not user:
        raise PayloadError("missing field `user_id` or `email`")
    return user
