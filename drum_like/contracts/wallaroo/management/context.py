"""Parts that the views share: the fields of a request, its caller, and workspaces by name."""

from dataclasses import dataclass

from flask import Request, g

from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.errors import ConflictError
from drum_like.http.auth import ANYONE, Principal
from drum_like.http.requests import whole_body
from drum_like.registry.setup import Registry
from drum_like.store.entities import FIRST_WORKSPACE, Version
from drum_like.store.store import Store
from drum_like.store.workspace_entities import Workspace
from drum_like.system import audit


def read_fields(request: Request) -> JsonObject:
    """Return the JSON object of a request.

    Raises:
        PayloadError: its body is none.
        BodyError: the body does not arrive as its headers say.
    """
    fields = JsonObject.parse(whole_body(request))
    tell(fields)
    return fields


_SUBJECTS = (
    ("model_id", "model"),
    ("model_version", "version"),
    ("model_versions", "version"),
    ("model_version_id", "version_id"),
    ("pipeline_id", "pipeline"),
    ("pipeline_version", "pipeline_version"),
    ("pipeline_version_pk_id", "pipeline_version"),
    ("deploy_id", "deployment"),
    ("deployment_id", "deployment"),
    ("workspace_id", "workspace"),
    ("workspace_name", "workspace"),
    ("alias", "alias"),
    ("email", "user"),
    ("user_id", "user"),
)
"""Fields that name the subject of a request, with its kind in the audit log."""


def tell(fields: JsonObject) -> None:
    """Tell the audit log the subject of a change, as the caller names it."""
    for field, kind in _SUBJECTS:
        if fields.has(field):
            audit.about(**{kind: fields.raw(field)})


def tell_versions(*versions: Version) -> None:
    """Tell the audit log the versions that a change is about, as people know them."""
    names = sorted({version.name for version in versions})
    audit.about(model=names, version=[version.number for version in versions])


def caller() -> str:
    """Return the name of the caller's credential; empty without one."""
    principal: Principal = g.principal
    return "" if principal.name == ANYONE.name else principal.name


@dataclass(frozen=True, slots=True)
class WorkspaceLookup:
    """Workspaces as callers name them."""

    registry: Registry

    @property
    def store(self) -> Store:
        """The store."""
        return self.registry.store

    def named(self, fields: JsonObject) -> int | None:
        """Return the id of the workspace that `workspace_name` or `workspace_id` says.

        The name wins; None for a name that is not there.

        Raises:
            PayloadError: neither is given.
        """
        name = fields.optional_text("workspace_name")
        if name is None:
            return fields.integer("workspace_id")
        found = self.store.workspaces.by_name(name)
        return None if found is None else found.id

    def default_of(self, user: str) -> Workspace:
        """Return a user's default workspace: the one that was made so, or the first."""
        return self.store.workspaces.default_of(user) or self.store.workspaces.get(FIRST_WORKSPACE)

    def make_default(self, user: str, name: str) -> Workspace:
        """Return a workspace of that name, made if need be, as a user's default."""
        try:
            workspace = self.store.workspaces.create(name, user)
        except ConflictError:
            there = self.store.workspaces.by_name(name)
            if there is None:
                raise
            workspace = there
        self.store.workspaces.set_default(user, workspace.id)
        return workspace
