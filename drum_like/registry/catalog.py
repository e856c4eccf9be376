"""The catalog: from a name to a model in memory.

Requests are answered from memory, after a look at the number that moves with every change of the
store: an acknowledged change holds here from that moment. A new version of a name is loaded in the
background, by `refresh`, which then replaces the one entry; until then the old version goes on
serving. A newest version that does not load replaces none: a worker that has served no older
version loads one then, so that all workers answer alike. Nothing is ever taken from a request that
holds it.
"""

import logging
from contextlib import suppress
from functools import partial

from drum_like.errors import DrumLikeError, LoadError, NotFoundError, SettingsError
from drum_like.inference.service import NotLoaded, Service
from drum_like.registry.cache import Cache, Loaded
from drum_like.registry.loader import Loader
from drum_like.registry.store_view import ModelVersions, StoreView
from drum_like.store.changes import Deployed
from drum_like.store.names import Reference, is_number, is_uuid, key_of, reference, split_key
from drum_like.system.marks import MARKS

logger = logging.getLogger(__name__)

NAMES_IN_MESSAGE = 10
"""Models that a message names."""

OLDER_TRIED = 10
"""Older versions that are loaded in turn where the newest does not load."""

NOT_SERVABLE = (LoadError, SettingsError)
"""Faults of a version itself; those of the store and of a busy server are not."""


