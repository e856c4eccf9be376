"""Background checks of new versions, and garbage collection of unreferenced files."""

import time
from functools import partial
from threading import BoundedSemaphore, Event
from uuid import uuid4

from drum_like.errors import DrumLikeError, StoreError
from drum_like.registry.inspection import Examined, Policy
from drum_like.registry.loader import made_directory, model_directory
from drum_like.registry.sandbox.runner import InterruptedTrialError, run_in_sandbox
from drum_like.registry.sandbox.task import SandboxLimits, SandboxResult, fingerprint, limits_of
from drum_like.registry.stored_model import StoredModel
from drum_like.store.check_queue import Outcome
from drum_like.store.entities import Declared, Version
from drum_like.store.store import Store
from drum_like.store.upload_file import Received
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
        result = run_in_sandbox(stored, limits, no_pickle=self._no_pickle, cancelled=cancelled)
        if result.is_good:
            self._store.checks.remember_good(key)
        return result

    def _key(self, digest: str, kind: str, declared: Declared) -> str:
        return fingerprint(digest, kind, declared, no_pickle=self._no_pickle)


def _known() -> SandboxResult:
    return SandboxResult(None, ("the same file was loaded before, with the same frameworks",))


def _lines(result: SandboxResult) -> tuple[str, ...]:
    """Return the lines that end the check in the log of a version."""
    last = "ready" if result.error is None else f"error: {result.error}"
    return (*result.lines, last)
