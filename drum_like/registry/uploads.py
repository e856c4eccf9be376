"""Uploads: files that are received, inspected, tried and stored."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from drum_like.errors import UploadError
from drum_like.registry.inspection import Examined, Policy, examine
from drum_like.registry.stored_model import target_type_of
from drum_like.registry.verifier import Verifier
from drum_like.store.entities import IMAGE, NewVersion, Status, Version
from drum_like.store.names import check_model_name
from drum_like.store.store import Store
from drum_like.store.upload_file import Incoming
from drum_like.store.versions import File

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Uploads:
    """Service that stores uploads as versions.

    Attributes:
        store: Where they go.
        verifier: Tries them.
        policy: Limits on stored files.
        max_mb: Largest file, in MiB.
        on_stored: Called after each; learns of it at once in this worker.
    """

    store: Store
    verifier: Verifier
    policy: Policy
    max_mb: int
    on_stored: Callable[[], object]

    def receive(self) -> Incoming:
        """Return a file to write an upload to; use it in a `with` block.

        Raises:
            StoreError: the disk does not take it.
        """
        return self.store.files.receive(self.max_mb * _MIB)

    def accept(self, new: NewVersion, incoming: Incoming) -> Version:
        """Store an upload as a version that is checked in the background.

        Raises:
            UploadError: it cannot be stored; its subclasses give the reason.
            NotFoundError: there is no such workspace.
            StoreError: the disk or the database fails; nothing is stored then.
        """
        file = self._file(new, incoming)
        version = self.store.versions.add(new, file, Status.PENDING, _lines(file))
        self.on_stored()
        self.verifier.wake()
        return version

    def accept_checked(self, new: NewVersion, incoming: Incoming) -> Version:
        """Store an upload as a version that is ready, after a trial.

        Raises:
            UploadError: it cannot be stored, or not be served; nothing is stored then.
            NotFoundError: there is no such workspace.
            StoreError: the disk or the database fails; nothing is stored then.
        """
        self.store.workspaces.get(new.workspace_id)
        file = self._file(new, incoming)
        result = self.verifier.judge(
            incoming.received(), Examined(file.format, file.runs_code), new.declared
        )
        if result.error is not None:
            raise UploadError(result.error)
        lines = (*_lines(file), *result.lines, "ready")
        version = self.store.versions.add(new, file, Status.READY, lines)
        self.on_stored()
        return version

    def register_image(self, new: NewVersion, image_path: str) -> Version:
        """Store a version that is a container image: it has no file, and is not served here.

        Raises:
            UploadError: the name cannot be that of a model.
            NotFoundError: there is no such workspace.
        """
        file = File(None, hashlib.sha256(b"").hexdigest(), 0, IMAGE, image_path=image_path)
        version = self.store.versions.add(new, file, Status.READY, (f"registered {image_path}",))
        self.on_stored()
        return version

    def _file(self, new: NewVersion, incoming: Incoming) -> File:
        check_model_name(new.name)
        target_type_of(new.declared)
        received = incoming.received()
        examined = examine(received.path, new, self.policy)
        return File(received, received.sha256, received.size, examined.format, examined.runs_code)


def _lines(file: File) -> tuple[str, ...]:
    return (f"received {file.size} bytes, sha256 {file.sha256}, format {file.format}",)
