"""Queue of the checks of versions: leases on versions, and results of checks.

Several processes look for work. One takes a version by a compare-and-set, with a lease: if the
process dies, another takes the version again when the lease is over.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, insert, or_, select, update

from drum_like.store import row_mapping, tables, versions
from drum_like.store.database import Database, Writing
from drum_like.store.entities import Status, Version

_T = tables.versions

ATTEMPTS = 3
"""Number of times that a check is begun before the version is given up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a check.

    Attributes:
        error: Why the version cannot be served, safe to show; None if it can.
        lines: For the log of the version.
    """

    error: str | None
    lines: tuple[str, ...] = ()


class Checks:
    """The checks of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, owner: str, lease_s: float) -> Version | None:
        """Return a version to check, now LOADING; None if there is nothing to do.

        Args:
            owner: The caller; unique among processes and threads.
            lease_s: How long no other process takes it.
        """
        with self._database.read() as connection:
            if _waiting(connection, lease_s) is None:
                return None
        with self._database.write(notify=False) as writing:
            waiting = _waiting(writing.connection, lease_s)
            if waiting is None:
                return None
            version_id, attempts = waiting
            if attempts >= ATTEMPTS:
                error = f"the check ended {ATTEMPTS} times without a result"
                _end(writing, version_id, Outcome(error, (error,)))
                return None
            _begin(writing, version_id, owner, lease_s)
            return versions.found(writing.connection, version_id)

    def finish(self, version_id: int, owner: str, outcome: Outcome) -> bool:
        """Record the end of a check; False if the version is gone or was taken by another owner."""
        with self._database.write() as writing:
            if not _owned(writing.connection, version_id, owner):
                return False
            _end(writing, version_id, outcome)
            return True

    def release(self, version_id: int, owner: str) -> None:
        """Release a claim, as if the version had not been claimed."""
        with self._database.write(notify=False) as writing:
            if _owned(writing.connection, version_id, owner):
                _set(writing, version_id, status=Status.PENDING, attempts=_T.c.attempts - 1)

    def is_known_good(self, fingerprint: str) -> bool:
        """Return whether the same was checked before, and could be served."""
        table = tables.verdicts
        known = select(table.c.fingerprint).where(table.c.fingerprint == fingerprint)
        with self._database.read() as connection:
            return connection.execute(known).scalar() is not None

    def remember_good(self, fingerprint: str) -> None:
        """Record the fingerprint of a version that could be served."""
        table = tables.verdicts
        with self._database.write(notify=False) as writing:
            known = select(table.c.fingerprint).where(table.c.fingerprint == fingerprint)
            if writing.connection.execute(known).scalar() is None:
                values = {"fingerprint": fingerprint, "created_at": row_mapping.now()}
                writing.connection.execute(insert(table).values(values))


def _waiting(connection: Connection, lease_s: float) -> tuple[int, int] | None:
    """Return id and attempts of the version that has waited longest.

    A lease that ends later than any that is given now was given before the clock was set back; it
    would hold as long as the clock went back.
    """
    now = row_mapping.now()
    is_over = or_(_T.c.lease_until < now, _T.c.lease_until > now + timedelta(seconds=2 * lease_s))
    free = or_(_T.c.status == Status.PENDING, is_over)
    statement = select(_T.c.id, _T.c.attempts).where(tables.unchecked, free)
    return connection.execute(statement.order_by(_T.c.id).limit(1)).first()


def _begin(writing: Writing, version_id: int, owner: str, lease_s: float) -> None:
    _set(
        writing,
        version_id,
        status=Status.LOADING,
        attempts=_T.c.attempts + 1,
        lease_owner=owner,
        lease_until=row_mapping.now() + timedelta(seconds=lease_s),
    )
    versions.add_log_line(writing, version_id, "loading the model in a process of its own")


def _end(writing: Writing, version_id: int, outcome: Outcome) -> None:
    status = Status.READY if outcome.error is None else Status.ERROR
    _set(writing, version_id, status=status, error=outcome.error, lease_owner=None)
    for line in outcome.lines:
        versions.add_log_line(writing, version_id, line)


def _set(writing: Writing, version_id: int, **values: object) -> None:
    values |= {"updated_at": row_mapping.now(), "revision": writing.revision}
    writing.connection.execute(update(_T).where(_T.c.id == version_id).values(values))


def _owned(connection: Connection, version_id: int, owner: str) -> bool:
    mine = (_T.c.id == version_id) & (_T.c.lease_owner == owner)
    loading = mine & (_T.c.status == Status.LOADING)
    return connection.execute(select(_T.c.id).where(loading)).scalar() is not None
