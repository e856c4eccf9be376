"""Directories that other products wrote: the files in which they describe a model."""

from collections.abc import Mapping
from pathlib import Path

from drum_like.errors import LoadError
from drum_like.model.manifests import mlflow, mlserver, triton
from drum_like.model.manifests.manifest import Manifest

__all__ = ["Manifest", "has_manifest", "model_directories", "read_manifest"]

_FILES = (mlflow.FILE_NAME, mlserver.FILE_NAME, triton.FILE_NAME)


def has_manifest(directory: Path) -> bool:
    """Return whether another product describes the model of a directory."""
    return _is_version(directory) or any((directory / name).is_file() for name in _FILES)


def read_manifest(directory: Path) -> Manifest:
    """Return the description of a directory that has one.

    Raises:
        LoadError: it cannot be read, or names no model that can be served.
    """
    if (directory / mlserver.FILE_NAME).is_file():
        return mlserver.read_settings(directory)
    if (directory / mlflow.FILE_NAME).is_file():
        return mlflow.read_mlmodel(directory)
    if not (directory / triton.FILE_NAME).is_file():
        return triton.read_config(directory.parent, directory)
    versions = triton.versions_of(directory)
    return triton.read_config(directory, list(versions.values())[-1] if versions else None)


def model_directories(root: Path, one: str) -> dict[str, dict[str, Path]]:
    """Return the directories below a folder by name and version, the oldest version first.

    Args:
        root: The folder: of model directories, or the repository of Triton or MLServer.
        one: The version of a model without versions.

    Raises:
        LoadError: two directories are the same version of a model.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(root.iterdir()):
        for name, version, place in _described(path) if path.is_dir() else ():
            other = found.setdefault(name, {}).setdefault(version or one, place)
            if other != place:
                raise LoadError(
                    f"{other.relative_to(root)} and {place.relative_to(root)} are both version "
                    f"{version or one} of {name!r}; change {mlserver.FILE_NAME} of one of them"
                )
    return {name: _in_order(versions) for name, versions in found.items()}


def _described(path: Path) -> list[tuple[str, str | None, Path]]:
    """Return the models of a directory; one that is no model says so when it is loaded."""
    try:
        return _models(path)
    except LoadError:
        return [(path.name, None, path)]


def _models(path: Path) -> list[tuple[str, str | None, Path]]:
    """Return the models of a directory: names, versions and their own directories."""
    if (path / mlserver.FILE_NAME).is_file():
        return [(*mlserver.identity_of(path), path)]
    if (path / triton.FILE_NAME).is_file():
        versions = triton.versions_of(path)
        return [(path.name, name, place) for name, place in versions.items()] or [
            (path.name, None, path)
        ]
    inner = [one for one in sorted(path.iterdir()) if (one / mlserver.FILE_NAME).is_file()]
    if inner and not (path / mlflow.FILE_NAME).is_file():
        return [(*mlserver.identity_of(one), one) for one in inner]
    return [(path.name, None, path)]


def _in_order(versions: Mapping[str, Path]) -> dict[str, Path]:
    """Return versions as numbers ascend, behind those that are no numbers."""
    names = sorted(
        versions, key=lambda name: (name.isdecimal(), len(name) * name.isdecimal(), name)
    )
    return {name: versions[name] for name in names}


def _is_version(directory: Path) -> bool:
    return directory.name.isdecimal() and (directory.parent / triton.FILE_NAME).is_file()