class Catalog:
    """The models of one worker.

    Args:
        loader: Loads models.
        limit: How many are kept in memory, beside the one that was given at start.
        own: The model that was given at start, None without one.
        default: Model of a request without a name; None for `own`, or for the only model.
    """

    def __init__(
        self,
        loader: Loader,
        limit: int,
        own: Service | NotLoaded | None = None,
        default: str | None = None,
    ) -> None:
        self._loader = loader
        self._cache = Cache(limit)
        self._own = Loaded(own) if own is not None and not isinstance(own, NotLoaded) else own
        self._default = default
        self._view = StoreView(loader.store, self._cache)
        # What is served for names that can come to mean another version.
        self._serving: dict[Reference, int] = {}

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return a model; takes and raises as `find`."""
        service = self.find(name, version).service
        MARKS.get().model = service.info
        return service

    def default(self) -> Service | None:
        """Return the model that was given at start; raises as Resolver."""
        return None if self._own is None else _started(self._own, reference("", None)).service

    def find(self, name: str | None = None, version: str | None = None) -> Loaded:
        """Return a model by its name, loaded if need be.

        Args:
            name: `fraud`, or `w12.fraud` for one in workspace 12, or `fraud@3`; None for the
                default model.
            version: A number, a UUID or an alias; None for what the name itself means.

        Raises:
            NotFoundError: there is no such model or version.
            LoadError: it does not load; as Resolver.
        """
        if name is None and self._own is not None and self._default is None:
            return _started(self._own, reference("", version))
        if name is None:
            name = self._default if self._default is not None else _only(self.names())
        wanted = reference(name, version)
        if self._own is not None and wanted.key == self._own.info.name:
            return _started(self._own, wanted)
        versions = self._loader.directories.get(wanted.key)
        if versions is None:
            return self._stored(wanted)
        _check_version(wanted.key, wanted, *versions)
        key, version = wanted.key, wanted.version or [*versions][-1]
        return self._cache.get(f"{key}@{version}", partial(self._loader.directory, key, version))

    def loaded(self, version_id: int) -> Loaded:
        """Return a version of the store by its id, loaded if need be.

        Raises:
            NotFoundError: there is none with that id that can be served.
            LoadError: it does not load.
        """
        self._view.keep_up()
        found = self._cache.peek(version_id)
        if found is None:
            loaded = self._cache.get(version_id, lambda: self._loader.version(version_id))
            found = self._view.configured(version_id, loaded)
        MARKS.get().model = found.info
        return found

    def names(self) -> tuple[str, ...]:
        """Return the names of all models, sorted."""
        return tuple(sorted(self.index()))

    def index(self) -> dict[str, tuple[str, ...]]:
        """Return the versions of all models by their names; as Resolver."""
        own = {} if self._own is None else {self._own.info.name: (self._own.info.version,)}
        directories = {name: tuple(found) for name, found in self._loader.directories.items()}
        return {**self._view.now.numbers, **directories, **own}

    def in_memory(self, name: str) -> Service | None:
        """Return the service of a name if it is loaded; loads none."""
        if self._own is not None and name == self._own.info.name:
            return None if isinstance(self._own, NotLoaded) else self._own.service
        wanted, versions = reference(name, None), self._loader.directories.get(name)
        if versions is None:
            found = self._cache.peek(self._serving.get(wanted) or self._meant(wanted) or 0)
        else:
            found = self._cache.peek(f"{name}@{[*versions][-1]}")
        return None if found is None else found.service

    def deployment(self, deployment_id: int) -> Deployed | None:
        """Return a deployment that is deployed, from memory."""
        return self._view.now.deployments.get(deployment_id)

    def deployments(self) -> tuple[Deployed, ...]:
        """Return all that are deployed, from memory."""
        return tuple(self._view.now.deployments.values())

    def pull(self) -> bool:
        """Apply the changes of the store; False if there are none.

        Raises:
            StoreError: the store fails.
        """
        return self._view.pull()

    def refresh(self) -> None:
        """Apply the changes of the store; load new versions of names before they are served.

        Raises:
            StoreError: the store fails.
        """
        self.pull()
        for wanted, serving in self._serving.copy().items():
            meant = self._meant(wanted)
            if meant is not None and meant != serving:
                self._swap(wanted, serving, meant)

    def apply_changes(self) -> None:
        """Apply at once the changes that this worker has just made in the store.

        The changes last even if the store fails now; the next call applies them.
        """
        self._view.try_pull()

    def preload(self) -> None:
        """Load models, as many as are kept; say which ones do not load."""
        own = None if self._own is None else self._own.info.name
        names = [name for name in self.names() if name != own]
        if len(names) > (most := self._cache.limit):
            logger.warning(
                "%d of %d models are loaded at start; see --max-models", most, len(names)
            )
        for name in names[:most]:
            try:
                self.find(name)
            except DrumLikeError as error:
                logger.warning("the model %s does not load: %s", name, error)

    def _stored(self, wanted: Reference) -> Loaded:
        """Return a version of the store; the one before, while the one that is meant is loaded."""
        key = key_of(*split_key(wanted.key))
        wanted = Reference(key, wanted.version)
        meant = self._meant(wanted)
        # Servers on other machines change the same database, and leave the number here alone.
        if meant is None and self._view.try_pull():
            meant = self._meant(wanted)
        if meant is None:
            raise _missing(wanted, self._view.now.models.get(wanted.key), self.names())
        if wanted.version is not None and (is_number(wanted.version) or is_uuid(wanted.version)):
            return self.loaded(meant)
        serving = self._serving.get(wanted)
        if serving not in (None, meant) and self._cache.peek(meant) is None:
            before = self._cache.peek(serving)
            if before is not None:
                return before
        served, loaded = self._load_meant(wanted, meant)
        self._serving[wanted] = served
        return loaded

    def _load_meant(self, wanted: Reference, meant: int) -> tuple[int, Loaded]:
        """Load what a name means; an older version, where it is the newest and does not load.

        Raises:
            LoadError: that of the version that is meant.
        """
        try:
            return meant, self.loaded(meant)
        except NOT_SERVABLE as error:
            for older in _stand_ins(wanted, meant, self._view.now.models.get(wanted.key)):
                with suppress(*NOT_SERVABLE):
                    found = older, self.loaded(older)
                    _log_kept(wanted, older, meant, error)
                    return found
            raise

    def _meant(self, wanted: Reference) -> int | None:
        versions = self._view.now.models.get(wanted.key)
        return None if versions is None else versions.find(wanted.version)

    def _swap(self, wanted: Reference, serving: int, meant: int) -> None:
        """Load the new version of a name, then serve it; drop the version before."""
        if self._cache.peek(serving) is None:
            self._serving.pop(wanted, None)
            return
        try:
            self.loaded(meant)
        except DrumLikeError as error:
            _log_kept(wanted, serving, meant, error)
            return
        self._serving[wanted] = meant
        if serving not in self._serving.values():
            self._cache.discard(serving)


def _only(names: tuple[str, ...]) -> str:
    """Return the name of the model that a request without a name asks for: the only one.

    Raises:
        NotFoundError: nothing, or one of several.
    """
    if len(names) == 1:
        return names[0]
    raise NotFoundError(
        f"this server has {len(names)} models and no default one; ask for one by its name, as "
        f"/models/NAME/predict/{_listed(names)}"
    )


def _stand_ins(wanted: Reference, meant: int, versions: ModelVersions | None) -> tuple[int, ...]:
    """Return the versions that may be served in place of the newest; none for a chosen one."""
    if versions is None or wanted.version is not None or meant != versions.newest:
        return ()
    return versions.older()[:OLDER_TRIED]


def _log_kept(wanted: Reference, kept: int, meant: int, error: DrumLikeError) -> None:
    # The operator needs the reason, not our stack.
    logger.error(
        "%s goes on with version id %d, because %d does not load: %s",
        wanted.key,
        kept,
        meant,
        error,
    )


def _missing(
    wanted: Reference, versions: ModelVersions | None, names: tuple[str, ...]
) -> NotFoundError:
    """Return the error for a model, or a version of it, that is not there."""
    if versions is None or not versions.ids:
        return NotFoundError(f"there is no model {wanted.key[:128]!r} here{_listed(names)}")
    return NotFoundError(f"there is no version {str(wanted.version)[:128]!r} of {wanted.key!r}")


def _started(own: Loaded | NotLoaded, wanted: Reference) -> Loaded:
    """Return the model that was given at start, if its version is the one that is wanted.

    Raises:
        NotFoundError: it is not.
        NotLoadedError: the model did not load.
    """
    _check_version(own.info.name, wanted, own.info.version)
    if isinstance(own, NotLoaded):
        raise own.error()
    return own


def _check_version(name: str, wanted: Reference, *versions: str) -> None:
    """Refuse a version that a model does not have."""
    if wanted.version not in (None, *versions):
        others = ", ".join(versions[:NAMES_IN_MESSAGE])
        told = f"versions {others}" if len(versions) > 1 else f"one version {others}"
        raise NotFoundError(f"{name!r} has the {told}")


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:NAMES_IN_MESSAGE])
    more = f" and {len(names) - NAMES_IN_MESSAGE} more" if len(names) > NAMES_IN_MESSAGE else ""
    return f"; there are: {shown}{more}" if names else ""
