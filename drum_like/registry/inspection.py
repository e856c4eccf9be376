"""Inspection of uploaded files by name and first bytes; loads nothing."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from drum_like import plugins
from drum_like.api import ArtifactKind
from drum_like.errors import ArchiveError, CodeError, UploadError
from drum_like.model.directory import HEAD_BYTES
from drum_like.model.pickles import SKOPS
from drum_like.store.archive import NOT_A_ZIP, Bounds, file_names
from drum_like.store.entities import ZIP, NewVersion

_ZIP_SUFFIX = ".zip"
_CODE = "custom.py"
"""The file of a model directory, at any depth, that is run; others are only run by it."""


@dataclass(frozen=True, slots=True)
class Examined:
    """Result of an inspection: the kind of a file.

    Attributes:
        format: Name of the kind of artifact, or ZIP.
        runs_code: Whether loading it can run code that it brings along.
    """

    format: str
    runs_code: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits on the files that may be stored.

    Attributes:
        code: Whether models that run code may.
        pickles: Whether pickles may, if code may.
        skops_types: Types that files of skops may bring along, which run no other code then; None
            where each file's own directory names them.
        bounds: Of zip files.
    """

    code: bool = False
    pickles: bool = True
    skops_types: tuple[str, ...] | None = None
    bounds: Bounds = field(default_factory=Bounds)


def examine(path: Path, new: NewVersion, policy: Policy) -> Examined:
    """Determine the kind of an uploaded file.

    Its suffix decides, and its first bytes have to agree; without a known suffix the first bytes
    alone decide, but never for a pickle.

    Args:
        path: Where it lies.
        new: The uploader's declaration.
        policy: Limits on stored files.

    Raises:
        ArchiveError: it is no zip that can be unpacked safely.
        CodeError: it runs code, and that is not allowed.
        UploadError: it is of no kind that can be served, or of none that the uploader names.
    """
    if new.as_zip and not zipfile.is_zipfile(path):
        raise ArchiveError(NOT_A_ZIP)
    suffix = PurePosixPath((new.file_name or "").replace("\\", "/")).suffix.lower()
    if new.as_zip or suffix == _ZIP_SUFFIX:
        examined = _archive(path, policy)
    else:
        examined = _single(path, suffix, new, policy)
    if new.formats and examined.format not in new.formats:
        raise UploadError(
            f"a file of the format {' or '.join(new.formats)} was expected, but this is "
            f"{examined.format}; say what it is, or save the model again"
        )
    if examined.runs_code and not policy.code:
        raise CodeError(
            "this model runs code when it is loaded (a pickle, or a zip with a custom.py), which "
            "is not allowed here without --allow-code-uploads; save it as ONNX, XGBoost JSON or "
            "UBJ, or LightGBM text"
        )
    return examined


def kind_named(name: str) -> ArtifactKind:
    """Return the kind of artifact of that name.

    Raises:
        PluginError: the plugin that brings it is not installed.
    """
    kind: ArtifactKind = plugins.load(plugins.ARTIFACTS, name)
    return kind


def _single(path: Path, suffix: str, new: NewVersion, policy: Policy) -> Examined:
    """Determine the kind of a file that its uploader does not declare as a zip."""
    kinds = {
        name: kind for name, kind in _kinds().items() if not new.formats or name in new.formats
    }
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    named = {name: kind for name, kind in kinds.items() if suffix in kind.suffixes}
    if not named and zipfile.is_zipfile(path):
        return _archive(path, policy)
    safe = {name: kind for name, kind in kinds.items() if not kind.runs_code}
    found = [(name, kind) for name, kind in (named or safe).items() if kind.claims(head)]
    if not head or not found:
        raise UploadError(_unknown(suffix, new.formats, is_known=bool(named)))
    name, kind = found[0]
    if kind.runs_code and not policy.pickles:
        raise CodeError(f"{kind.name} files can run code, and --no-pickle is set")
    return Examined(name, kind.runs_code)


def _archive(path: Path, policy: Policy) -> Examined:
    names = file_names(path, policy.bounds)
    if not names:
        raise ArchiveError("the zip file is empty; pack a model directory")
    paths = [PurePosixPath(name.lower()) for name in names]
    kinds = (*_kinds().values(), *([SKOPS] if policy.skops_types is None else []))
    suffixes = {suffix for kind in kinds if kind.runs_code for suffix in kind.suffixes}
    has_pickle = any(path.suffix in suffixes for path in paths)
    if has_pickle and not policy.pickles:
        raise CodeError("the zip file holds a pickle, which can run code, and --no-pickle is set")
    has_code = any(path.name == _CODE for path in paths)
    return Examined(ZIP, runs_code=has_pickle or has_code)


def _kinds() -> dict[str, ArtifactKind]:
    return {name: kind_named(name) for name in sorted(plugins.registered(plugins.ARTIFACTS))}


def _unknown(suffix: str, formats: tuple[str, ...], *, is_known: bool) -> str:
    if is_known:
        return f"the file is not what its suffix {suffix} says; save the model again"
    if formats:
        return f"a file of the format {' or '.join(formats)} was expected, but this is none"
    known = {suffix for kind in _kinds().values() for suffix in kind.suffixes} | {_ZIP_SUFFIX}
    return (
        f"a model file has one of the suffixes {', '.join(sorted(known))}, but this one is of no "
        f"kind that is known ({suffix or 'it has no suffix'})"
    )
