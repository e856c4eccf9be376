"""Background parts that live as long as a worker: its readiness, and tasks that are repeated.

And the ends of its copies, which custom code may fork.

The server calls `start` after the fork and the load, in the order given, `drain` when SIGTERM has
arrived and requests may still be in flight, and `stop` in the reverse order when the last one has
been answered. A worker that is killed calls nothing.
"""

import logging
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event, Thread, local
from typing import Protocol

from drum_like.errors import StoreError

logger = logging.getLogger(__name__)

_END_S = 5.0


class Background(Protocol):
    """A part beside the requests: a thread, a connection, a buffer to write out."""

    def start(self) -> None:
        """Begin; called once, in the worker, before its first request."""

    def drain(self) -> None:
        """Prepare to end; called at most once, between `start` and `stop`, if SIGTERM came."""

    def stop(self) -> None:
        """End, and free all resources; called once if `start` was; must not wait long."""


class Readiness:
    """Whether new requests should come here; a Background that turns itself on and off.

    Give it to the server after everything that has to be started before the first request.
    """

    def __init__(self) -> None:
        self._ready = False

    @property
    def ready(self) -> bool:
        """True from the end of the load to the beginning of the drain."""
        return self._ready

    def start(self) -> None:
        """Be ready."""
        self._ready = True

    def drain(self) -> None:
        """Be no longer ready, so that probes send the traffic elsewhere."""
        self._ready = False

    def stop(self) -> None:
        """Be no longer ready."""
        self._ready = False


class PeriodicTask:
    """A task that is repeated in a thread of its own: a Background.

    Args:
        name: Of the thread, and for messages.
        work: Is done; True if there is more to do at once.
        pause_s: Time between two rounds; shorter if it is woken.
    """

    def __init__(self, name: str, work: Callable[[], bool], pause_s: float) -> None:
        self._name = name
        self._work = work
        self._pause_s = pause_s
        self._woken = Event()
        self._ending = Event()
        self._thread: Thread | None = None

    @property
    def ending(self) -> Event:
        """Set when the work is to end."""
        return self._ending

    def wake(self) -> None:
        """Let the next round begin at once."""
        self._woken.set()

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Go on: requests are still answered."""

    def stop(self) -> None:
        """End after the round that is under way."""
        self._ending.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(_END_S)

    def _run(self) -> None:
        failing = False
        while not self._ending.is_set():
            try:
                again = self._work()
                failing = False
            except StoreError as error:
                if not failing:
                    logger.warning("%s: %s; it is tried again", self._name, error)
                failing, again = True, False
            except Exception:
                logger.exception("%s failed; it is tried again", self._name)
                again = False
            if not again:
                self._woken.wait(self._pause_s)
                self._woken.clear()


def disown_in_forks(
    owner: object, held: Iterable[signal.Signals], disown: Iterable[Callable[[], None]]
) -> None:
    """Have children that custom code forks disown what is their parent's, before anything else.

    Args:
        owner: The object whose methods handle signals in the parent, and in no child.
        held: Signals that reach the child only after that: one that comes sooner would be lost.
        disown: Called in the child, one after the other.
    """
    before = local()

    def hold() -> None:
        before.mask = signal.pthread_sigmask(signal.SIG_BLOCK, held)

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before.mask)

    def begin() -> None:
        for part in disown:
            part()
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if getattr(signal.getsignal(number), "__self__", None) is owner:
                signal.signal(number, signal.SIG_DFL)
        release()

    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=begin)


def leave_if_forked(own: int) -> None:
    """End this process if it is a copy of the one with this id: what follows is not for copies."""
    if os.getpid() != own:
        os._exit(0)


def end_copies() -> None:
    """End the copies of this process that are still there; programs that it started go on."""
    import psutil  # noqa: PLC0415 - hooks of `score` need none of it

    own = psutil.Process()
    with suppress(psutil.Error):
        command = own.cmdline()
        for child in own.children(recursive=True):
            with suppress(psutil.Error):
                if child.cmdline() == command:
                    child.terminate()
