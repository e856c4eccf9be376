"""A worker process: loads the model after the fork, reports the result, serves, and leaves."""

import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any, cast

from gunicorn.workers.base import Worker as GunicornWorker

from drum_like import logs
from drum_like.http.auth.authenticator import Admission
from drum_like.server.acceptor import ConnectionCounts
from drum_like.server.body_budget import BodyBudget
from drum_like.server.connection import Connection
from drum_like.server.event_loop import Loop, LoopCallbacks
from drum_like.server.limits import ClientLimits, LoopLimits
from drum_like.server.outlet import raw_output
from drum_like.server.refusals import Refuse, plain
from drum_like.server.request_cycle import CycleCallbacks, RequestCycle
from drum_like.server.request_head import BodyLimit, Heads, Reading, no_limit
from drum_like.server.spans import Spans
from drum_like.server.timeouts import Application, InFlight, Timed, Watchdog
from drum_like.server.tls import Certificate
from drum_like.server.worker_status import (
    NOT_LOADED,
    STOPPED,
    Recycler,
    Report,
    ReportPipe,
    State,
    failure,
)
from drum_like.system import cgroup
from drum_like.system.cpus import share
from drum_like.system.lifecycle import Background, disown_in_forks, end_copies
from drum_like.system.memory import keep_objects

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
"""The signals that stop a worker."""

_LOOK_AGAIN_S = 0.005
_HEARTBEAT_S = 1.0
_STUCK_THREADS_S = 0.2
_LAST_WORD_S = 0.1

_OF_UNIX_SOCKETS = ("", 0), ("localhost", 80)
"""The addresses of a client and of the server where a unix socket has none."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The application of a worker, with all that its server needs beside it.

    Attributes:
        wsgi: The application.
        counts: The connections of all workers.
        clients: The limits of clients.
        budget: The memory for bodies of all workers.
        background: The parts beside it, in the order of their start.
        lines: What it serves, for the operator.
        request_timeout_s: How long a request may run, 0 for ever.
        drain_delay_s: How long clients are taken still when the server stops.
        body_limit: The most bytes of a request's body; a longer one is not read, and the
            application refuses it.
        admission: Finds out who sends a request; None where everybody is let in.
        is_probe: Whether a request, by WSGI's variables, needs no model: it is answered at once.
        queue_timeout_s: How long a request may wait for its turn.
        stays: Whether its objects live as long as the worker; models of a catalog come and go.
        refuse: Makes the server's own answers to requests whose head is known.
        spans: Records requests that have ended; a part of the background.
        certificate: Makes the sockets of clients speak TLS; None for plain HTTP.
    """

    wsgi: Application
    counts: ConnectionCounts
    clients: ClientLimits
    budget: BodyBudget
    background: tuple[Background, ...] = ()
    lines: tuple[str, ...] = ()
    request_timeout_s: float = 0
    drain_delay_s: float = 0
    body_limit: BodyLimit = no_limit
    admission: Admission | None = None
    is_probe: Callable[[Mapping[str, Any]], bool] = lambda _: False
    queue_timeout_s: float = math.inf
    stays: bool = True
    refuse: Refuse = plain
    spans: Spans = field(default_factory=Spans)
    certificate: Certificate | None = None


Load = Callable[[int], Loaded]
"""Loads the model; the argument is the worker's slot in shared memory."""


