"""The files of a manifest: its own text, those that it names, and the kind of its model file."""

from pathlib import Path, PurePosixPath

from drum_like.errors import ArtifactError, LoadError
from drum_like.model.artifact import Artifact, artifact_kinds
from drum_like.model.directory import HEAD_BYTES
from drum_like.model.pickles import SKOPS
from drum_like.types.names import Names

MOST_BYTES = 8 << 20
"""Size of a description: the signature of 10,000 columns takes 1 MiB."""


def artifact_of(path: Path, framework: str, *, pickled: bool, types: Names = ()) -> Artifact:
    """Return the model file of a framework; its first bytes tell its format, not its suffix.

    Args:
        path: The file.
        framework: Name of the predictor that serves it.
        pickled: Whether it may be a pickle.
        types: Those that a file of skops may bring along.

    Raises:
        ArtifactError: the file is not there, or of no format that the framework's predictor reads.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise ArtifactError(f"{path.name}, the model file, is not there or not readable") from error
    kinds = artifact_kinds()
    own = [kind for kind in kinds if kind.predictor == framework and kind.claims(head)]
    if own:
        return Artifact(path, own[0])
    if pickled and SKOPS.claims(head):
        return Artifact(path, SKOPS, types)
    if pickled:
        pickles = [kind for kind in kinds if kind.predictor is None]
        named = [kind for kind in pickles if path.name.lower().endswith(kind.suffixes)]
        return Artifact(path, (named or pickles)[0])
    formats = ", ".join(kind.name for kind in kinds if kind.predictor == framework)
    raise ArtifactError(
        f"{path.name} is of no format that is read here for {framework} ({formats}); save the "
        "model again"
    )


def inside(directory: Path, name: str, file: str) -> Path:
    """Return the path of a file that a description names below its directory.

    Raises:
        LoadError: it leads elsewhere.
    """
    plain = PurePosixPath(name.replace("\\", "/"))
    if not name or "\0" in name or plain.is_absolute() or ".." in plain.parts:
        raise LoadError(f"{file} names a file outside its directory; give a path below it")
    return directory / plain


def text_of(path: Path) -> str:
    """Return the text of a description.

    Raises:
        LoadError: it is no UTF-8 text, or longer than any description.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LoadError(f"{path.name} has more than {MOST_BYTES >> 20} MiB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{path.name} cannot be read as UTF-8 text") from error
