"""A worker's view of its store: versions, aliases and deployments, in memory and up to date."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from time import monotonic

from drum_like.errors import StoreError
from drum_like.registry.cache import Cache, Loaded
from drum_like.store.changes import Deployed, Revision, StoreChanges
from drum_like.store.entities import Config
from drum_like.store.names import LIVE, is_number, is_uuid, key_of
from drum_like.store.store import Store


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

    def older(self) -> tuple[int, ...]:
        """Return the ids of all versions but the newest, the highest number first."""
        return tuple(self.by_number[number] for number in sorted(self.by_number, reverse=True)[1:])

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
    def numbers(self) -> dict[str, tuple[str, ...]]:
        """The numbers of the versions that can be served, the oldest first, by their models."""
        return {
            name: tuple(map(str, sorted(versions.by_number)))
            for name, versions in self.models.items()
            if versions.ids
        }

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


logger = logging.getLogger(__name__)

AWAY_S = 1.0
"""Time before a database that failed is asked again on the path of a request."""


class StoreView:
    """A worker's view of its store.

    Args:
        store: The store; None without one.
        cache: Models in memory, whose configurations change and which are removed.
    """

    def __init__(self, store: Store | None, cache: Cache) -> None:
        self._store = store
        self._cache = cache
        self._index = VersionIndex()
        self._revision = Revision()
        self._seen: bytes | None = None
        self._patient_until = 0.0
        self._learning = Lock()

    @property
    def now(self) -> VersionIndex:
        """The current index of versions; it holds every change acknowledged to any caller."""
        self.keep_up()
        return self._index

    def keep_up(self) -> None:
        """Apply all acknowledged changes, here and to the models in memory.

        One look at a number, unless it has moved. While the database is away, what was known last
        is good enough.
        """
        store = self._store
        if store is not None and store.changes.seen() != self._seen:
            self._keep_up(store)

    def pull(self) -> bool:
        """Apply the changes of the database; False if there are none.

        Raises:
            StoreError: the store fails.
        """
        store = self._store
        if store is None:
            return False
        # Before the database is asked: what moves it meanwhile is asked for another time.
        seen = store.changes.seen()
        if store.changes.revision() == self._revision:
            self._seen = seen
            return False
        with self._learning:
            self._learn(store, seen)
        return True

    def try_pull(self) -> bool:
        """Apply the changes of the database, as `pull`; False also if the database fails."""
        with suppress(StoreError):
            return self.pull()
        return False

    def configured(self, version_id: int, loaded: Loaded) -> Loaded:
        """Return a model with the configuration in force.

        Asked again once the model is in memory: one that was set while it was loading would be
        missed by the load, which had asked before, and by `pull`, which changes what is in memory.
        """
        if self._store is None:
            return loaded
        change = partial(_under, config=self._store.configs.latest(version_id))
        self._cache.replace(version_id, change)
        return change(loaded)

    def _keep_up(self, store: Store) -> None:
        with self._learning:
            seen = store.changes.seen()
            if seen == self._seen or monotonic() < self._patient_until:
                return
            try:
                self._learn(store, seen)
            except StoreError as error:
                self._patient_until = monotonic() + AWAY_S
                logger.warning("changes in the model store cannot be seen: %s", error)

    def _learn(self, store: Store, seen: bytes) -> None:
        """Apply the changes; the caller holds the lock."""
        changes = store.changes.since(self._revision)
        # First all that may fail: what is noted as known is not asked for again.
        configs = store.configs.latest_of(changes.configured)
        self._index = self._index.updated(changes)
        if changes.is_all:
            self._forget_removed()
        for version_id, config in configs.items():
            self._cache.replace(version_id, partial(_under, config=config))
        self._revision, self._seen = changes.revision, seen

    def _forget_removed(self) -> None:
        known = self._index.version_ids
        for key in self._cache.in_memory():
            if isinstance(key, int) and key not in known:
                self._cache.discard(key)


def _under(loaded: Loaded, config: Config | None) -> Loaded:
    """Return a model under a configuration, unless a newer one is known of it already."""
    known = loaded.config
    if config is None or (known is not None and known.id >= config.id):
        return loaded
    return replace(loaded, config=config)
