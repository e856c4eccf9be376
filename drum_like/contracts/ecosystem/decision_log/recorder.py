"""Writes items into the store; one thread writes, any may ask."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from drum_like.contracts.ecosystem.decision_log.calls import Acceptance
from drum_like.contracts.ecosystem.decision_log.documents import Document, Documents
from drum_like.contracts.ecosystem.decision_log.queue import Item, NewDecision
from drum_like.errors import StoreBusyError, StoreError, StoreFullError
from drum_like.store.ecosystem_entities import Accepted
from drum_like.store.location import Place

if TYPE_CHECKING:  # SQL is loaded where it is used
    from drum_like.store.decisions import Decisions
    from drum_like.store.store import Store

logger = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""Time that an acceptance is kept without its decision: another worker may be about to write it."""


MOST_EARLY = 1000
"""The most acceptances that are kept."""


@dataclass(frozen=True, slots=True)
class _Early:
    """An acceptance of a decision that is not in the store yet, and until when it is kept."""

    acceptance: Acceptance
    until: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The numbers of items that ended with one write.

    Acceptances are in neither while they wait, nor where their decision does not come in time: a
    caller may have made its UUID up.

    Attributes:
        n_written: Items that are in the store now.
        n_lost: Items that the database refuses, and acceptances that have no room to wait.
    """

    n_written: int
    n_lost: int


class Recorder:
    """The store as the decision log sees it; opened when it is first needed.

    Args:
        place: Where the store is.
        documents: Makes the documents of acceptances.
    """

    def __init__(self, place: Place, documents: Documents) -> None:
        self._place = place
        self._documents = documents
        self._store: Store | None = None
        self._opening = Lock()
        self._early: list[_Early] = []

    def open(self) -> None:
        """Open the store, or check that it answers.

        Raises:
            DrumLikeError: it cannot be used.
        """
        self._opened().decisions.check()

    def knows(self, uuid: str) -> bool:
        """Return whether a decision is in the store.

        Raises:
            DrumLikeError: the store cannot be asked.
        """
        return uuid in self._opened().decisions.documents((uuid,))

    def write(self, items: Sequence[Item]) -> Outcome:
        """Write items; without any, the acceptances kept for later.

        An acceptance whose decision is not in the store is kept for later.

        Raises:
            DrumLikeError: the store is away; nothing may be written, or everything.
        """
        before = [] if items else self._early
        everything = [*items, *(one.acceptance for one in before)]
        decisions = self._opened().decisions
        new = [item for item in everything if isinstance(item, NewDecision)]
        said = [item for item in everything if isinstance(item, Acceptance)]
        known = decisions.documents({item.uuid for item in said}) if said else {}
        known |= {item.presented.uuid: item.presented.document for item in new}
        ready: list[Item] = [*new, *(item for item in said if item.uuid in known)]
        n_refused = self._write(decisions, ready, known)
        n_dropped = self._keep([item for item in said if item.uuid not in known], before)
        return Outcome(len(ready) - n_refused, n_refused + n_dropped)

    def _keep(self, said: Sequence[Acceptance], before: Sequence[_Early]) -> int:
        """Keep acceptances whose decision has not come, for a time.

        Args:
            said: All of them.
            before: Those that were kept already, and now are no longer but in `said`.

        Returns:
            How many have no room.
        """
        now = time.monotonic()
        until = {one.acceptance.uuid: one.until for one in before}
        early = [_Early(item, until.get(item.uuid, now + PATIENCE_S)) for item in said]
        kept = [one for one in early if one.until > now]
        if n_late := len(early) - len(kept):
            logger.warning("the decision log: %d acceptances without decisions left out", n_late)
        kept += [] if before else self._early
        self._early = kept[:MOST_EARLY]
        return len(kept[MOST_EARLY:])

    def early(self) -> list[Acceptance]:
        """Return the acceptances that wait for their decisions, and keep them no longer."""
        early, self._early = self._early, []
        return [one.acceptance for one in early]

    @property
    def waits(self) -> bool:
        """Whether anything is kept for later."""
        return bool(self._early)

    def close(self) -> None:
        """Close the store."""
        with self._opening:
            if self._store is not None:
                self._store.close()

    def _write(
        self, decisions: "Decisions", items: Sequence[Item], known: dict[str, Document]
    ) -> int:
        """Write items in one transaction; in smaller ones if the database refuses one of them."""
        presented = [item.presented for item in items if isinstance(item, NewDecision)]
        try:
            decisions.write(presented, [*self._accepted(items, known)])
        except (StoreBusyError, StoreFullError):
            raise
        except StoreError as error:
            decisions.check()
            if len(items) > 1:
                half = len(items) // 2
                first = self._write(decisions, items[:half], known)
                return first + self._write(decisions, items[half:], known)
            logger.error("the decision log: the store refuses a row: %s", error)  # noqa: TRY400 - one line a row
            return 1
        return 0

    def _accepted(self, items: Sequence[Item], known: dict[str, Document]) -> list[Accepted]:
        new = [item.accepted for item in items if isinstance(item, NewDecision)]
        said = [item for item in items if isinstance(item, Acceptance)]
        automatic = [accepted for accepted in new if accepted is not None]
        return automatic + [self._documents.accepted(item, known[item.uuid]) for item in said]

    def _opened(self) -> "Store":
        with self._opening:
            if self._store is None:
                from drum_like.store.store import open_store  # noqa: PLC0415 - SQL only where it is used

                self._store = open_store(self._place)
            return self._store
