"""The files of a store, named by the digest of their bytes.

    blobs/ab/abcdef...     what was uploaded, read-only, shared by versions with the same bytes
    directories/<key>/     model directories made from them; can be made again at any time
    incoming/              uploads under way

A file is written aside, brought to the disk, and renamed into its place inside the transaction
that records it. A kill leaves at worst an unreferenced file, which `sweep` finds.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from drum_like.errors import ArtifactError
from drum_like.store.upload_file import Incoming, Received, is_held, storing, sync_folder

ORPHAN_AGE_S = 3600.0
"""Age in seconds from which an unreferenced file is removed."""


class Files:
    """The files below one directory.

    Args:
        root: The directory; made when it is missing.

    Attributes:
        incoming: The directory of uploads under way.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs"
        self._directories = root / "directories"
        self.incoming = root / "incoming"
        with storing():
            for folder in (self._blobs, self._directories, self.incoming):
                folder.mkdir(parents=True, exist_ok=True)

    def receive(self, max_bytes: int) -> Incoming:
        """Return a new file to write an upload to."""
        return Incoming(self.incoming, max_bytes)

    def blob(self, sha256: str) -> Path:
        """Return the path of the file with this digest."""
        return self._blobs / sha256[:2] / sha256

    def directory(self, key: str) -> Path:
        """Return the path of the model directory of that key, which may be missing."""
        return self._directories / key

    def holds(self, received: Received) -> bool:
        """Return whether the same bytes are in their place already, undamaged."""
        try:
            self.check(received.sha256)
        except ArtifactError:
            return False
        return True

    def publish(self, received: Received, *, keep: bool = False) -> None:
        """Move a file to its place, for good.

        Args:
            received: The file.
            keep: Leave the file that is there, if one is: directories have been made from it.

        Raises:
            StoreError: the disk does not take it.
        """
        path = self.blob(received.sha256)
        with storing():
            if keep and path.exists():
                os.utime(path)
                return
            path.parent.mkdir(exist_ok=True)
            received.path.replace(path)
            sync_folder(path.parent)
            sync_folder(self._blobs)  # a folder that is there may be that of a killed process

    def check(self, sha256: str) -> Path:
        """Return the path of a file after comparing its bytes with its digest.

        Raises:
            ArtifactError: the file is gone, or is not what was stored.
        """
        path = self.blob(sha256)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ArtifactError(
                f"the file {sha256[:12]} of the store cannot be read ({type(error).__name__}); "
                "upload the version again"
            ) from error
        if found != sha256:
            raise ArtifactError(
                f"the file {sha256[:12]} of the store is not what was uploaded: its digest is "
                f"{found[:12]}; upload the version again"
            )
        return path

    def aside(self, name: str) -> Path:
        """Return a path for temporary work; `sweep` removes leftovers there."""
        return self.incoming / name

    def place_directory(self, made: Path, key: str) -> Path:
        """Move a model directory to its place, unless another process was faster."""
        target = self.directory(key)
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            shutil.rmtree(made, ignore_errors=True)
        return target

    def remove(self, sha256: str) -> int:
        """Remove a file and the directories made from it; return the bytes of the file.

        Raises:
            StoreError: the disk does not let it go.
        """
        path = self.blob(sha256)
        with storing():
            size = path.stat().st_size if path.exists() else 0
            path.unlink(missing_ok=True)
        for directory in self._directories.glob(f"{sha256}*"):
            shutil.rmtree(directory, ignore_errors=True)
        return size

    def orphans(self, referenced: Collection[str], older_than_s: float) -> Iterator[str]:
        """Yield the digests of unreferenced files that have not changed lately."""
        before = time.time() - older_than_s
        for path in self._blobs.glob("??/*"):
            if path.name not in referenced and _changed(path) < before:
                yield path.name
        known = {path.name for path in self._blobs.glob("??/*")}
        for directory in self._directories.iterdir():
            digest = directory.name.partition("-")[0]
            if digest not in known and _changed(directory) < before:
                yield digest

    def sweep_incoming(self, older_than_s: float) -> int:
        """Remove leftovers of uploads that ended with their process; return their number."""
        before = time.time() - older_than_s
        old = [path for path in self.incoming.iterdir() if _changed(path) < before]
        stale = [path for path in old if not is_held(path)]
        for path in stale:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(stale)


def _changed(path: Path) -> float:
    """Return when a file changed last, as seconds since 1970; in the future if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
