"""A worker's view of its store: versions, aliases and deployments, in memory and up to date."""

import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Lock
from time import monotonic

from drum_like.errors import StoreError
from drum_like.registry.cache import Cache, Loaded
from drum_like.registry.version_index import VersionIndex
from drum_like.store.changes import Revision
from drum_like.store.entities import Config
from drum_like.store.store import Store

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
