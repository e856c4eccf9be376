"""No request runs for ever: late ones are answered 504, and a worker that cannot end one leaves.

A thread that a model or hook keeps busy cannot be stopped from outside. So a request that has run
too long is answered in its place, its connection is shut, and if its thread does not end soon after
that (one that waits for the client does), the worker hands over to a new one and leaves.
"""

import errno
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from functools import partial
from typing import Any

from drum_like.http.refusals import ServerRefusal
from drum_like.server.refusals import Refuse, plain
from drum_like.server.request_metrics import RequestMetrics
from drum_like.server.response import TrackedBody
from drum_like.system.marks import MARKS
from drum_like.system.metrics import ERRORS

Environ = MutableMapping[str, Any]
Application = Callable[..., Iterable[bytes]]

logger = logging.getLogger(__name__)

_CALL = "drum_like.call"

GRACE_S = 1.0
"""Time between the answer 504 and the verdict that a thread does not end."""

STUCK_S = 10.0
"""Time that a leaving worker waits for threads that do not end."""

EXPIRED = 504  # the status of a request that took longer than its limit
LATE = "the request took longer than this server allows"


class Call:
    """A running request.

    Attributes:
        environ: Its WSGI variables.
        connection: The client's socket.
        marks: Its marks.
        started: When it began, on the registry's clock.
        answering: Whether the application has begun its answer.
        expired: The status with which it was answered, or at least cut off, in the application's
            place; 0 before.
    """

    __slots__ = ("answering", "connection", "environ", "expired", "marks", "started")

    def __init__(self, environ: Environ, started: float) -> None:
        self.environ = environ
        self.connection: socket.socket = environ["gunicorn.socket"]
        self.marks = MARKS.get()
        self.started = started
        self.answering = False
        self.expired = 0


class InFlight:
    """The running requests of a worker, each to be answered by the application or the watchdog.

    Args:
        clock: Monotonic seconds.
        refuse: Makes the server's own answers.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, refuse: Refuse = plain) -> None:
        self.refuse = refuse
        self._clock = clock
        self._calls: set[Call] = set()
        self._lock = threading.Lock()
        self._metrics = RequestMetrics()

    def enter(self, environ: Environ) -> Call:
        """Note that a request begins."""
        call = Call(environ, self._clock())
        with self._lock:
            self._calls.add(call)
        return call

    def leave(self, call: Call) -> None:
        """Note that a request has ended."""
        with self._lock:
            self._calls.discard(call)

    def may_answer(self, call: Call) -> bool:
        """Return whether the application is to answer; False if that was done in its place."""
        with self._lock:
            call.answering = not call.expired
            return call.answering

    def older_than(self, seconds: float) -> list[Call]:
        """Return the requests that have run longer than this."""
        limit = self._clock() - seconds
        with self._lock:
            return [call for call in self._calls if call.started < limit]

    def expire(self, call: Call, limit_s: float) -> bool:
        """Answer a request in the application's place, or cut it off; return whether it ran.

        It is counted here: its thread may never end.
        """
        answer = self.refuse(call.environ, ServerRefusal(EXPIRED, LATE, limit_s=limit_s))
        with self._lock:  # once it has ended, its connection is another request's
            if call not in self._calls:
                return False
            call.expired = EXPIRED if call.answering else int(answer.status[:3])
            ERRORS.add("timeout")
            self._metrics.count(call.marks, answer.asked, str(call.expired), is_late=True)
            with suppress(OSError):
                if not call.answering:
                    call.connection.send(answer.last(), socket.MSG_DONTWAIT)
                call.connection.shutdown(socket.SHUT_RDWR)
            return True

    def only_expired(self) -> bool:
        """Return whether nothing runs but requests that have been taken from the application."""
        with self._lock:
            return all(call.expired for call in self._calls)


class Timed:
    """A WSGI application whose requests are noted while they run.

    An application that raises SystemExit or KeyboardInterrupt fails its request, not its worker.

    Args:
        application: The application proper.
        calls: Where to note its requests; its `refuse` is this one's.
    """

    def __init__(self, application: Application, calls: InFlight) -> None:
        self.refuse = calls.refuse
        self._application, self._calls = application, calls

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request.

        Raises:
            BrokenPipeError: it was answered in the application's place.
            RuntimeError: the application tried to end the process.
        """
        call = environ[_CALL] = self._calls.enter(environ)
        try:
            body = self._application(environ, start_response)
            answer = TrackedBody(body, partial(self._calls.leave, call))
        except (SystemExit, KeyboardInterrupt) as error:
            self._calls.leave(call)
            raise RuntimeError(f"the application raised {type(error).__name__}") from error
        except BaseException:
            self._calls.leave(call)
            raise
        if not self._calls.may_answer(call):
            answer.close()
            raise BrokenPipeError(errno.EPIPE, "the request was answered too late")
        return answer


def late_status(environ: Mapping[str, Any]) -> int:
    """Return the status of a request, by WSGI's variables, that was too late; 0 for others."""
    return environ[_CALL].expired if _CALL in environ else 0


class Watchdog:
    """A Background that ends requests which run too long.

    Args:
        calls: The requests of this worker.
        limit_s: How long one may run.
        retire: Makes the worker take no more requests and have itself replaced.
        abandon: Ends the process at once.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        calls: InFlight,
        limit_s: float,
        *,
        retire: Callable[[], None],
        abandon: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._limit_s = limit_s
        self._retire = retire
        self._abandon = abandon
        self._clock = clock
        self._leaving_since: float | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def drain(self) -> None:
        """Watch the last requests as well; from now on stuck threads delay the end only shortly."""
        self._leaving_since = self._leaving_since or self._clock()

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()

    def check(self) -> None:
        """End late requests; retire the worker if one does not end; leave if all are stuck."""
        for call in self._calls.older_than(self._limit_s):
            if not call.expired and self._calls.expire(call, self._limit_s):
                name = f"{call.environ['REQUEST_METHOD']} {call.environ['PATH_INFO']}"
                logger.error("%s has run for more than %s s and was cut off", name, self._limit_s)
        if self._leaving_since is None and self._calls.older_than(self._limit_s + GRACE_S):
            logger.warning("a request does not end; this worker takes no more and is replaced")
            self.drain()
            self._retire()
        if self._is_hopeless():
            self._abandon()

    def _watch(self) -> None:
        while not self._stopped.wait(min(0.25, self._limit_s / 4)):
            self.check()

    def _is_hopeless(self) -> bool:
        """Whether the worker has waited long enough for threads that do not end."""
        since = self._leaving_since
        return (
            since is not None
            and self._clock() - since > STUCK_S
            and bool(self._calls.older_than(self._limit_s + STUCK_S))
            and self._calls.only_expired()
        )
