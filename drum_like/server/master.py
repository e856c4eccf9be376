"""The master process: starts workers with care, replaces them, and survives their failures.

It differs from gunicorn's arbiter in these points. The first worker's load is the check of the
model: more workers start only after it, and if it fails the program ends with one message. Later
failures are tried again after 1, 2, 4 ... 30 s; a worker that was killed while it loaded is no
failure, and is replaced at once. No exit code of a worker ends the server (gunicorn
ends on 3 and 4, which a hook may use). At a reload the old workers leave only as new ones have
loaded, and a worker that takes no more requests is replaced before it is gone. Loading has no
time limit; a quick stop has one.
"""

import itertools
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger

from drum_like.server.acceptor import ConnectionCounts
from drum_like.server.body_budget import BodyBudget
from drum_like.server.worker import STOP_SIGNALS, Worker
from drum_like.server.worker_status import (
    Report,
    State,
    death,
    how_it_ended,
    is_from_outside,
    no_process,
)
from drum_like.system import cgroup
from drum_like.system.instruments import SERIES
from drum_like.system.metrics import WORKER_ENDS

LONGEST_PAUSE_S = 30
"""Longest time between two attempts to load a model that did not load."""

MOST_KILLED = 5
"""Workers in a row that may be killed while they load before there is a pause between them."""

KILLED_PAUSE_S = 1.0
"""That pause: something may kill every process that takes the memory that a model needs."""

QUICK_STOP_S = 2
"""Time that workers get to end when they are not to finish their requests."""

_LOOK_S = 0.1
"""Time between two looks at workers that end."""

STOOD_STILL_S = 5.0
"""Time between two looks at the workers, once a second, that tells that the master stood still."""


