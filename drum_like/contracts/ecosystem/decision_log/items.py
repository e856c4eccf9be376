"""Units of one write: a decision with its automatic acceptance, or a later acceptance."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from drum_like.contracts.ecosystem.decision_log.calls import Answered, Call
from drum_like.contracts.ecosystem.decision_log.documents import Documents
from drum_like.contracts.ecosystem.decision_log.queue import Entry
from drum_like.contracts.ecosystem.decision_log.spool import Line
from drum_like.store.entities import Accepted, Presented
from drum_like.store.json_text import json_text


@dataclass(frozen=True, slots=True)
class Made:
    """A decision.

    Attributes:
        presented: The decision as presented.
        accepted: The automatic acceptance, which a later one replaces; None without one.
    """

    presented: Presented
    accepted: Accepted | None


Item = Made | Answered


def item_of(entry: Entry, documents: Documents, *, automatic: bool) -> Item:
    """Return the item that an entry is written as."""
    content = entry.content
    if isinstance(content, Answered):
        return Answered(
            content.uuid, content.at, documents.redact(list(content.offers)), content.channel
        )
    return _made(content, documents, automatic=automatic)


def line_of(item: Item) -> bytes:
    """Return an item as a line of a spool, without a line break."""
    return json_text({type(item).__name__: _plain(asdict(item))}).encode()


def parse_line(line: Line) -> Item:
    """Return the item that a line holds."""
    if Answered.__name__ in line:
        return Answered(**_timed(line[Answered.__name__]))
    made = line[Made.__name__]
    accepted = made["accepted"]
    return Made(
        Presented(**_timed(made["presented"])),
        None if accepted is None else Accepted(**_timed(accepted)),
    )


def _made(call: Call, documents: Documents, *, automatic: bool) -> Made:
    presented = documents.presented(call)
    if call.failed or not automatic:
        return Made(presented, None)
    return Made(presented, documents.automatic(presented, call.channel))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of JSON: times as text."""
    return {
        name: value.isoformat()
        if isinstance(value, datetime)
        else _plain(value)
        if name in ("presented", "accepted") and value is not None
        else value
        for name, value in values.items()
    }


def _timed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "at": datetime.fromisoformat(values["at"])}
