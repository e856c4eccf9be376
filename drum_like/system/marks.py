"""The marks of a request, and a page of answered ones: for which model, and where the time goes.

Whoever works on a request finds them in the context: `MARKS.get().rows += 3`. All times are those
of `time.perf_counter`. Work is timed by a clock that stands still while the request waits for other
requests: `perf_counter() - marks.waited_s`.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from operator import add
from struct import Struct
from time import perf_counter
from typing import Protocol, TypeAlias

PHASES = ("read", "wait", "decode", "predict", "encode")
"""The parts of the time of a request, up to the moment when its answer is ready."""


class Named(Protocol):
    """The identity of a model."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Its version."""


class RequestMarks:
    """The marks of one request.

    Attributes:
        began: When the application was called.
        ready: When its answer was ready, and counted; 0 before.
        read_s: From its first byte to its last; 0 if it came in one piece.
        queue_s: Time that it waited for a thread.
        waited_s: Time that it has waited since for its turn in custom code or in a framework.
        asked: When a model was first asked, by the clock of work; 0 before.
        predict_s: Time of the model.
        rows: Rows that a model has answered.
        model: The model that it is for; None for none, or one that is not here.
        tag: That of its entry on a page, once it is counted.
        at: The cell of its entry where the time of writing goes.
    """

    __slots__ = (
        "asked",
        "at",
        "began",
        "model",
        "predict_s",
        "queue_s",
        "read_s",
        "ready",
        "rows",
        "tag",
        "waited_s",
    )

    tag: float
    at: int

    def __init__(self, began: float = 0.0, read_s: float = 0.0, queue_s: float = 0.0) -> None:
        self.began, self.read_s, self.queue_s = began, read_s, queue_s
        self.ready = self.waited_s = self.asked = self.predict_s = 0.0
        self.rows = 0
        self.model: Named | None = None

    def phases(self, ready: float) -> tuple[float, float, float, float, float]:
        """Return the seconds of each of PHASES for an answer that is ready then; `asked` is set."""
        wait_s, decode_s = self.queue_s + self.waited_s, self.asked - self.began
        encode_s = ready - self.waited_s - self.asked - self.predict_s
        return self.read_s, wait_s, decode_s, self.predict_s, encode_s

    def timing(self) -> str:
        """Return the phases so far as a Server-Timing header, in milliseconds.

        Empty for a request that has asked no model: times of others are nobody's business.
        """
        if not self.asked:
            return ""
        spent = zip(PHASES, self.phases(self.ready or perf_counter()), strict=True)
        return ", ".join(f"{phase};dur={1000 * seconds:.3f}" for phase, seconds in spent)


MARKS: ContextVar[RequestMarks] = ContextVar("marks", default=RequestMarks())  # noqa: B039 - of no request
"""The marks of the request that this thread works on; outside of requests those of none."""


@contextmanager
def model_time() -> Iterator[None]:
    """Count the time of this block as that of the model, predictions in it included."""
    marks = MARKS.get()
    began, before = perf_counter() - marks.waited_s, marks.predict_s
    marks.asked = marks.asked or began
    try:
        yield
    finally:
        marks.predict_s = before + perf_counter() - marks.waited_s - began


ENTRIES, FIELDS = 1024, 11
"""Entries of a page, and numbers of an entry."""

ENTRY = Struct(f"{FIELDS}d")
"""An answered request: its kind; its marks rows, began, read_s, queue_s, waited_s, asked, predict_s
and ready; the time of writing, UNKNOWN at first; and the tag of its page."""

WRITE, UNKNOWN, MOVING = 9, -1.0, -1.0

Cells: TypeAlias = "memoryview[float]"

AddUp: TypeAlias = Callable[[bytes, int], Sequence[float]]
"""Adds up entries by their bytes: returns that many numbers."""


class Page:
    """The entries of one worker that are not added up yet, and the sums of all before.

    An entry is one write, whose last number, the tag, says that it is there. There are two sets of
    sums. A move writes the sums of both set and page to the set that is not in use; its last step
    is one number, the count of moves. That puts the new sums into use, and makes the tags on the
    page those of a page before. So a worker that is killed at any step leaves every entry counted
    once, and whoever reads meanwhile sees by the number that it has to read again.

    Args:
        n_sums: Numbers of a set of sums.

    Attributes:
        cells: Shared memory.
        at: The cell of the next entry.
        full: The cell after the last entry. While `at` is there, nobody writes an entry.
        tag: The last number of an entry; MOVING while the time of writing cannot be added to one.
    """

    __slots__ = ("_n_sums", "_start", "at", "cells", "full", "tag")

    cells: Cells
    at: int
    full: int
    tag: float

    def __init__(self, n_sums: int) -> None:
        self._n_sums = n_sums

    @staticmethod
    def size(n_sums: int) -> int:
        """Return the cells that a page takes, with such sums."""
        return 1 + ENTRIES * FIELDS + 2 * n_sums

    def begin(self, cells: Cells, start: int) -> None:
        """Go on where the last owner of a page ended.

        Args:
            cells: Shared memory.
            start: The cell where the page begins.
        """
        self.cells, self._start = cells, start
        self.full, self.tag = _end(start), cells[start] + 1
        self.at = start + 1 + FIELDS * _n_written(cells, start)

    def move(self, add_up: AddUp, end: int) -> None:
        """Add the entries of a full page to its first sums, and clear it; by one thread at a time.

        Args:
            add_up: Adds up entries.
            end: Number of sums that are in use.
        """
        self.tag = MOVING
        sums = memoryview(array("d", self.sums(self.cells, self._start, add_up, end)))
        moves = self.cells[self._start] + 1
        unused = self._sums_at(self._start, moves)
        self.cells[unused : unused + end] = sums
        self.cells[self._start] = moves
        self.at, self.tag = self._start + 1, moves + 1

    def sums(self, cells: Cells, start: int, add_up: AddUp, end: int) -> list[float]:
        """Return the first sums of any process, the entries of its page among them."""
        first = start + 1
        while True:
            moves = cells[start]
            n_written = _n_written(cells, start)  # before they are read: so these are whole
            entries = cells[first : first + n_written * FIELDS].tobytes()
            at = self._sums_at(start, moves)
            sums = cells[at : at + end].tolist()
            if cells[start] == moves:  # otherwise the page was moved meanwhile
                return list(map(add, sums, add_up(entries, end)))

    def _sums_at(self, start: int, moves: float) -> int:
        return _end(start) + int(moves) % 2 * self._n_sums


def _end(start: int) -> int:
    return start + 1 + ENTRIES * FIELDS


def _n_written(cells: Cells, start: int) -> int:
    """Return how many entries of a page there are that are not added up: the first ones."""
    tags: list[float] = [*cells[start + FIELDS : _end(start) : FIELDS].tolist()]
    return tags.count(cells[start] + 1)
