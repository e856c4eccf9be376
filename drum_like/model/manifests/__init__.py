"""Directories that other products wrote: the files in which they describe a model."""

from pathlib import Path

from drum_like.model.manifests.manifest import Manifest
from drum_like.model.manifests.mlflow import FILE_NAME, read_mlmodel

__all__ = ["Manifest", "has_manifest", "read_manifest"]


def has_manifest(directory: Path) -> bool:
    """Return whether another product describes the model of a directory."""
    return (directory / FILE_NAME).is_file()


def read_manifest(directory: Path) -> Manifest:
    """Return the description of a directory that has one.

    Raises:
        LoadError: it cannot be read, or names no model that can be served.
    """
    return read_mlmodel(directory)
