"""Work beside the requests, in threads that end with their worker."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from drum_like.errors import StoreError

logger = logging.getLogger(__name__)

_END_S = 5.0


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
