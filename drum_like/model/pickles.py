"""Reads pickles, plain ones and joblib's, and the files of skops."""

import importlib
import mmap
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drum_like.api import ArtifactKind
from drum_like.errors import ArtifactError, PluginError

SKOPS = ArtifactKind("skops", (".skops",), lambda head: head[:4] == b"PK\x03\x04", runs_code=True)
"""A zip of skops. Whoever saved it says which types it brings along, and these may run code."""

_COMPRESSED = (b"\x1f\x8b", b"x\x01", b"x^", b"x\x9c", b"x\xda", b"BZh", b"\xfd7zXZ", b"]\x00\x00")
"""First bytes of gzip, zlib, bzip2, xz and lzma, with which joblib may have compressed a pickle."""


def read_pickle(path: Path) -> Any:
    """Load a pickle; joblib's own format is recognised by its content, not by its name.

    Raises:
        PluginError: joblib wrote the file and is not installed.
        Exception: whatever the pickle raises while it is read.
    """
    if _is_joblib(path):
        try:
            joblib: Any = importlib.import_module("joblib")
        except ImportError as error:
            raise PluginError(
                f"{path.name} was written by joblib, which does not import; "
                "install it with: pip install joblib"
            ) from error
        return joblib.load(path)
    with path.open("rb") as file:
        # A model directory is code, as custom.py beside it; --no-pickle refuses. The encoding is
        # DRUM's: pickles of Python 2 hold text as bytes.
        return pickle.load(file, encoding="latin1")  # noqa: S301 - the operator trusts it


def read_skops(path: Path, trusted: Sequence[str]) -> Any:
    """Load a model that skops saved.

    Args:
        path: The file.
        trusted: Types that it may bring along, beside those that skops itself trusts.

    Raises:
        PluginError: skops is not installed.
        ArtifactError: it brings other types along; names them.
        Exception: whatever skops raises while it reads.
    """
    try:
        skops: Any = importlib.import_module("skops.io")
    except ImportError as error:
        raise PluginError(
            f"{path.name} was written by skops, which does not import; "
            "install it with: pip install 'drum-like[skops]'"
        ) from error
    others = sorted(set(skops.get_untrusted_types(file=path)) - set(trusted))
    if others:
        raise ArtifactError(
            f"{path.name} brings types along that nobody has called trusted: "
            f"{', '.join(others[:10])}; save the model again with skops_trusted_types"
        )
    return skops.load(path, trusted=list(trusted))


def _is_joblib(path: Path) -> bool:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            begins = content[:6].startswith(_COMPRESSED)
            return begins or content.find(b"joblib.numpy_pickle") >= 0