class Master(Arbiter):
    """gunicorn's arbiter, changed as the module's docstring tells.

    Args:
        app: The application that the workers load.
        on_loaded: Called once, with the first worker's report.
        counts: The connections of all workers.
        budget: The memory for bodies of all workers.

    Attributes:
        failure: The report of the failed load at the first start, None if it succeeded.
    """

    # Exit codes are never negative: the master does not end with a worker.
    WORKER_BOOT_ERROR = -1
    APP_LOAD_ERROR = -1

    log: Logger

    def __init__(
        self,
        app: BaseApplication,
        on_loaded: Callable[[Report], None],
        counts: ConnectionCounts,
        budget: BodyBudget,
    ) -> None:
        super().__init__(app)
        self.failure: Report | None = None
        self._on_loaded, self._counts, self._budget = on_loaded, counts, budget
        self._has_loaded = False
        self._stopping = False
        self._failures = 0
        self._n_killed = 0
        self._n_oom_kills = cgroup.oom_kills()
        self._not_before = 0.0
        self._last_look = time.monotonic()

    @property
    def workers(self) -> list[Worker]:
        """The living workers, the oldest first."""
        known = (worker for worker in self.WORKERS.values() if isinstance(worker, Worker))
        return sorted(known, key=lambda worker: worker.age)

    def wait_for_signals(self, timeout: float | None = 1.0) -> list[int]:
        """Return the signals that came, after reading the reports of the workers."""
        signals = super().wait_for_signals(timeout)
        for worker in self.workers:
            self._read(worker)
        return signals

    def manage_workers(self) -> None:
        """Start missing workers; end surplus loaded ones, the worn first, then the oldest."""
        self.spawn_workers()
        worn = [worker for worker in self.workers if worker.state is State.WORN]
        serving = worn + [worker for worker in self.workers if worker.state is State.LOADED]
        for worker in serving[: max(0, len(serving) - self.num_workers)]:
            worker.reason = "memory" if worker.state is State.WORN else "reload"
            worker.state = State.RETIRING
            self.kill_worker(int(worker.pid), signal.SIGTERM)

    def spawn_workers(self) -> None:
        """Start missing workers, one at a time until one has loaded."""
        if time.monotonic() < self._not_before:
            return
        staying = [one for one in self.workers if one.state not in (State.WORN, State.RETIRING)]
        missing = self.num_workers - len(staying)
        if self._failures or not self._has_loaded:
            loading = any(worker.state is not State.LOADED for worker in staying)
            missing = min(missing, 0 if loading else 1)
        if failure := _start(self, missing):
            self._not_loaded(failure)

    def spawn_worker(self) -> int:
        """Fork a worker; only the master returns.

        Signals to stop wait until the worker has handlers of its own: until then it has the
        master's, which would only note them.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            pid = super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        worker = self.WORKERS[pid]
        if isinstance(worker, Worker):
            worker.pipe.keep_reader()
        return pid

    def reload(self) -> None:
        """Load the model anew in new workers; they take over one by one.

        Ignored while workers load: each further signal would add as many processes with a model.
        """
        if any(worker.state is None for worker in self.workers):
            self.log.warning("SIGHUP is ignored: workers are loading the model already")
            return
        self.app.reload()
        if failure := _start(self, self.num_workers):
            self.log.error("SIGHUP: %s; send it again later", failure.message)

    def handle_usr2(self) -> None:
        """Refuse to run a second master beside this one."""
        self.log.warning("SIGUSR2 is not supported; SIGHUP loads the model anew")

    def murder_workers(self) -> None:
        """End workers that give no sign of life, except those that load: that takes its time.

        If this process has stood still itself, so has the whole container, and no beat came.
        """
        now = time.monotonic()
        stood_still, self._last_look = now - self._last_look > STOOD_STILL_S, now
        for worker in self.workers:
            if worker.state is None or stood_still:
                worker.tmp.notify()
        super().murder_workers()

    def reap_workers(self) -> None:
        """Note which children have ended; those that are not ours happen to be so as process 1."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            worker = self.WORKERS.pop(pid, None)
            if isinstance(worker, Worker):
                self._bury(worker, os.waitstatus_to_exitcode(status))

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """End the workers, after their requests or soon."""
        self._stopping = True
        self._counts.end()
        for listener in self.LISTENERS:
            listener.close()
        self.LISTENERS.clear()
        end_workers(self, self.cfg.graceful_timeout if graceful else 0)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End the workers and the program; at once if the model does not load."""
        if self.failure is None:
            super().halt(reason, exit_status)
        self.stop(graceful=False)
        raise SystemExit(exit_status)

    def _read(self, worker: Worker) -> None:
        """Read the reports of a worker, and note them."""
        for report in worker.pipe.received():
            worker.state, worker.reason = report.state, report.reason or worker.reason
            if report.state is State.FAILED:
                worker.failure = report
            elif report.state is State.LOADED:
                self._failures = self._n_killed = 0
                if not self._has_loaded:
                    self._on_loaded(report)
                self._has_loaded = True

    def _bury(self, worker: Worker, exit_code: int) -> None:
        """Free the resources of an ended worker, and log why it ended if that is not usual."""
        self._read(worker)
        worker.pipe.close()
        worker.tmp.close()
        for shared in (self._counts, self._budget, SERIES):
            shared.clear(worker.slot)
        if self._stopping:
            return
        WORKER_ENDS.add(_reason(worker, exit_code))
        if worker.state in (State.LOADED, State.WORN, State.RETIRING):
            if exit_code:
                self.log.error("worker %s %s; it is replaced", worker.pid, how_it_ended(exit_code))
        elif worker.failure is None and self._was_killed(exit_code):
            text = "worker %s %s while it loaded the model; it is replaced"
            self.log.error(text, worker.pid, how_it_ended(exit_code))
        else:
            self._not_loaded(worker.failure or death(exit_code))

    def _was_killed(self, exit_code: int) -> bool:
        """Return whether a worker that loaded was ended for no fault of its model's.

        The kernel's hunt for memory is such a fault, and so are kills that meet every first worker.
        """
        n_before, self._n_oom_kills = self._n_oom_kills, cgroup.oom_kills()
        if not is_from_outside(exit_code) or self._n_oom_kills > n_before:
            return False
        self._n_killed += 1
        if self._n_killed >= MOST_KILLED:
            self._not_before = time.monotonic() + KILLED_PAUSE_S
        return self._has_loaded or self._n_killed < MOST_KILLED

    def _not_loaded(self, failure: Report) -> None:
        """End the program if no worker could ever load the model, else try again later."""
        if not self._has_loaded:
            self.failure = failure
            raise HaltServer(failure.message, failure.exit_code)
        pause_s = min(LONGEST_PAUSE_S, 2 ** min(self._failures, 5))
        self._failures += 1
        self._not_before = time.monotonic() + pause_s
        self.log.error(
            "a worker cannot load the model: %s; next attempt in %s s", failure.message, pause_s
        )


def _reason(worker: Worker, exit_code: int) -> str:
    """Return why a worker has ended, as the metrics have it."""
    if worker.aborted:
        return "hung"
    if worker.failure is not None or (worker.state is None and not is_from_outside(exit_code)):
        return "not_loaded"
    if exit_code < 0:
        return "killed" if -exit_code == signal.SIGKILL else "crashed"
    return worker.reason or ("exited" if exit_code else "stopped")


def give_slot(master: Arbiter, worker: Worker) -> None:
    """Give a worker the lowest number that no living one has; called before the fork."""
    taken = {other.slot for other in master.WORKERS.values() if isinstance(other, Worker)}
    worker.slot = next(number for number in itertools.count() if number not in taken)


def _start(master: Master, number: int) -> Report | None:
    """Start workers; return the report of the failure if the system starts no more processes."""
    mask = os.umask(0)
    os.umask(mask)
    try:
        for _ in range(number):
            master.spawn_worker()
    except OSError as error:
        os.umask(mask)  # gunicorn changes it while it makes a file
        return no_process(error)
    return None


def end_workers(master: Arbiter, patience_s: float) -> None:
    """End all workers, and wait until they are gone; what does not end in time is killed.

    Args:
        master: Whose workers they are.
        patience_s: Time that they have for their requests; 0 to end them soon.
    """
    graceful = patience_s > 0
    master.kill_workers(signal.SIGTERM if graceful else signal.SIGQUIT)
    # Not the wall clock, which may be set meanwhile.
    limit = time.monotonic() + (patience_s or QUICK_STOP_S)
    while master.WORKERS and time.monotonic() < limit:
        if _is_hurried(master) and graceful:
            graceful = False
            master.kill_workers(signal.SIGQUIT)
            limit = time.monotonic() + QUICK_STOP_S
        master.reap_workers()
    master.kill_workers(signal.SIGKILL)
    master.reap_workers()


def _is_hurried(master: Arbiter) -> bool:
    """Wait a moment for a signal; return whether one came that says to stop soon."""
    with suppress(Empty):
        return master.SIG_QUEUE.get(timeout=_LOOK_S) in (signal.SIGINT, signal.SIGQUIT)
    return False
