"""The line of a worker: whole requests that wait for a thread, the one that came first in front.

Its length is bounded by time. A request that would have to wait longer than requests may is refused
when it comes, one that the estimate was wrong about when its time is over.

Clients that leave show that others behind them will do so before their turn: then the newest
requests are served first for a while. Patient clients are served in their order.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from time import monotonic

from drum_like.server.connection import Connection, ended
from drum_like.server.leader import Leader, Leadership
from drum_like.server.request_head import Received
from drum_like.system.deadline import Deadline
from drum_like.system.metrics import WAITING

_SURE = 0.8
"""Part of the longest wait up to which a request is let in: the next ones may take longer."""

_FAVOURED, _MOST_FAVOURED = 8, 64
"""Requests that are served newest first for each client that has left, and at most."""

_LOOK_AGAIN_S = 0.1
"""Time between two looks for clients that have left."""

_FEWEST, _MOST = 4, 64
"""Departures from the line that tell its speed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for a thread.

    Attributes:
        connection: Its connection, which nothing else is done with meanwhile.
        received: The request.
        since: When it was whole, in monotonic seconds.
    """

    connection: Connection
    received: Received
    since: float

    def is_abandoned(self) -> bool:
        """Return whether the client has left."""
        return is_abandoned(self.connection, self.received.head.request.version)


def is_abandoned(connection: Connection, version: tuple[int, int] | None) -> bool:
    """Return whether the client of a request has left, while nothing else is done with it.

    Args:
        connection: The connection with the client.
        version: Of HTTP, in the request; None if it named none.
    """
    return connection.has_left(may_ask=(version or (1, 1)) >= (1, 1))


class WaitingLine:
    """Requests in the order of their arrival.

    It has no lock: threads change it one at a time, within `Leadership`.

    Args:
        limit_s: How long a request may wait for its turn.
        deadline: Knows the requests that have a thread, and wait for a place in the model.

    Attributes:
        limit_s: How long a request may wait for its turn.
        next_look: When to look for clients that have left, in monotonic seconds.
    """

    def __init__(self, limit_s: float, deadline: Deadline) -> None:
        self.limit_s = limit_s
        self._deadline = deadline
        self._waiting: OrderedDict[Connection, Waiting] = OrderedDict()
        self._departures: deque[float] = deque(maxlen=_MOST)
        self._n_favoured = 0
        self.next_look = 0.0

    def __len__(self) -> int:
        """Return the number of requests that wait."""
        return len(self._waiting)

    def join(self, connection: Connection, received: Received) -> None:
        """Put a request at the end."""
        now = monotonic()
        if not self._waiting:
            self._departures.clear()
            self._departures.append(now)
            self._n_favoured = 0
        self._waiting[connection] = Waiting(connection, received, now)
        WAITING.set(len(self._waiting))

    def next(self) -> Waiting | None:
        """Return the request whose turn it is, and take it out, for a thread that is free again."""
        has_served, self._deadline.has_passed = not self._deadline.has_passed, False
        if not self._waiting:
            return None
        if has_served:
            self._departures.append(monotonic())
        if is_favoured := self._n_favoured > 0:
            self._n_favoured -= 1
        return self._leave(last=is_favoured)

    def abandoned(self) -> list[Waiting]:
        """Return the requests whose clients have left, and take them out."""
        sending_no_more = [self._waiting[connection] for connection in ended(self._waiting)]
        left = [waiting for waiting in sending_no_more if waiting.is_abandoned()]
        for waiting in left:
            del self._waiting[waiting.connection]
        WAITING.set(len(self._waiting))
        self._n_favoured = min(self._n_favoured + _FAVOURED * len(left), _MOST_FAVOURED)
        return left

    def overdue(self) -> Waiting | None:
        """Return the request in front, and take it out, if it has waited too long."""
        return self._leave(last=False) if self._waiting and self.left_s() <= 0 else None

    def left_s(self) -> float:
        """Return the time after which the request in front has waited too long."""
        front = next(iter(self._waiting.values()), None)
        return math.inf if front is None else front.since + self.limit_s - monotonic()

    def excess_s(self) -> float:
        """Return by how much a request that came now would wait too long; 0 if it would not.

        An empty line moves no more, and tells nothing of its speed.
        """
        if not self._waiting or len(self._departures) <= _FEWEST:
            return 0.0
        passed_s = monotonic() - self._departures[0]
        pause_s = passed_s / (len(self._departures) - 1)
        expected_s = pause_s * (len(self._waiting) + len(self._deadline.waiting))
        return max(0.0, expected_s - _SURE * self.limit_s)

    def _leave(self, *, last: bool) -> Waiting:
        waiting = self._waiting.popitem(last=last)[1]
        WAITING.set(len(self._waiting))
        return waiting


class Treatment(Enum):
    """The treatment of a request for which no thread is free.

    Attributes:
        SERVED_HERE: The thread that has read it serves it all the same.
        WAITS: It waits for another.
        TURNED_AWAY: It was answered that the server is busy.
    """

    SERVED_HERE = 1
    WAITS = 2
    TURNED_AWAY = 3


@dataclass(frozen=True, slots=True)
class WaitingRequests:
    """The requests that find no thread free: the leader is the last one, and has to go on leading.

    Attributes:
        line: Where they wait.
        leadership: Tells whether a thread is free.
        release: Takes a connection from the poller.
        is_probe: Whether a request needs no model, so that the leader itself serves it.
        turn_away: Answers a request that would wait too long; gets the seconds after which the
            client may try again.
        drop: Logs a request whose client left while it waited; gets the seconds of the wait.
    """

    line: WaitingLine
    leadership: Leadership[Connection]
    release: Callable[[Connection], None]
    is_probe: Callable[[Received], bool]
    turn_away: Callable[[Connection, Received, float], None]
    drop: Callable[[Received, float], None]

    def treat(
        self, connection: Connection, received: Received, leader: Leader[Connection]
    ) -> Treatment:
        """Turn a request away or let it wait; or return that this thread is to serve it."""
        may_serve = self.is_probe(received) if leader.held else not self.line
        if may_serve:
            return Treatment.SERVED_HERE
        with self.leadership.guard:
            excess_s = self.line.excess_s()
        if excess_s:
            self.turn_away(connection, received, excess_s)
            return Treatment.TURNED_AWAY
        return (
            Treatment.WAITS if self._leave(connection, received, leader) else Treatment.SERVED_HERE
        )

    def late(self) -> Connection | None:
        """Turn away a request that has waited too long; return its connection."""
        with self.leadership.guard:
            late = self.line.overdue()
        if late is None:
            return None
        self.turn_away(late.connection, late.received, 0.0)
        return late.connection

    def abandoned(self) -> list[Connection]:
        """Drop the requests whose clients have left, now and then; return their connections."""
        now = monotonic()
        if now < self.line.next_look:
            return []
        self.line.next_look = now + _LOOK_AGAIN_S
        with self.leadership.guard:  # a client is asked while no thread has its request
            left = self.line.abandoned()
        for waiting in left:
            self.drop(waiting.received, now - waiting.since)
        return [waiting.connection for waiting in left]

    def pause_s(self) -> float:
        """Return the time after which to look for requests that are late or abandoned."""
        with self.leadership.guard:
            return min(self.line.left_s(), _LOOK_AGAIN_S)

    def is_dropped(self, waiting: Waiting) -> bool:
        """Drop a request whose turn it is if its client has left; return whether it has."""
        if not waiting.is_abandoned():
            return False
        self.drop(waiting.received, monotonic() - waiting.since)
        return True

    def _leave(
        self, connection: Connection, received: Received, leader: Leader[Connection]
    ) -> bool:
        """Have a request wait for a thread; return False if one is free by now."""

        def join() -> None:
            self.release(connection)
            self.line.join(connection, received)

        self.leadership.finish(leader)
        if self.leadership.leave(join):
            return True
        self.leadership.begin(leader, connection)
        return False
