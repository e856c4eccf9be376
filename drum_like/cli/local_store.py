"""A store on this machine."""

from collections.abc import Sequence

from drum_like.cli.model_store import ListedModel, ListedVersion, Progress, Push, with_aliases
from drum_like.errors import NotFoundError
from drum_like.registry.inspection import Policy
from drum_like.registry.uploads import Uploads, Verifier
from drum_like.store.entities import NewVersion, Version
from drum_like.store.store import Store
from drum_like.system import audit

_CHUNK = 1 << 20


class LocalStore:
    """A store on this machine; see ModelStore.

    Args:
        store: The store, open.
        workspace: Its number.
    """

    def __init__(self, store: Store, workspace: int) -> None:
        self._store = store
        self._workspace = workspace

    def push(self, push: Push, progress: Progress) -> ListedVersion:
        """Store a file as a new version, after a trial.

        Raises:
            UploadError: it cannot be stored, or not be served.
            StoreError: the disk or the database fails.
        """
        load, code = push.load, push.uploads.allow_code_uploads
        policy = Policy(code=code, pickles=not load.no_pickle, skops_types=load.skops_types)
        verifier = Verifier(self._store, policy)
        most = push.uploads.max_upload_mb
        uploads = Uploads(self._store, verifier, policy, most, lambda: None)
        new = NewVersion(self._workspace, push.name, push.file_name, declared=push.declared)
        with uploads.receive() as incoming, push.path.open("rb") as file:
            while piece := file.read(_CHUNK):
                incoming.write(piece)
                progress(len(piece))
            return _listed(uploads.accept_checked(new, incoming), {})

    def models(self) -> list[ListedModel]:
        """Return all models, the newest first."""
        workspace = self._workspace
        aliases = self._store.aliases.of_workspace(workspace)
        return [
            _model(
                tree.model.name,
                [version for version, _ in tree.versions],
                aliases.get(tree.model.id, {}),
            )
            for tree in self._store.models.trees(workspace)
        ]

    def model(self, name: str) -> ListedModel:
        """Return one model.

        Raises:
            NotFoundError: there is none of that name.
        """
        model_id = self._id_of(name)
        versions = self._store.versions.of_model(model_id)
        return _model(name, versions, self._store.aliases.of_model(model_id))

    def set_alias(self, name: str, alias: str, version: ListedVersion | None) -> None:
        """Give a version an alias; None takes it away.

        Raises:
            NotFoundError: there is no such model or alias.
            UploadError: the alias breaks the rule for names.
        """
        stored = None if version is None else self._store.versions.by_uuid(version.uuid)
        version_id = None if stored is None else stored.id
        audit.about(version=None if stored is None else stored.number)
        self._store.aliases.set(self._id_of(name), alias, version_id)

    def remove_version(self, version: ListedVersion) -> int:
        """Remove a version; return the bytes that this frees.

        Raises:
            ConflictError: it is deployed.
        """
        audit.about(version=version.number)
        return self._store.versions.delete((version.uuid,))

    def remove_model(self, name: str) -> int:
        """Remove a model with all its versions; return the bytes that this frees.

        Raises:
            NotFoundError: there is none of that name.
            ConflictError: a version is deployed.
        """
        return self._store.models.delete(self._workspace, name)

    def _id_of(self, name: str) -> int:
        workspace = self._workspace
        found = self._store.models.find(workspace, name)
        if found is None:
            raise NotFoundError(f"there is no model {name!r} in workspace {workspace}")
        return found.id


def _aliases(of: dict[str, int], uuids: dict[int, str]) -> dict[str, str]:
    """Return the UUIDs of versions by alias."""
    return {alias: uuids[id_] for alias, id_ in of.items() if id_ in uuids}


def _model(name: str, versions: Sequence[Version], of: dict[str, int]) -> ListedModel:
    aliases = _aliases(of, {version.id: version.uuid for version in versions})
    listed = [_listed(version, aliases) for version in versions]
    return ListedModel(name, tuple(sorted(listed, key=lambda one: -one.number)))


def _listed(version: Version, aliases: dict[str, str]) -> ListedVersion:
    return ListedVersion(
        number=version.number,
        uuid=version.uuid,
        status=version.status.value,
        sha256=version.sha256,
        size=version.size,
        file_name=version.file_name,
        created_at=version.created_at,
        aliases=with_aliases(aliases, version.uuid),
        error=version.error,
    )
