"""The writer of items: into the store, or into a spool while the store is away."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

from drum_like.contracts.ecosystem.decision_log.queue import Item
from drum_like.contracts.ecosystem.decision_log.recorder import Recorder
from drum_like.contracts.ecosystem.decision_log.spool import (
    Line,
    Spool,
    SpoolFile,
    line_of,
    parse_line,
)
from drum_like.errors import DrumLikeError, StoreError
from drum_like.system.metrics import DECISIONS

logger = logging.getLogger(__name__)

AT_ONCE = 200
"""Items that are written in one transaction."""

_LOOK_S = 0.5
_SOON_S, _LATE_S = 0.25, 2.0


class Writer:
    """A writer to the store, and to the spool while the store is away; for one thread.

    Args:
        recorder: The store.
        spool: Takes items while the store is away.
        eager: Whether the store is opened before there is anything to write.
        to_disk: Whether the spool has to survive the machine, not only the process.
    """

    def __init__(self, recorder: Recorder, spool: Spool, *, eager: bool, to_disk: bool) -> None:
        self._recorder = recorder
        self._spool = spool
        self._eager = eager
        self._to_disk = to_disk
        # Away until it was opened: earlier items are safe in the spool.
        self._away = True
        self._reported = False
        self._look_at, self._pause_s = 0.0, _SOON_S
        self._n_lost = 0

    def write(self, items: Sequence[Item]) -> bool:
        """Write items; return False if neither the store nor the disk take them."""
        if self._recorded(items):
            return True
        if not self._reported:  # not away, only not opened yet
            self._look_at = 0.0
        return self._kept(items)

    def look(self, between: Callable[[], object]) -> None:
        """Look whether the store is back, and whether anything was left to write; not too often.

        Args:
            between: Called repeatedly while there is much to write.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        with suppress(StoreError):  # the spool cannot be read: another look follows
            if self._away and (self._eager or self._spool.has_files()):
                self._open()
            if not self._away:
                self._catch_up(between)

    def lose(self, n_items: int) -> None:
        """Count lost items, and log their number."""
        if n_items:
            self._n_lost += n_items
            DECISIONS.add("lost", amount=n_items)
            logger.error("the decision log lost %d decisions, %d in all", n_items, self._n_lost)

    def give_up_the_store(self) -> None:
        """Write beside the store from now on; another thread waits for it."""
        self._away = self._reported = True

    def close(self) -> None:
        """Write spooled items if the store was not opened yet; spool acceptances that wait."""
        if not self._reported:
            self._look_at = 0.0
            self.look(between=lambda: None)
        self._recorded(())
        self._kept(self._recorder.early())

    def _recorded(self, items: Sequence[Item]) -> bool:
        """Write items into the store; return whether it took them."""
        if self._away:
            return False
        try:
            outcome = self._recorder.write(items)
        except DrumLikeError as error:
            self._leave(error)
            return False
        self.lose(outcome.n_lost)
        DECISIONS.add("written", amount=outcome.n_written)
        return True

    def _kept(self, items: Sequence[Item]) -> bool:
        """Write items into the spool; return whether it took them."""
        if not items:
            return True
        try:
            self._spool.append([line_of(item) for item in items], to_disk=self._to_disk)
        except StoreError as error:
            self._tell("they wait in memory", error)
            return False
        DECISIONS.add("spooled", amount=len(items))
        return True

    def _open(self) -> None:
        try:
            self._recorder.open()
        except DrumLikeError as error:
            self._leave(error)
            return
        if self._reported:
            logger.warning("the decision log: the store is back")
        self._away = self._reported = False
        self._pause_s = _SOON_S

    def _leave(self, error: DrumLikeError) -> None:
        self._tell("they are kept beside it", error)
        self._away = True
        # Not all workers at once.
        pause_s = self._pause_s * random.uniform(0.5, 1)  # noqa: S311 - nothing to guess
        self._look_at = time.monotonic() + pause_s
        self._pause_s = min(2 * self._pause_s, _LATE_S)

    def _tell(self, where: str, error: DrumLikeError) -> None:
        if not self._reported:
            logger.warning(
                "the decision log: %s; until the store takes decisions, %s", error, where
            )
        self._reported = True

    def _catch_up(self, between: Callable[[], object]) -> None:
        """Write waiting acceptances, and the items of the spool."""
        if self._recorder.waits:
            self._recorded(())
        for left in self._spool.files():
            if not self._replay(left, between):
                left.keep()
                return
            left.remove()

    def _replay(self, left: SpoolFile, between: Callable[[], object]) -> bool:
        lines = left.lines()
        while some := list(islice(lines, AT_ONCE)):
            if not self._recorded(self._items(some)):
                return False
            between()
        return True

    def _items(self, lines: Sequence[Line]) -> list[Item]:
        items = []
        for line in lines:
            try:
                items.append(parse_line(line))
            except (KeyError, TypeError, ValueError):
                self.lose(1)
        return items
