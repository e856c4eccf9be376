"""The memory for the bodies of requests: one budget for all workers of a server.

A body takes room before it is read, and keeps it until its request is answered or its connection
closed. A body in chunks takes it as it comes; so does one that comes slowly, whose client would
else hold room that it only asked for. Bodies of up to 64 KiB, which are most, are not counted, and
are read where there is no room for others.

Answers that clients do not take at once are counted apart. They are there already: where they fill
half of the budget, no further ones are made; where they fill a quarter, clients that take nothing
are cut off.
"""

import mmap
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Lock

import psutil
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import RequestEntityTooLarge, ServiceUnavailable

from drum_like.server.body_buffer import AT_ONCE, Refusal, Spool
from drum_like.system import cgroup
from drum_like.system.memory import give_back, own_pages

MIB = 1024 * 1024

_HEAP = 8 * MIB
"""Bytes of bodies of a worker that its heaps hold. They are quick, but do not shrink well."""


class NoRoomError(ServiceUnavailable):
    """A body for which there is no room until other requests have ended."""

    def __init__(self) -> None:
        message = "the memory for bodies is taken by other requests at the moment; try again"
        super().__init__(message, retry_after=1)


class AnswersHeldError(ServiceUnavailable):
    """A request that is not answered because too many answers wait for their clients."""

    def __init__(self) -> None:
        message = "other clients do not take their answers, which fill the memory; try again"
        super().__init__(message, retry_after=1)


class NoRoomForHeadError(ParseException):
    """A long head for which there is no room until other requests have ended."""


class BeyondBudgetError(RequestEntityTooLarge):
    """A body for which there is never room.

    Args:
        most: Bytes of the budget.
    """

    def __init__(self, most: int) -> None:
        super().__init__(
            f"the body is longer than the {most // MIB} MiB that this server has for all bodies "
            "together (--max-bodies-mb); send less in one request"
        )


class BodyBudget:
    """Room for bodies, in memory that workers and master share; make it before the fork.

    Args:
        most: Bytes in all; 0 for no limit.
        slots: The most workers that ever live at one time.

    Attributes:
        most: Bytes in all.
        beyond: Makes the error about a longer one.
        is_closed: Whether answers that clients have not taken fill half of it, beside the bodies.
    """

    def __init__(self, most: int = 0, slots: int = 1) -> None:
        self.most = most or sys.maxsize
        self.beyond: Refusal = partial(BeyondBudgetError, self.most)
        self._taken = memoryview(mmap.mmap(-1, 8 * slots)).cast("q")
        self._answers = memoryview(mmap.mmap(-1, 8 * slots)).cast("q")
        self.is_closed = False
        self._own = 0
        self._lock = Lock()
        self._peak = 0
        self._was_used = False

    @property
    def n_taken(self) -> int:
        """Bytes that bodies take now, in all workers."""
        return sum(self._taken)

    @property
    def n_answers(self) -> int:
        """Bytes of answers that clients have not taken, in all workers."""
        return sum(self._answers)

    def limits(self, longest: int) -> str:
        """Return the limits in words, for the operator.

        Args:
            longest: Bytes of a body that settings allow.
        """
        if self.most == sys.maxsize:
            return f"bodies up to {longest // MIB} MiB, any number at one time"
        each = min(longest, self.most) // MIB
        return f"bodies up to {each} MiB, {self.most // MIB} MiB together at one time"

    def join(self, slot: int) -> None:
        """Count this process's bodies there from now on, none at first.

        Args:
            slot: A number that no other live worker has.
        """
        self._own = slot
        self.clear(slot)

    def clear(self, slot: int) -> None:
        """Clear the slot of a worker; called when it has ended."""
        self._taken[slot] = self._answers[slot] = 0

    def take(self, size: int) -> bool:
        """Take room for this many bytes if there is so much, and return whether there was.

        It is taken before the look at the others: two workers never take the same room.
        """
        self._add(size)
        if self.n_taken <= self.most:
            return True
        self._add(-size)
        return False

    def free(self, size: int) -> None:
        """Give up room that was taken."""
        self._add(-size)

    def hold_answer(self, size: int) -> None:
        """Count bytes of an answer that its client has not taken; negative ones when it has."""
        with self._lock:
            self._answers[self._own] += size
        self.look_at_answers()

    def look_at_answers(self) -> bool:
        """Return whether they fill a quarter; those of other workers count, too."""
        held = self.n_answers
        self.is_closed = held > self.most // 2
        return held > self.most // 4

    def trim(self) -> None:
        """Give free memory of the heaps back to the system once bodies, if many, come no more.

        To be called again and again: at the first call after the last body it waits for another.
        """
        with self._lock:
            was_used, self._was_used = self._was_used, False
            if was_used or self._peak < _HEAP:
                return
            self._peak = self._taken[self._own]
        give_back()

    def pages(self, *, grows: bool) -> AbstractContextManager[None]:
        """Return a context in which a body is put beside the heaps if they hold many already.

        Args:
            grows: Whether it takes memory there at all.
        """
        return own_pages() if grows and self._taken[self._own] > _HEAP else nullcontext()

    def _add(self, size: int) -> None:
        with self._lock:
            taken = self._taken[self._own] + size
            self._taken[self._own] = taken
            self._peak = max(self._peak, taken)
            self._was_used = True


class Room:
    """The room of one body at a time: that which a connection's request has.

    Args:
        budget: Where it is taken from.

    Attributes:
        taken: Bytes.
        answer: Bytes of an answer that its client has not taken yet.
        spool: The place of the body on the disk; None for memory alone.
    """

    __slots__ = ("_budget", "answer", "spool", "taken")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self.taken = self.answer = 0
        self.spool: Spool | None = None

    def hold(self, size: int) -> Refusal | None:
        """Take room for a body of this size, beside what is taken; return why there is none."""
        return None if size <= AT_ONCE else self.take(size)

    def take(self, size: int) -> Refusal | None:
        """Take room as `hold`, also for a few bytes."""
        if size <= self.taken:
            return None
        if size > self._budget.most:
            return self._budget.beyond
        if not self._budget.take(size - self.taken):
            return NoRoomError
        self.taken = size
        return None

    def hold_answer(self, size: int) -> None:
        """Count an answer of this size, a long one as a quarter of the budget, until `let_go`."""
        if size > AT_ONCE:
            self.answer = min(size, self._budget.most // 4)
            self._budget.hold_answer(self.answer)

    def keep(self, size: int) -> None:
        """Give up the room that a body of this size does not need."""
        surplus = self.taken - (size if size > AT_ONCE else 0)
        if surplus > 0:
            self.taken -= surplus
            self._budget.free(surplus)

    def let_go(self) -> None:
        """Give up all of it, the answer, and the file of the body."""
        self.keep(0)
        if self.answer:
            self._budget.hold_answer(-self.answer)
            self.answer = 0
        if self.spool is not None:
            self.spool.close()
            self.spool = None


def usual_budget() -> int:
    """Return the bytes of a budget that nobody chose: a quarter of the memory that there is."""
    machine = int(psutil.virtual_memory().total)
    return min(cgroup.memory().limit or machine, machine) // 4
