"""From settings to the decision log of a worker."""

import socket

from drum_like.catalog.place import place_of
from drum_like.decisions.documents import Documents
from drum_like.decisions.log import DecisionLog, Habits
from drum_like.decisions.recorder import Recorder
from drum_like.decisions.redaction import Redaction
from drum_like.decisions.spool import Spool
from drum_like.decisions.writer import Writer
from drum_like.settings import Settings

SPOOL = "decisions"
"""The directory in that of the store where decisions wait for it."""


def open_log(settings: Settings) -> DecisionLog | None:
    """Return the log that settings ask for, None if they ask for none; nothing is opened yet."""
    if settings.decision_log == "off":
        return None
    place = place_of(settings)
    documents = Documents(
        socket.gethostname(), settings.host, settings.port, Redaction(settings.redact)
    )
    recorder = Recorder(place, documents)
    spool = Spool(place.root / SPOOL)
    writer = Writer(recorder, spool, eager=settings.needs_store, to_disk=settings.log_sync)
    habits = Habits(settings.decision_log == "auto", settings.log_sync)
    return DecisionLog(recorder, writer, documents, habits)
