"""The languages of a model directory, recognised by file names as DRUM does."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
