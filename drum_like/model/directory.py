"""Content of a model directory and its language; opens no model and imports no code of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drum_like.api import ArtifactKind
from drum_like.errors import CustomCodeError, LoadError

HEAD_BYTES = 4096
"""Bytes of a file that its kind is recognised by."""

DRUM_SUFFIXES = (".h5", ".onnx", ".pkl", ".pth")
"""Suffixes that DRUM 1.18 takes for an artifact, whatever the file holds."""

FILES_IN_MESSAGE = 100
"""Files that a message names."""

_FILES_FOR_OPERATORS = 10


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

    def check(self, kinds: Iterable[ArtifactKind], language: str = "") -> None:
        """Refuse a directory that holds nothing to serve, or files of another language.

        A model below the top level is enough here, as in DRUM; it is not found later.

        Args:
            kinds: The kinds of model file that are read here.
            language: Of DRUM's flag: `python` lets files of R and Java lie there unused.

        Raises:
            LoadError: nothing to serve, or it is not clear what; in DRUM's words, with the files of
                the top level.
        """
        wanted = tuple(kinds)
        names = self._names()
        files = [path for path in sorted(self.path.rglob("*")) if path.is_file()]
        others = foreign(self.path, files, suffixes(wanted))
        has_model = any(True for _ in _model_files(files, wanted))
        if others.files and language != PYTHON:
            by_artifacts = (*others.artifacts, *((PYTHON,) if has_model else ()))
            raise self._refused(wanted, (by_artifacts, others.custom), _of_others(others.files))
        if "custom.py" not in names and not has_model:
            raise self._refused(wanted, ((), ()), self._holds_nothing(wanted))

    def _refused(
        self, kinds: Iterable[ArtifactKind], detected: tuple[Sequence[str], ...], plain: str
    ) -> LoadError:
        by_artifacts, by_custom = (", ".join(sorted(found)) or None for found in detected)
        text = (
            "Can not detect language by artifacts and/or custom.py/R files.\n"
            f"Detected: language by artifacts - {by_artifacts}; language by custom - {by_custom}.\n"
            "Code directory must have one or more model artifacts, with an extension:\n"
            f"{suffixes(kinds)}.\n"
            "Or a file custom.py.\n\n"
            f"Files(100 first) found in {self.path.resolve().name}:\n"
            + "\n".join(self._names()[:FILES_IN_MESSAGE])
        )
        return LoadError(text, plain=plain)

    def _holds_nothing(self, kinds: Iterable[ArtifactKind]) -> str:
        """Return the operator's message: the files found, and the files that would be a model."""
        found = ", ".join(self._names()[:_FILES_FOR_OPERATORS]) or "nothing"
        more = len(self._names()) - _FILES_FOR_OPERATORS
        return (
            f"{self.path.resolve().name} holds no model and no custom.py; found: {found}"
            f"{f' and {more} more' if more > 0 else ''}. {self._wrong_inside(kinds)}"
            f"Put a model file there ({', '.join(suffixes(kinds))}), or a custom.py whose hooks "
            "load_model and score serve another file: `drum-like new model --code-dir DIR` begins "
            "one"
        )

    def _wrong_inside(self, kinds: Iterable[ArtifactKind]) -> str:
        """Name the first file that has a model's suffix, but does not begin like one."""
        known = tuple(suffixes(kinds))
        named = [name for name in self._names() if name.lower().endswith(known)]
        if not named:
            return ""
        old = named[0].lower().endswith(".ubj")
        return (
            f"{named[0]} has the suffix of a model, but does not begin like one"
            f"{'; is it of the old binary format of XGBoost?' if old else ''}: save the model "
            "again. "
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


def _of_others(files: Sequence[str]) -> str:
    return (
        f"{', '.join(files[:_FILES_FOR_OPERATORS])}: models and hooks in R or Java are not served. "
        "Take the files away, serve them with DRUM, or leave them unused with --language python"
    )


def _model_files(files: Sequence[Path], kinds: tuple[ArtifactKind, ...]) -> Iterator[Path]:
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


PYTHON, R, JAVA = "python", "r", "java"

_CUSTOM = {"custom.py": PYTHON, "custom.R": R, "custom.r": R}
_ARTIFACTS = {".rds": R, ".jar": JAVA, ".java": JAVA, ".mojo": JAVA}
"""Not `.zip`, which is Java to DRUM: beside a Python model it holds data more often than a MOJO."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Files of a model directory that only R or Java would use.

    Attributes:
        custom: Languages of the hook files on the top level; Python is one of them.
        artifacts: Languages of the model files at any depth, Python left out.
        files: Files of other languages than Python, relative to the directory, by name.
    """

    custom: tuple[str, ...]
    artifacts: tuple[str, ...]
    files: tuple[str, ...]


def foreign(root: Path, files: Iterable[Path], served: Iterable[str]) -> Foreign:
    """Find the files of a directory that are for another language than Python.

    Args:
        root: The directory.
        files: All files in it, of any depth.
        served: Suffixes that an installed plugin reads, whatever DRUM takes them for.
    """
    known = set(served)
    custom, artifacts, found = set(), set(), []
    for path in files:
        hook = _CUSTOM.get(path.name) if path.parent == root else None
        suffix = path.suffix.lower()
        model = None if suffix in known else _ARTIFACTS.get(suffix)
        custom |= {hook} - {None}
        artifacts |= {model} - {None}
        if model or (hook and hook != PYTHON):
            found.append(path.relative_to(root).as_posix())
    return Foreign(_sorted(custom), _sorted(artifacts), tuple(sorted(found)))


def _sorted(languages: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted(language for language in languages if language))
