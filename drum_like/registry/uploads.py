"""Uploads: files that are received, inspected, tried and stored; and the checks of stored ones."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore, Event
from uuid import uuid4

from drum_like.errors import DrumLikeError, StoreError, UploadError
from drum_like.registry.inspection import Examined, Policy, examine
from drum_like.registry.loader import made_directory, model_directory
from drum_like.registry.sandbox.runner import InterruptedTrialError, run_in_sandbox
from drum_like.registry.sandbox.task import SandboxLimits, SandboxResult, fingerprint, limits_of
from drum_like.registry.stored_model import StoredModel, target_type_of
from drum_like.store.check_queue import Outcome
from drum_like.store.entities import IMAGE, Declared, NewVersion, Status, Version
from drum_like.store.names import check_model_name
from drum_like.store.store import Store
from drum_like.store.upload_file import Incoming, Received
from drum_like.store.versions import File
from drum_like.system import audit
from drum_like.system.lifecycle import PeriodicTask

_PAUSE_S = 1.0
_SWEEP_S = 3600.0
_CHECKS = 3
"""Stored models that are checked side by side: one that never ends does not hold the others."""

_TRIALS = 2
"""The same of uploads that wait for the result."""

_SLACK_S = 60.0
"""Time that a lease is longer than a trial: for unpacking, and for a busy machine."""


class Verifier:
    """The checks of one worker.

    Args:
        store: Where versions are.
        policy: Limits on stored files.
    """

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._no_pickle = not policy.pickles
        self._policy = policy
        self._owner = str(uuid4())
        self._trials = BoundedSemaphore(_TRIALS)
        self._swept_at = float("-inf")
        self.threads = tuple(
            PeriodicTask(f"checks of stored models, {n}", partial(self._round, n), _PAUSE_S)
            for n in range(_CHECKS)
        )

    def judge(self, received: Received, examined: Examined, declared: Declared) -> SandboxResult:
        """Return whether a file that is not stored yet can be served.

        Raises:
            ArchiveError: the zip cannot be unpacked.
            StoreError: the disk does not take it.
        """
        key = self._key(received.sha256, examined.format, declared)
        if self._store.checks.is_known_good(key):
            return _known()
        files, bounds = self._store.files, self._policy.bounds
        with made_directory(files, received.path, examined.format, bounds) as directory:
            stored = StoredModel(directory, examined.runs_code, declared)
            with self._trials:
                # Uploads of the same file that came together wait here for the first of them.
                if self._store.checks.is_known_good(key):
                    return _known()
                return self._tried(stored, received.size, key)

    def wake(self) -> None:
        """Let the checks of new versions begin at once."""
        for thread in self.threads:
            thread.wake()

    def _round(self, thread: int) -> bool:
        """Check one version in a thread; True if there may be more."""
        if time.monotonic() - self._swept_at > _SWEEP_S:
            self._swept_at = time.monotonic()
            self._store.sweep()
        lease_s = SandboxLimits().wall_s + _SLACK_S
        version = self._store.checks.claim(self._owner, lease_s)
        if version is None:
            return False
        try:
            result = self._checked(version, self.threads[thread].ending)
        except InterruptedTrialError:
            self._store.checks.release(version.id, self._owner)
            return False
        outcome = Outcome(result.error, _lines(result))
        self._store.checks.finish(version.id, self._owner, outcome)
        return True

    def _checked(self, version: Version, cancelled: Event) -> SandboxResult:
        key = self._key(version.sha256, version.format, version.declared)
        if self._store.checks.is_known_good(key):
            return _known()
        try:
            directory = model_directory(
                self._store.files, version.sha256, version.format, self._policy.bounds
            )
        except StoreError:
            raise
        except DrumLikeError as error:
            return SandboxResult(str(error))
        stored = StoredModel(directory, version.runs_code, version.declared)
        return self._tried(stored, version.size, key, cancelled)

    def _tried(
        self, stored: StoredModel, size: int, key: str, cancelled: Event | None = None
    ) -> SandboxResult:
        limits = limits_of(size, runs_code=stored.runs_code)
        result = run_in_sandbox(
            stored,
            limits,
            no_pickle=self._no_pickle,
            skops_types=self._policy.skops_types,
            cancelled=cancelled,
        )
        if result.is_good:
            self._store.checks.remember_good(key)
        return result

    def _key(self, digest: str, kind: str, declared: Declared) -> str:
        types = self._policy.skops_types
        return fingerprint(digest, kind, declared, no_pickle=self._no_pickle, skops_types=types)


def _known() -> SandboxResult:
    return SandboxResult(None, ("the same file was loaded before, with the same frameworks",))


def _lines(result: SandboxResult) -> tuple[str, ...]:
    """Return the lines that end the check in the log of a version."""
    last = "ready" if result.error is None else f"error: {result.error}"
    return (*result.lines, last)


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
        folder: Where they may lie on the disk while they come; None if that is memory.
    """

    store: Store
    verifier: Verifier
    policy: Policy
    max_mb: int
    on_stored: Callable[[], object]
    folder: Path | None = None

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
        audit.about(model=new.name)
        file = self._file(new, incoming)
        version = self._add(new, file, Status.PENDING, _receipt(file))
        self.verifier.wake()
        return version

    def accept_checked(self, new: NewVersion, incoming: Incoming) -> Version:
        """Store an upload as a version that is ready, after a trial.

        Raises:
            UploadError: it cannot be stored, or not be served; nothing is stored then.
            NotFoundError: there is no such workspace.
            StoreError: the disk or the database fails; nothing is stored then.
        """
        audit.about(model=new.name)
        self.store.workspaces.get(new.workspace_id)
        file = self._file(new, incoming)
        result = self.verifier.judge(
            incoming.received(), Examined(file.format, file.runs_code), new.declared
        )
        if result.error is not None:
            raise UploadError(result.error)
        lines = (*_receipt(file), *result.lines, "ready")
        return self._add(new, file, Status.READY, lines)

    def register_image(self, new: NewVersion, image_path: str) -> Version:
        """Store a version that is a container image: it has no file, and is not served here.

        Raises:
            UploadError: the name cannot be that of a model.
            NotFoundError: there is no such workspace.
        """
        file = File(None, hashlib.sha256(b"").hexdigest(), 0, IMAGE, image_path=image_path)
        audit.about(model=new.name)
        return self._add(new, file, Status.READY, (f"registered {image_path}",))

    def _add(self, new: NewVersion, file: File, status: Status, lines: tuple[str, ...]) -> Version:
        version = self.store.versions.add(new, file, status, lines)
        audit.about(version=version.number)
        self.on_stored()
        return version

    def _file(self, new: NewVersion, incoming: Incoming) -> File:
        check_model_name(new.name)
        target_type_of(new.declared)
        received = incoming.received()
        examined = examine(received.path, new, self.policy)
        return File(received, received.sha256, received.size, examined.format, examined.runs_code)


def _receipt(file: File) -> tuple[str, ...]:
    return (f"received {file.size} bytes, sha256 {file.sha256}, format {file.format}",)
