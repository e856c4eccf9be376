"""Entries of requests and the items that they are written as; the bounded queue between both."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock

from drum_like.contracts.ecosystem.decision_log.calls import Acceptance, DecisionCall
from drum_like.contracts.ecosystem.decision_log.documents import Documents
from drum_like.store.ecosystem_entities import Accepted, Presented

MOST = 10_000
"""Entries that may wait; further ones are lost, and counted."""

MOST_BYTES = 32 * 1024 * 1024
"""The most bytes of the bodies of all waiting entries."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to write.

    Attributes:
        content: A call or an acceptance.
        size: Its approximate number of bytes.
        done: Is set when it is written, or when that was given up.
    """

    content: DecisionCall | Acceptance
    size: int
    done: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision that is not in the store yet.

    Attributes:
        presented: The decision as presented.
        accepted: The automatic acceptance, which a later one replaces; None without one.
    """

    presented: Presented
    accepted: Accepted | None


Item = NewDecision | Acceptance
"""A unit of one write: a decision with its automatic acceptance, or a later acceptance."""


def item_of(entry: Entry, documents: Documents, *, automatic: bool) -> Item:
    """Return the item that an entry is written as."""
    content = entry.content
    if isinstance(content, Acceptance):
        offers = documents.redact(list(content.offers))
        return Acceptance(content.uuid, content.at, offers, content.channel)
    presented = documents.presented(content)
    if content.failed or not automatic:
        return NewDecision(presented, None)
    return NewDecision(presented, documents.automatic(presented, content.channel))


class EntryQueue:
    """Entries in the order in which they came."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._n_refused = 0
        self._lock = Lock()
        self._filled = Event()

    def add(self, entry: Entry) -> bool:
        """Add an entry; return False, and count it, if there is no room."""
        with self._lock:
            full = len(self._entries) >= MOST or self._size + entry.size > MOST_BYTES
            if full and self._entries:
                self._n_refused += 1
                return False
            self._entries.append(entry)
            self._size += entry.size
        self._filled.set()
        return True

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Let entries be the first again."""
        with self._lock:
            self._entries.extendleft(reversed(entries))
            self._size += sum(entry.size for entry in entries)

    def take(self, most: int) -> list[Entry]:
        """Remove the first entries, and return them."""
        with self._lock:
            taken = [self._entries.popleft() for _ in range(min(most, len(self._entries)))]
            self._size -= sum(entry.size for entry in taken)
            if not self._entries:
                self._filled.clear()
        return taken

    @property
    def n_entries(self) -> int:
        """Number of waiting entries."""
        return len(self._entries)

    @property
    def is_empty(self) -> bool:
        """Whether no entry waits."""
        return not self._entries

    def refused(self) -> int:
        """Return the number of refused entries since the last call."""
        with self._lock:
            count, self._n_refused = self._n_refused, 0
        return count

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is an entry, or for that long; return whether there is one."""
        return self._filled.wait(timeout_s)

    def wake(self) -> None:
        """End a wait."""
        self._filled.set()
