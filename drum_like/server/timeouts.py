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
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

from drum_like.server.response import last_answer

Environ = MutableMapping[str, Any]
Application = Callable[..., Iterable[bytes]]

logger = logging.getLogger(__name__)

_CALL = "drum_like.call"

GRACE_S = 1.0
"""Time between the answer 504 and the verdict that a thread does not end."""

STUCK_S = 10.0
"""Time that a leaving worker waits for threads that do not end."""

EXPIRED = 504  # the status of a request that took longer than its limit

ANSWER = last_answer(
    f"{EXPIRED} Gateway Timeout", "the request took longer than this server allows"
)


class Call:
    """A running request.

    Attributes:
        name: Method and path, for the log.
        connection: The client's socket.
        started: When it began, on the registry's clock.
        answering: Whether the application has begun its answer.
        expired: Whether it was answered, or at least cut off, in the application's place.
    """

    __slots__ = ("answering", "connection", "expired", "name", "started")

    def __init__(self, name: str, connection: socket.socket, started: float) -> None:
        self.name = name
        self.connection = connection
        self.started = started
        self.answering = False
        self.expired = False


class InFlight:
    """The running requests of a worker, each to be answered by the application or the watchdog.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: set[Call] = set()
        self._lock = threading.Lock()

    def enter(self, name: str, connection: socket.socket) -> Call:
        """Note that a request begins."""
        call = Call(name, connection, self._clock())
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

    def expire(self, call: Call) -> bool:
        """Answer a request in the application's place, or cut it off; return whether it ran."""
        with self._lock:  # once it has ended, its connection is another request's
            if call not in self._calls:
                return False
            call.expired = True
            with suppress(OSError):
                if not call.answering:
                    call.connection.send(ANSWER, socket.MSG_DONTWAIT)
                call.connection.shutdown(socket.SHUT_RDWR)
            return True

    def only_expired(self) -> bool:
        """Return whether nothing runs but requests that have been taken from the application."""
        with self._lock:
            return all(call.expired for call in self._calls)


class TrackedBody:
    """The body of an answer; `leave` is called at its end even if it does not close well.

    Args:
        body: As the application returned it.
        leave: Called when the body has been closed.
    """

    def __init__(self, body: Iterable[bytes], leave: Callable[[], None]) -> None:
        self._parts = iter(body)
        self._close = getattr(body, "close", None)
        self._leave = leave

    def __iter__(self) -> Iterator[bytes]:
        """Return the parts of the body."""
        return self._parts

    def close(self) -> None:
        """Close the body, whatever it raises."""
        try:
            if self._close is not None:
                self._close()
        finally:
            self._leave()


class Timed:
    """A WSGI application whose requests are noted while they run.

    An application that raises SystemExit or KeyboardInterrupt fails its request, not its worker.

    Args:
        application: The application proper.
        calls: Where to note its requests.
    """

    def __init__(self, application: Application, calls: InFlight) -> None:
        self._application = application
        self._calls = calls

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request.

        Raises:
            BrokenPipeError: it was answered in the application's place.
            RuntimeError: the application tried to end the process.
        """
        name = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        call = environ[_CALL] = self._calls.enter(name, environ["gunicorn.socket"])
        try:
            body = self._application(environ, start_response)
            answer = TrackedBody(body, lambda: self._calls.leave(call))
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


def has_expired(environ: Mapping[str, Any]) -> bool:
    """Return whether a request, by WSGI's variables, was answered or cut off as too late."""
    return _CALL in environ and environ[_CALL].expired


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
            if not call.expired and self._calls.expire(call):
                logger.error(
                    "%s has run for more than %s s and was cut off", call.name, self._limit_s
                )
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
