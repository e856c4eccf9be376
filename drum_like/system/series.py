"""Numbers that all workers of a server count, in memory that outlives each of them.

A series is a metric with one value for each of its labels. Its place is the same in the part of
every worker: the first one that needs the place takes it, and notes it in a text that all share.
A worker writes to its own part alone, so no lock crosses a process border where it counts, and a
worker that is killed leaves whole numbers. The next owner of a part goes on where the last one
ended: counts never shrink. Answered requests are entries on the page of a part, and are added up
when it is full, or read.
"""

import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import NamedTuple

from drum_like.system.marks import AddUp, Page
from drum_like.system.shared_text import OwnText, SharedText

CELLS = 1 << 14
"""Numbers in the part of a worker; the system gives memory only to those that are used."""

OTHER = "other"
"""Label of the one series for all that are beyond the room of their metric."""

_FIRST = 64
"""The first place. The cell 0 of a part holds its process; the others before it are for numbers
that have no room, and are never read."""

NOWHERE, _SIZE = 1, 8

_PART = CELLS + Page.size(CELLS)
"""Numbers of a worker, with those of its page."""

_REMEMBERED = 4096
"""Labels without a series of their own that a process remembers."""

Key = tuple[str, ...]
"""The name of a metric, and the values of its labels."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The room of the series of one metric.

    Attributes:
        n_cells: Numbers of one series.
        most: Series beyond which further labels are counted together, as OTHER, or left out where
            they are numbers of the moment.
        lasts: Whether the next owner of a part goes on with its numbers, or begins at 0.
    """

    n_cells: int = 1
    most: int = 1
    lasts: bool = True


class _Entry(NamedTuple):
    """A series in the text that all share."""

    n_cells: int
    lasts: bool
    key: list[str]