class Worker(GunicornWorker):
    """gunicorn's worker with a reported load, time limits, and threads that lead in turn.

    It is made in the master, which looks at `pipe`, `slot` and `state`, and serves in the child.

    Attributes:
        pipe: To the master.
        slot: A number that no other live worker has.
        state: The last reported state, None while the model is loaded.
        failure: The report of the failed load.
        reason: Why it is replaced, if it said so.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A new heartbeat file bears the time of day, which is later than any time of the master's
        # clock: a worker whose interpreter is held before its first beat would never be missed.
        self.tmp.notify()
        self.pipe = ReportPipe()
        self.slot, self.reason, self._next_beat = 0, "", 0.0
        self.state: State | None = None
        self.failure: Report | None = None
        self._background: tuple[Background, ...] = ()
        self._stop_asked = self._told_retiring = False

    def init_process(self) -> None:
        """Load, then serve until told to stop."""
        self.pipe.keep_writer()
        self._recycler = Recycler(lambda: self.pipe.tell(Report(State.WORN), self.ppid))
        self._on_fork = [listener.close for listener in self.sockets]
        disown_in_forks(self, STOP_SIGNALS, self._on_fork)
        super().init_process()

    def init_signals(self) -> None:
        """Install the worker's handlers, then let in the signals sent since the fork."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def load_wsgi(self) -> None:
        """Load the model and tell the master about it."""
        load = cast(Load, self.app.wsgi())
        try:
            loaded = load(self.slot)
            self._begin(loaded)
        except Exception as error:  # noqa: BLE001 - the master has to report every error
            self.pipe.tell(failure(error), self.ppid)
            sys.exit(NOT_LOADED)
        if loaded.stays:
            keep_objects()
        self._recycler.begin()
        self.pipe.tell(Report(State.LOADED, lines=loaded.lines), self.ppid)

    def run(self) -> None:
        """Serve; background parts end after the last requests."""
        self._loop = self._make_loop()
        try:
            self._loop.start()
            self._look_after_it()
            self._leave()
        finally:
            self._end()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more requests, answer the rest; while the model loads there are none."""
        del sig, frame
        if not self.booted:
            # A SystemExit would be raised in the model's own code, which may catch it.
            os._exit(STOPPED)
        # Not here: a signal may interrupt the thread that holds the lock that a drain needs.
        self._stop_asked = True

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Leave at once."""
        if not self.booted:
            os._exit(STOPPED)
        super().handle_quit(sig, frame)

    def retire(self, reason: str = "stuck") -> None:
        """Take no more requests and have a new worker started at once."""
        self._tell_retiring(reason)
        self.alive = False
        self._awake()

    def abandon(self) -> None:
        """End the process although threads still run in it; nothing else would end them."""
        self._end()
        os._exit(0)

    def _begin(self, loaded: Loaded) -> None:
        calls = InFlight(refuse=loaded.refuse)
        self.wsgi = self._timed = Timed(loaded.wsgi, calls)
        self._reading = Reading(Heads(self.cfg), loaded.body_limit, loaded.admission, loaded.budget)
        self._loaded, self._background = loaded, (loaded.spans, *loaded.background)
        if limit_s := loaded.request_timeout_s:
            watchdog = Watchdog(calls, limit_s, retire=self.retire, abandon=self.abandon)
            self._background += (watchdog,)
        for background in self._background:
            background.start()

    def _make_loop(self) -> Loop:
        limits = LoopLimits(
            threads=self.cfg.threads,
            cpus=share(self.cfg.workers, cgroup.cpus()).native,
            clients=self._loaded.clients,
            queue_s=self._loaded.queue_timeout_s,
            budget=self._loaded.budget,
        )
        log = logs.AccessLog(as_json=logs.is_json(self.cfg.access_log_format), write=raw_output())
        worn, record = self._recycler.note_shortage, self._loaded.spans.recorder
        cycle = RequestCycle(self.cfg, log, self._timed, CycleCallbacks(self._keeps, worn, record))
        callbacks = LoopCallbacks(
            _connector(self.sockets, self._reading, self._loaded.certificate),
            *(cycle.answer, cycle.refuse, cycle.turn_away, cycle.drop),
            lambda received: self._loaded.is_probe(received.head.environ),
            self._awake,
        )
        self._loaded.counts.join(self.slot)
        loop = Loop(self.sockets, callbacks, limits, self._loaded.counts)
        self._on_fork += [loop.disown, cycle.disown]
        return loop

    def _keeps(self) -> bool:
        """Count a request, and return whether its connection may stay open after it."""
        self.nr += 1
        if self.nr == self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.retire("max_requests")
        return self.alive and bool(self.cfg.keepalive)

    def _look_after_it(self) -> None:
        """Beat, and keep the loop going, until this worker is to serve no more."""
        while self.alive:
            self._beat()
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                return
            if self._stop_asked:
                self._drain()
            else:
                self._sleep(_LOOK_AGAIN_S if self._loop.watch() else _HEARTBEAT_S)

    def _beat(self) -> None:
        """Give the master a sign of life, but not at each look: threads wait for each."""
        if (now := time.monotonic()) >= self._next_beat:
            self._next_beat = now + _HEARTBEAT_S
            self.notify()
            self._recycler.look()
            self._reading.budget.trim()

    def _drain(self) -> None:
        """Tell master and background, then take no more requests: the last probes must see it."""
        self._tell_retiring()
        for background in self._background:
            background.drain()
        self.alive = False

    def _leave(self) -> None:
        """Answer the requests in flight, and close idle connections.

        Where the whole server stops, now or meanwhile, clients that wait to be accepted are
        answered, too; all processes may have been told at once.
        """
        self._tell_retiring()
        now, counts, loop = time.monotonic(), self._loaded.counts, self._loop
        deadline, last_word = now + self.cfg.graceful_timeout, now + _LAST_WORD_S
        delayed = now + self._loaded.drain_delay_s
        self._look_on(lambda: counts.are_last and time.monotonic() < delayed)
        loop.drain()
        self._look_on(lambda: not counts.are_last and time.monotonic() < last_word)
        self._look_on(lambda: not counts.are_last and loop.is_busy and time.monotonic() < deadline)
        if counts.are_last:
            loop.end_accepting()
        self._look_on(lambda: loop.is_busy and time.monotonic() < deadline)

    def _look_on(self, goes_on: Callable[[], bool]) -> None:
        """Beat, and look after the loop, as long as a condition holds."""
        while goes_on():
            self._beat()
            self._sleep(_LOOK_AGAIN_S if self._loop.watch() else _HEARTBEAT_S / 10)

    def _sleep(self, seconds: float) -> None:
        """Sleep until a signal comes or `_awake` is called."""
        if select.select(self.PIPE[:1], [], [], seconds)[0]:
            os.read(self.PIPE[0], 4096)

    def _awake(self) -> None:
        with suppress(OSError):  # full: it wakes up anyhow
            os.write(self.PIPE[1], b"1")

    def _tell_retiring(self, reason: str = "") -> None:
        """Have the master start a new worker; the watchdog's thread may do so as well."""
        if not self._told_retiring:
            self._told_retiring = True
            self.pipe.tell(Report(State.RETIRING, reason=reason), self.ppid)

    def _end(self) -> None:
        self._loop.end(_STUCK_THREADS_S)
        for background in reversed(self._background):
            background.stop()
        end_copies()


def _connector(
    listeners: list[socket.socket], reading: Reading, certificate: Certificate | None
) -> Callable[[socket.socket, tuple[Any, Any]], Connection]:
    """Return the function that makes a connection of a client's socket, and two addresses."""
    make = partial(Connection, reading=reading)
    if certificate is None:
        connect: Callable[[socket.socket, tuple[Any, Any]], Connection] = make
    else:
        secure = certificate.secure

        def connect(sock: socket.socket, addresses: tuple[Any, Any]) -> Connection:
            return make(secure(sock), addresses)

    if listeners[0].family != socket.AF_UNIX:
        return connect
    return lambda sock, _: connect(sock, _OF_UNIX_SOCKETS)
