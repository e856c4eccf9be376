"""`drum-like log`: the logged decisions, and new ones as they are made."""

import time
from collections.abc import Iterable, MutableMapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from drum_like.cli.tables import print_text, table
from drum_like.config.store_settings import LogSettings
from drum_like.contracts.ecosystem.decision_log.documents import whole
from drum_like.errors import SettingsError
from drum_like.store.ecosystem_entities import Decision, DecisionFilter
from drum_like.store.entities import json_text
from drum_like.store.location import place_of
from drum_like.store.store import open_store

_HEAD = ("TIME", "CAMPAIGN", "SUB-CAMPAIGN", "CHANNEL", "CUSTOMER", "PRESENTED", "ACCEPTED", "UUID")
_WIDTHS = (23, 20, 12, 8, 10, 16, 16, 36)
_LOOK_S = 0.5
_AT_ONCE = 500

_LATE = 1000
"""Numbers that are looked at again: on PostgreSQL a lower one may become visible after a higher."""


def run(settings: LogSettings, _environ: MutableMapping[str, str]) -> int:
    """Print decisions, the oldest first; return 0; with --follow run until a signal.

    Raises:
        SettingsError: there is no store.
    """
    place = place_of(settings.location.store, settings.location.database_url)
    if place.url is None and not place.is_there:
        raise SettingsError(f"there is no store at {place.root}; name it with --store")
    wanted = DecisionFilter(settings.campaign, settings.uuid, settings.since, settings.until)
    with closing(open_store(place)) as store:
        found = store.decisions.newest(wanted, settings.lines)
        show = _json_lines if settings.json else _rows
        if not (settings.json or settings.follow):
            print_text(table([_HEAD, *map(_cells, found)]))
            return 0
        if not settings.json:
            print_text(_row(_HEAD))
        show(found)
        seen = {one.number for one in found}
        while settings.follow:
            time.sleep(_LOOK_S)
            after = max(seen, default=0) - _LATE
            news = store.decisions.next(replace(wanted, after=after), _AT_ONCE + _LATE)
            show(one for one in news if one.number not in seen)
            seen = {one.number for one in news} | {number for number in seen if number > after}
    return 0


def _json_lines(decisions: Iterable[Decision]) -> None:
    for one in decisions:
        presented = one.presented.document
        accepted = None if one.accepted is None else whole(one.accepted.document, presented)
        print_text(json_text({"presented": presented, "accepted": accepted}))


def _rows(decisions: Iterable[Decision]) -> None:
    for one in decisions:
        print_text(_row(_cells(one)))


def _row(cells: Iterable[str]) -> str:
    """Return cells as a line, each padded to its fixed width."""
    return "  ".join(f"{c:{w}}" for c, w in zip(cells, _WIDTHS, strict=True)).rstrip()


def _cells(one: Decision) -> tuple[str, ...]:
    document = one.presented.document
    params = document["api_params"]
    best = document["final_result"][:1]
    failed = "(failed)" if document["stats"]["error"] else "-"
    accepted = [] if one.accepted is None else _accepted(one)
    cells = (
        _time(one.presented.at),
        one.presented.campaign,
        params["subcampaign"],
        params["channel"],
        params["customer"],
        best[0]["result"]["offer"] if best else failed,
        " ".join(accepted) or "-",
        one.presented.uuid,
    )
    return tuple(map(_plain, cells))


def _accepted(one: Decision) -> list[str]:
    """Return the names of the accepted offers."""
    document = {} if one.accepted is None else one.accepted.document
    offers = document["response"]["offers_accepted"]
    return [str(o.get("offer_name", o) if isinstance(o, dict) else o) for o in offers]


def _time(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _plain(text: str) -> str:
    """Return text with control characters replaced, so that it cannot drive a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