class SharedSeries:
    """The series of all workers, in memory that they share.

    `share` it before the fork; until then it is that of one process, and of each child a copy.
    Threads of a process take turns by `lock`.

    Attributes:
        cells: The numbers of all parts.
        own: The cell where the part of this process begins.
        known: The places that this process has asked for.
        lock: Held while a number or the page is changed. A finalizer may count while its thread
            does.
        page: That of this process.
        add_up: Adds up the entries of any page.
    """

    cells: "memoryview[float]"
    own: int
    known: dict[Key, int]

    def __init__(self) -> None:
        self.lock = RLock()
        self.page = Page(CELLS)
        self.add_up: AddUp = _nothing
        self._begin(1, OwnText(), bytearray(_PART * _SIZE))
        self.claim(0)

    def share(self, slots: int) -> None:
        """Begin anew, with a part for each process; called before the fork.

        Args:
            slots: The most processes that ever live at one time.
        """
        self._begin(slots, SharedText(), mmap.mmap(-1, slots * _PART * _SIZE))

    def _begin(self, slots: int, text: OwnText | SharedText, memory: bytearray | mmap.mmap) -> None:
        self._text = text
        self.cells = self._shared = memoryview(memory).cast("d")
        self._starts = range(0, slots * _PART, _PART)
        self.known = {}
        self.own = 0

    def claim(self, slot: int) -> None:
        """Write to this part from now on; called in the worker, after the fork.

        Args:
            slot: A number that no other live process has.
        """
        self.cells, self.own = self._shared, self._starts[slot]
        self.clear(slot)
        self._end = _end_of([*self._entries()])
        self._own_part()

    def _own_part(self) -> None:
        self.cells[self.own] = os.getpid()
        self.page.begin(self.cells, self.own + CELLS)

    def disown(self) -> None:
        """Write to memory of this process alone; called in a child, which may yet claim a part.

        A child that custom code forks answers nobody, and is not to count twice. This is quick: a
        garbage collection in the child may wait for ever for threads that only the parent has.
        """
        self.lock = RLock()  # another thread of the parent may have held it
        if isinstance(self._text, SharedText):
            self.cells, self.own = memoryview(bytearray(_PART * _SIZE)).cast("d"), 0
        else:  # it has a copy of all
            self._text = OwnText(self._text.read())
        self._own_part()

    def clear(self, slot: int) -> None:
        """Set the numbers of a process that has ended to 0 where they are those of the moment."""
        for place, entry in self._entries():
            if not entry.lasts:
                start = self._starts[slot] + place
                zeros = memoryview(bytes(_SIZE * entry.n_cells)).cast("d")
                self._shared[start : start + entry.n_cells] = zeros

    def place(self, shape: Shape, key: Key) -> int:
        """Return the place of a series in each part, and know it; OTHER's if there are too many.

        NOWHERE, and not known, while the system lets this process write no names.

        Args:
            shape: Of all series of the metric.
            key: The name of the metric, and the values of its labels.
        """
        clean = tuple(label.encode(errors="replace").decode() for label in key)
        try:
            self._text.change(partial(_with, shape=shape, key=clean))
        except OSError:  # a limit on files, say: an answer goes before its count
            return NOWHERE
        if len(self.known) > _REMEMBERED:
            self.known.clear()
        entries = [*self._entries()]
        self.known |= {tuple(entry.key): place for place, entry in entries}
        with self.lock:  # another thread may know more series by now
            self._end = max(self._end, _end_of(entries))
        other = self.known.get(_other(key), NOWHERE)
        return self.known.setdefault(key, self.known.get(clean, other))

    def add(self, place: int, amount: float) -> None:
        """Add to a number of this process."""
        with self.lock:
            self.cells[self.own + place] += amount

    def set(self, place: int, value: float) -> None:
        """Set a number of this process."""
        self.cells[self.own + place] = value

    def totals(self) -> dict[Key, list[float]]:
        """Return the numbers of all series, each the sum over all parts."""
        entries, parts = [*self._entries()], []
        end = _end_of(entries)
        for start, _ in self._claimed():
            sums = self.page.sums(self._shared, start + CELLS, self.add_up, end)
            parts += [self._shared[start : start + end].tolist(), sums]
        sums = [sum(column) for column in zip(*parts, strict=True)]
        return {tuple(one.key): sums[at : at + one.n_cells] for at, one in entries}

    def move(self) -> None:
        """Clear the page of this process, and add its entries to its sums; the lock is held."""
        self.page.move(self.add_up, self._end)

    def pids(self) -> dict[int, int]:
        """Return the process that owns each part, or was the last to own it, by slot."""
        return {start // _PART: pid for start, pid in self._claimed()}

    def _claimed(self) -> Iterator[tuple[int, int]]:
        for start in self._starts:
            if pid := int(self._shared[start]):
                yield start, pid

    def _entries(self) -> Iterator[tuple[int, _Entry]]:
        """Yield all series with their places."""
        place = _FIRST
        for entry in _parsed(self._text.read()[1]):
            yield place, entry
            place += entry.n_cells


def _with(text: bytes, shape: Shape, key: Key) -> bytes:
    """Return the text with a series, or that of OTHER, unless it is there or has no room."""
    entries = _parsed(text)
    known = {tuple(entry.key) for entry in entries}
    if key not in known and sum(name == key[0] for name, *_ in known) >= shape.most:
        if not shape.lasts:  # numbers of the moment do not add up to one of others
            return text
        key = _other(key)
    used = _FIRST + sum(entry.n_cells for entry in entries) + shape.n_cells
    if key in known or used > CELLS:
        return text
    return json.dumps([*entries, _Entry(shape.n_cells, shape.lasts, list(key))]).encode()


def _end_of(entries: list[tuple[int, _Entry]]) -> int:
    """Return the first cell after all series."""
    return entries[-1][0] + entries[-1][1].n_cells if entries else _FIRST


def _nothing(_page: bytes, end: int) -> list[float]:
    return [0.0] * end


def _other(key: Key) -> Key:
    return (key[0], *(OTHER for _ in key[1:]))


def _parsed(text: bytes) -> list[_Entry]:
    return [_Entry(*entry) for entry in json.loads(text or b"[]")]
