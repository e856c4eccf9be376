"""In-memory index of all versions: from a name to the version that it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from drum_like.store.changes import Deployed, StoreChanges
from drum_like.store.names import LIVE, is_number, is_uuid, key_of


@dataclass(frozen=True, slots=True)
class ModelVersions:
    """The versions of one model that can be served.

    Attributes:
        by_number: Ids of versions.
        by_uuid: Ids of versions.
        aliases: Ids of versions, by alias; of all versions, also such as cannot be served.
        newest: Id of the one with the highest number; None if there is none.
        ids: Of all that can be served.
    """

    by_number: Mapping[int, int] = field(default_factory=dict)
    by_uuid: Mapping[str, int] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    newest: int | None = None
    ids: frozenset[int] = frozenset()

    def find(self, version: str | None) -> int | None:
        """Return the id of a version by number, UUID or alias; without one, of the default version.

        The default is the version of the alias `live` where it is set, else the newest.
        """
        if version is None:
            live = self._alias(LIVE)
            return self.newest if live is None else live
        if is_number(version):
            return self.by_number.get(int(version))
        return self.by_uuid.get(version) if is_uuid(version) else self._alias(version)

    def _alias(self, alias: str) -> int | None:
        version_id = self.aliases.get(alias)
        return version_id if version_id in self.ids else None


@dataclass(frozen=True, slots=True)
class VersionIndex:
    """All models of a store, at one moment; a change makes a new one.

    Attributes:
        models: By their names in the catalog.
        deployments: By id; those that are deployed.
    """

    models: Mapping[str, ModelVersions] = field(default_factory=dict)
    deployments: Mapping[int, Deployed] = field(default_factory=dict)

    @property
    def version_ids(self) -> frozenset[int]:
        """The ids of all versions."""
        return frozenset().union(*(versions.ids for versions in self.models.values()))

    def updated(self, changes: StoreChanges) -> "VersionIndex":
        """Return the index with the changes applied."""
        before = VersionIndex() if changes.is_all else self
        models = {**before.models, **_changed(before.models, changes)}
        deployments = {
            **before.deployments,
            **{one.deployment.id: one for one in changes.deployments},
        }
        deployed = {id_: one for id_, one in deployments.items() if one.deployment.deployed}
        return VersionIndex(models, deployed)


def _changed(
    models: Mapping[str, ModelVersions], changes: StoreChanges
) -> dict[str, ModelVersions]:
    """Return the versions of the models that have changed."""
    drafts: dict[str, _ModelVersionsBuilder] = {}

    def draft(workspace_id: int, name: str) -> _ModelVersionsBuilder:
        key = key_of(workspace_id, name)
        if key not in drafts:
            drafts[key] = _ModelVersionsBuilder(models.get(key, ModelVersions()))
        return drafts[key]

    for version in changes.versions:
        target = draft(version.workspace_id, version.name)
        target.by_number.pop(version.number, None)
        target.by_uuid.pop(version.uuid, None)
        if version.is_ready:
            target.by_number[version.number] = version.version_id
            target.by_uuid[version.uuid] = version.version_id
    for alias in changes.aliases:
        draft(alias.workspace_id, alias.model).aliases[alias.alias] = alias.version_id
    return {key: one.versions() for key, one in drafts.items()}


class _ModelVersionsBuilder:
    """The versions of one model while they are changed."""

    def __init__(self, versions: ModelVersions) -> None:
        self.by_number = dict(versions.by_number)
        self.by_uuid = dict(versions.by_uuid)
        self.aliases = dict(versions.aliases)

    def versions(self) -> ModelVersions:
        newest = self.by_number[max(self.by_number)] if self.by_number else None
        ids = frozenset(self.by_number.values())
        return ModelVersions(self.by_number, self.by_uuid, self.aliases, newest, ids)
