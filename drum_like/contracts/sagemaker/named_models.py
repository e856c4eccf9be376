"""Models that callers load and unload while the server runs, by a name and a directory.

All workers know what is loaded. The one that is asked to load a model tries it; the others load it
at their first request. What is unloaded leaves the memory of the others within moments.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import orjson

from drum_like.contracts.sagemaker.errors import CapacityError
from drum_like.errors import ConflictError, NotFoundError
from drum_like.inference.service import Service
from drum_like.registry.cache import Cache, Loaded
from drum_like.system.marks import MARKS
from drum_like.system.shared_text import SharedText


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model that is loaded.

    Attributes:
        name: Any text.
        url: The directory, as the caller named it.
        directory: The same, absolute.
        key: Differs from that of each other load.
    """

    name: str
    url: str
    directory: str
    key: str


Named = Mapping[str, NamedModel]

_NONE: Named = {}


class NamedModels:
    """The models of one worker that callers load.

    Args:
        shared: Which ones are loaded; all workers have the same one.
        load: Loads the model of a directory under a name.
        root: Directory below which models are found.
        limit: How many may be loaded.
    """

    def __init__(
        self, shared: SharedText, load: Callable[[str, Path], Loaded], root: Path, limit: int
    ) -> None:
        self._shared = shared
        self._load = load
        self._root = root
        self._cache = Cache(limit)
        self._limit = limit
        self._known = (0, _NONE)
        self._trying: set[str] = set()

    def all(self) -> Named:
        """Return all that are loaded, by name."""
        number, named = self._known
        if self._shared.number() != number:
            number, text = self._shared.read()
            named = _parsed(text)
            self._known = number, named
        return named

    def find(self, name: str) -> NamedModel:
        """Return one that is loaded.

        Raises:
            NotFoundError: there is none of that name.
        """
        found = self.all().get(name)
        if found is None:
            raise NotFoundError(f"no model of the name {name[:128]!r} is loaded; load it first")
        return found

    def service(self, name: str) -> Service:
        """Return the service of one that is loaded; this worker may still have to load it.

        Raises:
            NotFoundError: there is none of that name.
            LoadError: its directory does not become a model any more.
        """
        model = self.find(name)
        load = self._load
        found = self._cache.get(model.key, lambda: load(name, Path(model.directory))).service
        MARKS.get().model = found.info
        return found

    def load(self, name: str, url: str) -> NamedModel:
        """Load a model, and let all workers know it.

        Args:
            name: Any text.
            url: Its directory: absolute, or below the root.

        Raises:
            ConflictError: a model of that name is loaded.
            NotFoundError: there is no such directory below the root.
            CapacityError: as many models are loaded as may be.
            LoadError: the directory does not become a model.
            SettingsError: its metadata is wrong.
        """
        self._check_free(name, self.all())
        model = NamedModel(name, url, str(self._directory(url)), str(uuid4()))
        self._trying.add(model.key)
        try:
            self._cache.get(model.key, lambda: self._load(name, Path(model.directory)))
            self._add(model)
        except BaseException:
            self._cache.discard(model.key)
            raise
        finally:
            self._trying.discard(model.key)
        return model

    def unload(self, name: str) -> NamedModel:
        """Forget a model; requests that hold it may go on using it.

        Raises:
            NotFoundError: there is none of that name.
        """
        model = self.find(name)

        def without(text: bytes) -> bytes:
            left = {key: one for key, one in _parsed(text).items() if key != name}
            return _text(left)

        self._shared.change(without)
        self._cache.discard(model.key)
        return model

    def in_memory(self) -> int:
        """Return how many models are in the memory of this worker."""
        return len(self._cache.in_memory())

    def drop(self) -> bool:
        """Drop the models from memory that another worker has unloaded; return False."""
        # In this order: what is tried becomes what is loaded, and must be seen as one of the two.
        keys, trying = self._cache.in_memory(), self._trying.copy()
        kept = {model.key for model in self.all().values()} | trying
        for key in keys:
            if key not in kept:
                self._cache.discard(key)
        return False

    def _add(self, model: NamedModel) -> None:
        def more(text: bytes) -> bytes:
            named = _parsed(text)
            self._check_free(model.name, named)
            return _text({**named, model.name: model})

        self._shared.change(more)

    def _check_free(self, name: str, named: Named) -> None:
        if name in named:
            raise ConflictError(f"a model of the name {name[:128]!r} is loaded; unload it first")
        if len(named) >= self._limit:
            raise CapacityError(
                f"{self._limit} models are loaded, and no more may be; unload one, or start the "
                "server with a higher --max-models"
            )

    def _directory(self, url: str) -> Path:
        root = self._root.resolve()
        try:
            directory = (root / url).resolve()
            is_there = directory.is_relative_to(root) and directory.is_dir()
        except (OSError, ValueError):  # a name that no file system has
            is_there = False
        if not is_there or directory == root:
            raise NotFoundError("there is no model at this url; name a directory below the root")
        return directory


def _parsed(text: bytes) -> dict[str, NamedModel]:
    return {one[0]: NamedModel(*one) for one in orjson.loads(text)} if text else {}


def _text(named: Named) -> bytes:
    return orjson.dumps([(m.name, m.url, m.directory, m.key) for m in named.values()])
