"""Models in memory: loaded once each, a bounded number of them, the least recently used go."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from threading import Lock

from drum_like.errors import DrumLikeError, StoreError
from drum_like.inference.service import ModelInfo, Service
from drum_like.store.entities import Config, Version
from drum_like.system.cpus import TimedLock
from drum_like.system.deadline import DEADLINE
from drum_like.system.memory import resident
from drum_like.system.metrics import note_dropped, note_loaded


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory; whoever holds it may go on using it after it was replaced.

    Attributes:
        service: The model.
        version: Of the store; None for a directory given at start.
        config: The configuration in force; None for a directory given at start.
    """

    service: Service
    version: Version | None = None
    config: Config | None = None

    @property
    def info(self) -> ModelInfo:
        """The identity of the model."""
        return self.service.info


Key = int | str
"""Id of a version, or name of a directory."""

RETRY_S = 10.0
"""Time before a model that did not load is tried again."""


class Cache:
    """Models in memory.

    Args:
        limit: How many are kept.

    Attributes:
        limit: How many are kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: OrderedDict[Key, Loaded] = OrderedDict()
        self._failures: dict[Key, tuple[float, DrumLikeError]] = {}
        self._loading: dict[Key, TimedLock] = {}
        self._lock = Lock()

    def peek(self, key: Key) -> Loaded | None:
        """Return a model if it is in memory, and mark it as just used."""
        with self._lock:
            loaded = self._entries.get(key)
            if loaded is not None:
                self._entries.move_to_end(key)
            return loaded

    def get(self, key: Key, load: Callable[[], Loaded]) -> Loaded:
        """Return a model, loaded if need be; other requests for it wait meanwhile.

        Raises:
            BusyError: another request has been loading it as long as this one may wait.
            DrumLikeError: it does not load, or did not lately.
        """
        found = self.peek(key)
        if found is not None:
            return found
        with self._lock:
            lock = self._loading.setdefault(key, TimedLock())
        with lock:
            found = self.peek(key)
            return found if found is not None else self._load(key, load)

    def in_memory(self) -> tuple[Key, ...]:
        """Return the keys of the models in memory, the least recently used first."""
        with self._lock:
            return tuple(self._entries)

    def replace(self, key: Key, change: Callable[[Loaded], Loaded]) -> None:
        """Change the entry of a model in memory; do nothing if it is not there."""
        with self._lock:
            if key in self._entries:
                self._entries[key] = change(self._entries[key])

    def discard(self, key: Key) -> None:
        """Drop a model; requests that hold it may go on using it."""
        with self._lock:
            _drop(self._entries.pop(key, None))
            self._failures.pop(key, None)
            self._loading.pop(key, None)

    def _load(self, key: Key, load: Callable[[], Loaded]) -> Loaded:
        at, error = self._failures.get(key, (0.0, None))
        if error is not None and time.monotonic() - at < RETRY_S:
            # A new object: one that is raised in many threads would mix their tracebacks.
            raise type(error)(*error.args)
        before = resident()
        DEADLINE.until = inf  # the trial of a new model waits for others, and must not fail then
        try:
            loaded = load()
        except StoreError:
            # About the store and not the model: the next request may try again.
            raise
        except DrumLikeError as failure:
            self._failures[key] = (time.monotonic(), failure)
            raise
        with self._lock:
            self._failures.pop(key, None)
            self._entries[key] = loaded
            note_loaded(loaded.info.name, loaded.info.version, resident() - before)
            while len(self._entries) > self.limit:
                _drop(self._entries.popitem(last=False)[1])
        return loaded


def _drop(loaded: Loaded | None) -> None:
    """Count a model no more that is not kept any longer."""
    if loaded is not None:
        note_dropped(loaded.info.name, loaded.info.version)
