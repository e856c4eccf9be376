"""The decision log of a worker: requests put entries into a queue, one thread writes them.

No request waits for the store. Entries are written together, soon after the first of them came;
items that the store does not take go to a spool beside it, and from there into the store when it is
back, by the first worker that sees it. A worker that is killed loses the entries of its last
LAST_MOMENT_S; with `sync`, requests wait until their entry is written, and nothing is lost.
"""

import logging
import socket
import time
from dataclasses import dataclass
from threading import Event, Thread

from drum_like.config.server_settings import ServerSettings
from drum_like.contracts.ecosystem.decision_log.calls import Acceptance, DecisionCall
from drum_like.contracts.ecosystem.decision_log.documents import Documents, Redaction
from drum_like.contracts.ecosystem.decision_log.queue import Entry, EntryQueue, item_of
from drum_like.contracts.ecosystem.decision_log.recorder import Recorder
from drum_like.contracts.ecosystem.decision_log.spool import Spool
from drum_like.contracts.ecosystem.decision_log.writer import AT_ONCE, Writer
from drum_like.errors import SettingsError
from drum_like.store.location import place_of
from drum_like.system.metrics import DECISIONS_WAITING

logger = logging.getLogger(__name__)

LAST_MOMENT_S = 0.1
"""Time whose decisions a killed worker may lose."""

SYNC_S = 30.0
"""Time that a request waits for its entry to be written; after it the answer is sent anyway."""

_GATHER_S = LAST_MOMENT_S / 3
_PAUSE_S = 0.25
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """The policy of the log.

    Attributes:
        automatic: Whether the best result is accepted until an acceptance comes.
        sync: Whether requests wait until their entry is written.
    """

    automatic: bool = True
    sync: bool = False


class DecisionLog:
    """Writes the decisions of one worker: a Background.

    Args:
        recorder: The store.
        writer: Writes into it, or beside it.
        documents: Makes the documents.
        policy: The policy of the log.
    """

    def __init__(
        self, recorder: Recorder, writer: Writer, documents: Documents, policy: LogPolicy
    ) -> None:
        self._recorder = recorder
        self._writer = writer
        self._documents = documents
        self._policy = policy
        self._queue = EntryQueue()
        self._in_hand: list[Entry] = []
        self._ending = Event()
        self._thread: Thread | None = None

    def put(self, content: DecisionCall | Acceptance, size: int) -> None:
        """Queue an entry for writing.

        Args:
            content: A call or an acceptance.
            size: Its approximate number of bytes.
        """
        entry = Entry(content, size)
        added = self._queue.add(entry)
        if added and self._policy.sync and not entry.done.wait(SYNC_S):
            logger.error("the decision log: a call was answered before it was written")

    def knows(self, uuid: str) -> bool:
        """Return whether a decision of this UUID is known; waits for those that are being written.

        Raises:
            DrumLikeError: the store cannot be asked.
        """
        deadline = time.monotonic() + 3 * LAST_MOMENT_S
        while not self._recorder.knows(uuid):
            if time.monotonic() > deadline:
                return False
            time.sleep(_GATHER_S)
        return True

    def start(self) -> None:
        """Begin to write."""
        self._thread = Thread(target=self._run, name="the decision log", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Go on: requests are still answered."""

    def stop(self) -> None:
        """Write the remaining entries, beside the store if it is away, and end."""
        self._ending.set()
        self._queue.wake()
        if self._thread is None:
            return
        self._thread.join(_END_S)
        if self._thread.is_alive():  # in the driver of a database that does not answer
            self._writer.give_up_the_store()
            self._queue.put_back(self._in_hand)
            self._finish()
        self._recorder.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._queue.wait(_PAUSE_S) and not self._policy.sync:
                self._ending.wait(_GATHER_S)
            try:
                self._round()
            except Exception:
                logger.exception("the decision log failed")
                self._writer.lose(len(self._in_hand))
                self._release()
        self._finish()

    def _round(self) -> None:
        written = self._write_some()
        self._writer.lose(self._queue.refused())
        self._writer.look(between=self._write_some)
        if not written and not self._queue.is_empty:
            self._ending.wait(_PAUSE_S)

    def _write_some(self) -> bool:
        """Write the first entries of the queue; return whether that was possible."""
        DECISIONS_WAITING.set(self._queue.n_entries)
        self._in_hand = self._queue.take(AT_ONCE)
        automatic = self._policy.automatic
        items = [item_of(entry, self._documents, automatic=automatic) for entry in self._in_hand]
        if items and not self._writer.write(items):
            self._queue.put_back(self._in_hand)
            self._in_hand = []
            return False
        self._release()
        DECISIONS_WAITING.set(self._queue.n_entries)
        return bool(items)

    def _release(self) -> None:
        for entry in self._in_hand:
            entry.done.set()
        self._in_hand = []

    def _finish(self) -> None:
        """Write all that is left."""
        while self._write_some():
            pass
        self._writer.close()
        left = self._queue.take(self._queue.n_entries)
        self._writer.lose(len(left) + self._queue.refused())


SPOOL = "decisions"
"""The directory in that of the store where decisions wait for it."""


def open_log(settings: ServerSettings) -> DecisionLog | None:
    """Return the log that settings ask for, None if they ask for none; nothing is opened yet.

    None as well, with a line in the server's log, where there is no place for it: the user of a
    container may have no home, and most servers are never asked for a decision.

    Raises:
        SettingsError: there is no place for it, and every answer is to wait for it.
    """
    if settings.decision_log == "off":
        return None
    try:
        place = place_of(settings.location.store, settings.location.database_url)
    except SettingsError as error:
        if settings.log_sync:
            raise
        logger.warning("decisions of /invocate are not logged: %s", error)
        return None
    documents = Documents(
        socket.gethostname(), settings.host, settings.port, Redaction(settings.redact)
    )
    recorder = Recorder(place, documents)
    spool = Spool(place.root / SPOOL)
    writer = Writer(recorder, spool, eager=settings.needs_store, to_disk=settings.log_sync)
    policy = LogPolicy(settings.decision_log == "auto", settings.log_sync)
    return DecisionLog(recorder, writer, documents, policy)
