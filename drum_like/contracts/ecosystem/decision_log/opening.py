"""From settings to the decision log of a worker."""

import logging
import socket

from drum_like.config.settings import Settings
from drum_like.contracts.ecosystem.decision_log.documents import Documents
from drum_like.contracts.ecosystem.decision_log.log import DecisionLog, Habits
from drum_like.contracts.ecosystem.decision_log.recorder import Recorder
from drum_like.contracts.ecosystem.decision_log.redaction import Redaction
from drum_like.contracts.ecosystem.decision_log.spool import Spool
from drum_like.contracts.ecosystem.decision_log.writer import Writer
from drum_like.errors import SettingsError
from drum_like.registry.location import place_of

logger = logging.getLogger(__name__)

SPOOL = "decisions"
"""The directory in that of the store where decisions wait for it."""


def open_log(settings: Settings) -> DecisionLog | None:
    """Return the log that settings ask for, None if they ask for none; nothing is opened yet.

    None as well, with a line in the server's log, where there is no place for it: the user of a
    container may have no home, and most servers are never asked for a decision.

    Raises:
        SettingsError: there is no place for it, and every answer is to wait for it.
    """
    if settings.decision_log == "off":
        return None
    try:
        place = place_of(settings)
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
    habits = Habits(settings.decision_log == "auto", settings.log_sync)
    return DecisionLog(recorder, writer, documents, habits)
