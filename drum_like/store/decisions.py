"""The decision log: results presented to customers, and their acceptance.

It is written again where it is unknown whether the first attempt arrived, so writing a row that is
there changes nothing. Workers do not watch these tables: no revision is counted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.dialects import postgresql, sqlite

from drum_like.store import ecosystem_tables as tables
from drum_like.store.database import Database
from drum_like.store.ecosystem_entities import Accepted, Decision, DecisionFilter, Presented

_P, _A = tables.presented, tables.accepted
_ROW = (_P.c.id, _P.c.uuid, _P.c.at, _P.c.campaign, _P.c.document)
_OF_ACCEPTED = (_A.c.at, _A.c.is_automatic, _A.c.document)
_AT_ONCE = 500


class Decisions:
    """The decision log of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    def check(self) -> None:
        """Raise StoreError if the log takes nothing; one without room, say, can still be asked."""
        with self._database.write(notify=False) as writing:
            writing.connection.execute(select(_P.c.id).limit(1)).first()

    def write(self, presented: Sequence[Presented], accepted: Sequence[Accepted]) -> None:
        """Write rows in one transaction; those that are there stay as they are.

        An accepted row takes the place of an automatic one and of an earlier one. What it belongs
        to has to be among the presented rows, or in the store.

        Raises:
            StoreError: nothing is written.
        """
        with self._database.exclusive() as connection:
            if presented:
                new = self._insert(_P).on_conflict_do_nothing(index_elements=[_P.c.uuid])
                connection.execute(new, [_presented_values(one) for one in presented])
            automatic = [_accepted_values(one) for one in accepted if one.is_automatic]
            if automatic:
                new = self._insert(_A).on_conflict_do_nothing(index_elements=[_A.c.uuid])
                connection.execute(new, automatic)
            said = {one.uuid: one for one in accepted if not one.is_automatic}
            if said:
                connection.execute(self._replacing(), [_accepted_values(o) for o in said.values()])

    def documents(self, uuids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """Return the presented documents of calls that are in the store, by UUID."""
        wanted = tuple(uuids)
        found: dict[str, Mapping[str, Any]] = {}
        with self._database.read() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                query = select(_P.c.uuid, _P.c.document).where(_P.c.uuid.in_(some))
                found.update(tuple(row) for row in connection.execute(query))
        return found

    def newest(self, wanted: DecisionFilter, limit: int) -> list[Decision]:
        """Return the last decisions that are meant, in the order in which they were written."""
        return self._found(_meant(wanted).order_by(_P.c.id.desc()).limit(limit))[::-1]

    def next(self, wanted: DecisionFilter, limit: int) -> list[Decision]:
        """Return the first decisions that are meant, in the order in which they were written."""
        return self._found(_meant(wanted).order_by(_P.c.id).limit(limit))

    def _found(self, query: Select[Any]) -> list[Decision]:
        with self._database.read() as connection:
            return [_decision(row) for row in connection.execute(query)]

    def _replacing(self) -> Any:
        """Return the statement that writes an accepted row over an older one."""
        new = self._insert(_A)
        fields = {name: new.excluded[name] for name in ("at", "is_automatic", "document")}
        return new.on_conflict_do_update(
            index_elements=[_A.c.uuid],
            set_=fields,
            where=_A.c.is_automatic | (_A.c.at <= new.excluded.at),
        )


def _meant(wanted: DecisionFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.campaign is not None:
        conditions.append(_P.c.campaign == wanted.campaign)
    if wanted.uuid is not None:
        conditions.append(_P.c.uuid == wanted.uuid)
    if wanted.since is not None:
        conditions.append(_P.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_P.c.at < wanted.until)
    if wanted.after is not None:
        conditions.append(_P.c.id > wanted.after)
    joined = _P.outerjoin(_A, _A.c.uuid == _P.c.uuid)
    return select(*_ROW, *_OF_ACCEPTED).select_from(joined).where(*conditions)


def _decision(row: Row[Any]) -> Decision:
    number, *presented = row[: len(_ROW)]
    uuid, of_accepted = presented[0], row[len(_ROW) :]
    accepted = None if of_accepted[0] is None else Accepted(uuid, *of_accepted)
    return Decision(number, Presented(*presented), accepted)


def _presented_values(one: Presented) -> dict[str, Any]:
    return {
        "uuid": one.uuid,
        "at": one.at,
        # PostgreSQL has no text with a NUL in it.
        "campaign": one.campaign.replace("\0", "\ufffd"),
        "document": one.document,
    }


def _accepted_values(one: Accepted) -> dict[str, Any]:
    return {
        "uuid": one.uuid,
        "at": one.at,
        "is_automatic": one.is_automatic,
        "document": one.document,
    }
