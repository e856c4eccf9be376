"""The acceptor of a worker: takes connections while it has room and others have no fewer.

All workers wait for new connections at one socket, and the quickest takes them: of eight that
came at once one worker of two had all in one run of ten, and half of the CPUs idled as long as they
stayed. So a worker leaves the next one for a moment to those that have fewer.
"""

import errno
import fcntl
import math
import mmap
import os
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

from drum_like.server.listeners import SETTLING_S, are_empty, turn_away

DEFERRAL_S = 0.003  # a worker with requests in hand looks away from its sockets about as long
"""Time that a busier worker defers accept() so that idler workers can take the connection."""

_HEAD_START = 2
"""Added to our published count while we defer, so that two deferring workers do not both wait."""

_STANDARD_ERROR = 2
_ABSENT = 2**31 - 1  # the count of a slot without a worker

OnClient = Callable[[socket.socket, Any], None]
"""Called when a client waits at a listening socket; its other argument is the leader."""

_FULL = frozenset({errno.EMFILE, errno.ENFILE})


class ConnectionCounts:
    """Numbers of connections, in memory that workers and master share; make it before the fork.

    Args:
        slots: The most workers that ever live at one time.
    """

    def __init__(self, slots: int) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 4 * slots)).cast("i")
        self._end = mmap.mmap(-1, 1)
        self._own: int | None = None
        for slot in range(slots):
            self.clear(slot)

    @property
    def total(self) -> int:
        """The connections of all workers, as they published them."""
        return sum(number for number in self._numbers if number != _ABSENT)

    @property
    def are_last(self) -> bool:
        """Whether the whole server stops, so that no other process takes the clients that wait."""
        return self._end[0] > 0

    def end(self) -> None:
        """Note that the whole server stops."""
        self._end[0] = 1

    def join(self, slot: int) -> None:
        """Count this process's connections there from now on, none at first.

        Args:
            slot: A number that no other live worker has.
        """
        self._own = slot
        self.count(0)

    def leave(self) -> None:
        """Stop counting: this process takes no more connections."""
        slot, self._own = self._own, None
        if slot is not None:
            self.clear(slot)

    def clear(self, slot: int) -> None:
        """Clear the slot of a worker; called when it has ended."""
        self._numbers[slot] = _ABSENT

    def count(self, number: int) -> None:
        """Publish the number of open connections to the other workers."""
        if self._own is not None:
            self._numbers[self._own] = number

    def has_fewer(self, number: int) -> bool:
        """Return whether a worker has clearly fewer connections: none, or two fewer than this."""
        fewest = min(self._numbers)
        return fewest == 0 < number or fewest + 1 < number


class Acceptor:
    """The listening sockets of a worker, watched or not.

    Args:
        listeners: Non-blocking.
        selector: Watches them; its keys hold functions of the leader.
        on_client: Called for a socket where a client waits.
        most: Connections that the worker has at most at one time.
        counts: The connections of all workers, with a place for this one.

    Attributes:
        lacks_files: Whether the last client could not be accepted for want of open files.
    """

    def __init__(
        self,
        listeners: list[socket.socket],
        selector: selectors.BaseSelector,
        on_client: OnClient,
        most: int,
        counts: ConnectionCounts,
    ) -> None:
        self._listeners = listeners
        self._selector = selector
        self._on_client = on_client
        self._most = most
        self._counts = counts
        self._is_open = False
        self._is_over = False
        self._ends_at = math.inf
        self.lacks_files = False
        self._lock = Lock()  # the end comes from another thread than the clients
        self._deferred_until = 0.0

    @property
    def is_deferring(self) -> bool:
        """Whether a connection is left to other workers; `update` must be called again soon."""
        return self._deferred_until > 0 and not self._is_open

    @property
    def is_ending(self) -> bool:
        """Whether it takes only those who wait still; `finish` must be called again soon."""
        return self._ends_at < math.inf

    def update(self, number: int, now: float = math.inf) -> None:
        """Accept connections while there is room, and other workers have had their time.

        Args:
            number: How many connections there are.
            now: On the monotonic clock.
        """
        if self.is_deferring and now < self._deferred_until and self._counts.has_fewer(number):
            return
        has_room = number < self._most
        if not has_room:
            self._deferred_until = 0.0
        self._watch(on=has_room)
        self.count(number)

    def count(self, number: int) -> None:
        """Publish the number of connections to the other workers."""
        self._counts.count(number + _HEAD_START if self.is_deferring else number)

    def take(self, listener: socket.socket, number: int) -> tuple[socket.socket, Any] | None:
        """Return a client's socket, non-blocking, and address, None if there is none for us.

        Args:
            listener: Where it waits.
            number: How many connections there are.
        """
        self.lacks_files = False
        if self._is_over or number >= self._most or self._defer(number):
            return None
        try:
            sock, peer = listener.accept()
            return _beside_standard(sock), peer
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as error:  # the next look tries again
            self.lacks_files = error.errno in _FULL
            self._watch(on=False)
            return None

    def end(self) -> None:
        """Turn new clients away, and take those who wait still; the server stops."""
        turn_away(self._listeners)
        self._is_over = False
        self._ends_at = time.monotonic() + SETTLING_S

    def finish(self, number: int) -> list[socket.socket]:
        """Return the sockets at which clients may wait still; close them if there are none.

        Args:
            number: How many connections there are.
        """
        if time.monotonic() >= self._ends_at and are_empty(self._listeners):
            self.close()
            self._ends_at = math.inf
            for listener in self._listeners:
                listener.close()
            return []
        return self._listeners if number < self._most else []

    def close(self) -> None:
        """Take no more connections."""
        self._is_over = True
        self._counts.leave()
        self._watch(on=False)

    def _defer(self, number: int) -> bool:
        """Leave a connection to workers that have fewer, once; return False if it is ours now."""
        others_had_their_time, self._deferred_until = self._deferred_until > 0, 0.0
        if self.is_ending:
            return False
        self.count(number)
        if others_had_their_time or not self._counts.has_fewer(number):
            return False
        self._deferred_until = time.monotonic() + DEFERRAL_S
        self._watch(on=False)
        self.count(number)
        return True

    def _watch(self, *, on: bool) -> None:
        with self._lock:
            on = on and not self._is_over
            if on == self._is_open:
                return
            self._is_open = on
            for listener in self._listeners:
                if on:
                    handler = partial(self._on_client, listener)
                    self._selector.register(listener, selectors.EVENT_READ, handler)
                else:
                    self._selector.unregister(listener)


def _beside_standard(sock: socket.socket) -> socket.socket:
    """Return a socket, moved if it has the number of a standard stream, which hooks may close.

    Logs, and what libraries print, would go to its client. It is non-blocking.
    """
    sock.settimeout(0)
    if sock.fileno() > _STANDARD_ERROR:
        return sock
    try:
        moved = socket.socket(fileno=fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, _STANDARD_ERROR + 1))
    except OSError:
        sock.close()
        raise
    moved.settimeout(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, sock.detach())
    if nothing > _STANDARD_ERROR:
        os.close(nothing)
    return moved
