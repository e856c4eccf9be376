"""The model store behind the page: versions, aliases, uploads, decisions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from sys import maxsize
from typing import Any

from flask import Response, request

from drum_like.contracts.ui import about
from drum_like.contracts.ui.callers import reader, refuse_strangers
from drum_like.errors import NotFoundError, PayloadError
from drum_like.http import wire
from drum_like.http.auth import ANYONE, Scope
from drum_like.http.contract import ContractContext, Route
from drum_like.http.json_body import checked_document
from drum_like.http.requests import FileLimit
from drum_like.registry.setup import Registry
from drum_like.registry.uploads import Uploads
from drum_like.store.ecosystem_entities import Decision, DecisionFilter
from drum_like.store.entities import Declared, Model, NewVersion, Version
from drum_like.store.names import key_of, split_key
from drum_like.store.store import Store
from drum_like.system import audit

Json = dict[str, Any]

_API = "/ui/api"
_CHUNK = 1 << 20
_MIB = 1 << 20
_MOST_DECISIONS = 200


def routes(context: ContractContext) -> tuple[Route, ...]:
    """Return the routes of a server with a store.

    Raises:
        SettingsError: it has none.
    """
    views = _Views(context.part(Registry))
    look, change, one = Scope.OBSERVE, Scope.ADMIN, f"{_API}/models/<model>"
    upload, alias = "upload model", "set alias"
    limit = _longest(views.registry.uploads)
    return (
        Route(f"{_API}/models", "GET", "models", views.models, look),
        Route(f"{_API}/decisions", "GET", "decisions", views.decisions, look),
        Route(one, "PUT", "upload", views.upload, change, body_limit=limit, change=upload),
        Route(f"{one}/aliases/<alias>", "PUT", "alias", views.set_alias, change, change=alias),
    )


def _longest(uploads: Uploads) -> int:
    """Return the limit of an upload, which may lie on the disk while it comes."""
    most = uploads.max_mb * _MIB if uploads.max_mb else maxsize
    return most if uploads.folder is None else FileLimit(most, uploads.folder)


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        registry: The store, and what serves it.
    """

    registry: Registry

    @property
    def _store(self) -> Store:
        return self.registry.store

    def models(self) -> Response:
        """Answer with all models, with their versions, the newest first, and aliases."""
        stored = [
            one for space in self._store.workspaces.all() for one in self._of_workspace(space.id)
        ]
        names = {one["name"] for one in stored}
        index = self.registry.catalog.index()
        others = [about.unstored(name, index[name]) for name in sorted(index.keys() - names)]
        return wire.json_response({"models": [*stored, *others]})

    def upload(self, model: str) -> Response:
        """Store the file in the body as a version that is ready when the answer comes."""
        workspace_id, name = split_key(model)
        asked = request.args
        new = NewVersion(
            workspace_id,
            name,
            asked.get("file"),
            declared=_declared(asked.get("target_type", ""), asked.get("labels", "")),
            created_by="" if reader() is ANYONE else reader().name,
        )
        with self.registry.uploads.receive() as file:
            while chunk := request.stream.read(_CHUNK):
                file.write(chunk)
            version = self.registry.uploads.accept_checked(new, file)
        return wire.json_response({"name": model, "version": version.number}, 201)

    def set_alias(self, model: str, alias: str) -> Response:
        """Give an alias to a version."""
        found, number = self._model(model), _number(checked_document(request).tree)
        audit.about(version=number)
        versions = self._store.versions.of_model(found.id)
        version = next((one for one in versions if one.number == number), None)
        if version is None:
            raise NotFoundError(f"there is no version {number} of the model")
        self._store.aliases.set(found.id, alias, version.id)
        self.registry.catalog.apply_changes()
        return wire.json_response({"name": model, "alias": alias, "version": number})

    def decisions(self) -> Response:
        """Answer with the last decisions that the query means, the newest first."""
        refuse_strangers()
        asked = request.args
        wanted = DecisionFilter(
            asked.get("campaign") or None,
            asked.get("uuid") or None,
            _moment("since"),
            _moment("until"),
        )
        found = self._store.decisions.newest(wanted, _MOST_DECISIONS)
        return wire.json_response({"decisions": [_decision(one) for one in reversed(found)]})

    def _of_workspace(self, workspace_id: int) -> list[Json]:
        aliases = self._store.aliases.of_workspace(workspace_id)
        return [
            _stored(tree.model, [v for v, _ in tree.versions], aliases.get(tree.model.id, {}))
            for tree in self._store.models.trees(workspace_id)
        ]

    def _model(self, key: str) -> Model:
        found = self._store.models.find(*split_key(key))
        if found is None:
            raise NotFoundError(f"there is no model {key[:100]!r} in the store")
        return found


def _stored(model: Model, versions: list[Version], aliases: dict[str, int]) -> Json:
    numbers = {version.id: version.number for version in versions}
    newest_first = sorted(versions, key=lambda version: -version.number)
    return {
        "name": key_of(model.workspace_id, model.name),
        "aliases": {alias: numbers[id_] for alias, id_ in aliases.items() if id_ in numbers},
        "versions": [
            _version(one, [alias for alias, id_ in aliases.items() if id_ == one.id])
            for one in newest_first
        ],
    }


def _version(version: Version, aliases: list[str]) -> Json:
    return {
        "number": version.number,
        "status": version.status.value,
        "error": version.error,
        "file_name": version.file_name,
        "created_at": version.created_at.isoformat(),
        "aliases": aliases,
    }


def _declared(target_type: str, labels: str) -> Declared:
    """Return the declared target; two labels of a binary one are negative and positive."""
    given = tuple(label.strip() for label in labels.split(",") if label.strip())
    if target_type == "binary" and given:
        if len(given) != 2:
            raise PayloadError("a binary model has two labels: the negative, then the positive one")
        return Declared(target_type, positive_label=given[1], negative_label=given[0])
    return Declared(target_type or None, labels=given)


def _number(tree: Any) -> int:
    number = tree.get("version") if isinstance(tree, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise PayloadError('the body must be {"version": NUMBER}')
    return number


def _moment(name: str) -> datetime | None:
    """Return a time of the query, of which one without a zone is in UTC.

    Raises:
        PayloadError: it is none.
    """
    text = request.args.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise PayloadError(f"{name} must be a time such as 2024-01-15T12:00:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _decision(one: Decision) -> Json:
    accepted = one.accepted
    return {
        "uuid": one.presented.uuid,
        "at": one.presented.at.isoformat(),
        "campaign": one.presented.campaign,
        "document": one.presented.document,
        "accepted_at": None if accepted is None else accepted.at.isoformat(),
        "is_automatic": accepted is not None and accepted.is_automatic,
    }
