"""What lies in a model directory; opens no model and imports no code of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from drum_like.api import ArtifactKind
from drum_like.errors import CustomCodeError, LoadError

HEAD_BYTES = 4096
"""Bytes of a file that its kind is told from."""

DRUM_SUFFIXES = (".h5", ".onnx", ".pkl", ".pth")
"""Suffixes that DRUM 1.18 takes for an artifact, whatever the file holds."""

FILES_IN_MESSAGE = 100
"""Files that a message names."""


@dataclass(frozen=True, slots=True)
class ModelDirectory:
    """A directory that is to become a model.

    Attributes:
        path: The directory.
    """

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the top level, by name.

        Raises:
            LoadError: there is no such directory.
        """
        if not self.path.is_dir():
            raise LoadError(
                f"a model directory is needed, but {self.path.name!r} is no directory; "
                "check --code-dir"
            )
        return tuple(sorted(path for path in self.path.iterdir() if path.is_file()))

    @property
    def custom_py(self) -> Path | None:
        """The custom.py of any depth, None without one.

        Raises:
            CustomCodeError: there are several.
        """
        return self._only("custom.py")

    @property
    def custom_flask(self) -> Path | None:
        """The custom_flask.py of any depth, None without one.

        Raises:
            CustomCodeError: there are several.
        """
        return self._only("custom_flask.py")

    def candidates(self, kinds: Iterable[ArtifactKind]) -> tuple[tuple[Path, ArtifactKind], ...]:
        """Return the files of the top level that a kind claims, by name."""
        return tuple(_claimed(self.files, tuple(kinds)))

    def relative(self, path: Path) -> str:
        """Return a path as messages show it."""
        return path.relative_to(self.path).as_posix()

    def check(self, kinds: Iterable[ArtifactKind]) -> None:
        """Refuse a directory that holds neither custom.py nor anything like a model.

        A model below the top level is enough here, as in DRUM; it is not found later.

        Raises:
            LoadError: nothing to serve; in DRUM's words, with the files of the top level.
        """
        wanted = tuple(kinds)
        names = self._names()
        if "custom.py" in names or any(True for _ in _model_files(self.path, wanted)):
            return
        raise LoadError(
            "Can not detect language by artifacts and/or custom.py/R files.\n"
            "Detected: language by artifacts - None; language by custom - None.\n"
            "Code directory must have one or more model artifacts, with an extension:\n"
            f"{suffixes(wanted)}.\n"
            "Or a file custom.py.\n\n"
            f"Files(100 first) found in {self.path.resolve().name}:\n"
            + "\n".join(names[:FILES_IN_MESSAGE])
        )

    def _names(self) -> list[str]:
        return [path.name for path in self.files]

    def _only(self, name: str) -> Path | None:
        """Return the one file of that name; several names of one file are one file.

        A mounted Kubernetes volume shows every file twice, once through a symbolic link.
        """
        by_target: dict[Path, Path] = {}
        for path in sorted(self.path.rglob(name), key=lambda path: (len(path.parts), path)):
            if path.is_file():
                by_target.setdefault(path.resolve(), path)
        found = list(by_target.values())
        if len(found) > 1:
            raise CustomCodeError(
                "Found too many custom hook files: "
                f"{[path.relative_to(self.path) for path in found]}"
            )
        return found[0] if found else None


def suffixes(kinds: Iterable[ArtifactKind]) -> list[str]:
    """Return the suffixes of these kinds, each once, sorted."""
    return sorted({suffix for kind in kinds for suffix in kind.suffixes})


def _model_files(root: Path, kinds: tuple[ArtifactKind, ...]) -> Iterator[Path]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    yield from (path for path in files if path.suffix.lower() in DRUM_SUFFIXES)
    yield from (path for path, _ in _claimed(files, kinds))


def _claimed(
    files: Iterable[Path], kinds: tuple[ArtifactKind, ...]
) -> Iterator[tuple[Path, ArtifactKind]]:
    """Yield the files whose suffix and first bytes are of a kind, with the first such kind."""
    for path in files:
        named = [kind for kind in kinds if path.name.lower().endswith(kind.suffixes)]
        if not named:
            continue
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        claims = [kind for kind in named if kind.claims(head)]
        if claims:
            yield path, claims[0]
