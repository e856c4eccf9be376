"""A worker process: loads the model after the fork, says how that went, serves, leaves in order."""

import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

from gunicorn.workers.gthread import TConn, ThreadWorker

from drum_like import logs
from drum_like.lifecycle import Background
from drum_like.server.deadlines import Application, InFlight, Timed, Watchdog
from drum_like.server.lingering import Lingering
from drum_like.server.reports import Report, ReportPipe, State, failure

NOT_LOADED = 70
"""Exit code of a worker that could not load the model; the master knows the rest by the pipe."""

SILENCE_S = 30
"""Time that a client may send nothing in the middle of its request; a thread waits for it."""

_SILENCE = struct.pack("ll", SILENCE_S, 0)


STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
"""What tells a worker to stop."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a worker serves.

    Attributes:
        wsgi: The application.
        background: What lives beside it, in the order of starting.
        lines: What it serves, for the operator.
        request_timeout_s: How long a request may run, 0 for ever.
    """

    wsgi: Application
    background: tuple[Background, ...] = ()
    lines: tuple[str, ...] = ()
    request_timeout_s: float = 0


Load = Callable[[int], Loaded]
"""Loads the model; the argument is the worker's slot in shared memory."""


class Worker(ThreadWorker):
    """gunicorn's threaded worker with a load that is reported and requests that end.

    It is made in the master, where `pipe`, `slot` and `state` are of interest, and serves in the
    child.

    Attributes:
        pipe: To the master.
        slot: A number that no other live worker has.
        state: What the master knows, None while the model is loaded.
        failure: Why the model could not be loaded.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pipe = ReportPipe()
        self.slot = 0
        self.state: State | None = None
        self.failure: Report | None = None
        self._background: tuple[Background, ...] = ()
        self._draining = False
        self._told_retiring = False

    def init_process(self) -> None:
        """Load, then serve until told to stop."""
        self.pipe.keep_writer()
        super().init_process()

    def init_signals(self) -> None:
        """Install the worker's handlers, then let in what was sent since the fork."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def load_wsgi(self) -> None:
        """Load the model and tell the master about it."""
        load = cast(Load, self.app.wsgi())
        try:
            loaded = load(self.slot)
            self._begin(loaded)
        except Exception as error:  # noqa: BLE001 - whatever it is, the master has to say it
            self._tell(failure(error))
            sys.exit(NOT_LOADED)
        self._tell(Report(State.LOADED, lines=loaded.lines))

    def run(self) -> None:
        """Serve; whatever lives beside the requests ends after them."""
        self._lingering = Lingering(self.poller, self._one_less)
        try:
            super().run()
        finally:
            self._end()

    def handle(self, conn: TConn) -> bool:
        """Serve one request of a connection, in a thread of the pool."""
        logs.set_request_id("")
        with suppress(OSError):
            # Not settimeout: that would limit how long an answer may take to be sent, too.
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _SILENCE)
        return super().handle(conn)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """Keep a connection, or close it without making the others wait."""
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
        else:
            self._lingering.add(conn)

    def murder_pending(self) -> None:
        """Close what waits in vain; called about once a second."""
        super().murder_pending()
        self._lingering.expire()

    def set_accept_enabled(self, enabled: bool | None) -> None:  # noqa: FBT001 - gunicorn's
        """Accept connections or not; a worker that accepts no more for good is replaced at once."""
        super().set_accept_enabled(enabled)
        if not self.alive and not enabled:
            self._tell_retiring()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more requests, answer the rest; while the model loads there are none."""
        del sig, frame
        if not self.booted:
            # A SystemExit would be raised in the model's own code, which may catch it.
            os._exit(0)
        # Not here: a signal may interrupt whatever holds the lock that a drain needs.
        self.method_queue.defer(self._drain)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Leave at once."""
        if not self.booted:
            os._exit(0)
        super().handle_quit(sig, frame)

    def retire(self) -> None:
        """Take no more requests and have a new worker started at once."""
        self._tell_retiring()
        super().handle_exit(signal.SIGTERM, None)

    def abandon(self) -> None:
        """End the process although threads still run in it; nothing else would end them."""
        self._end()
        os._exit(0)

    def _begin(self, loaded: Loaded) -> None:
        calls = InFlight()
        self.wsgi = Timed(loaded.wsgi, calls)
        self._background = loaded.background
        if limit_s := loaded.request_timeout_s:
            watchdog = Watchdog(calls, limit_s, retire=self.retire, abandon=self.abandon)
            self._background += (watchdog,)
        for background in self._background:
            background.start()

    def _tell(self, report: Report) -> None:
        """Send a report and wake the master with the signal that it expects from its children."""
        self.pipe.send(report)
        if os.getppid() == self.ppid:
            with suppress(OSError):
                os.kill(self.ppid, signal.SIGCHLD)

    def _tell_retiring(self) -> None:
        """Have the master start a new worker; the watchdog's thread may do so as well."""
        if not self._told_retiring:
            self._told_retiring = True
            self._tell(Report(State.RETIRING))

    def _one_less(self) -> None:
        self.nr_conns -= 1

    def _drain(self) -> None:
        """Tell everybody, then take no more requests: the last probes are to hear of it."""
        if not self._draining:
            self._draining = True
            self._tell_retiring()
            for background in self._background:
                background.drain()
            super().handle_exit(signal.SIGTERM, None)

    def _end(self) -> None:
        for background in reversed(self._background):
            background.stop()
