"""Logs of versions: lines for the people who uploaded them."""

from sqlalchemy import insert, select

from drum_like.store import row_mapping, tables
from drum_like.store.database import Database, Writing
from drum_like.store.entities import LogLine

_T = tables.logs


class Logs:
    """The logs of versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_version(self, version_id: int, limit: int | None = None) -> list[LogLine]:
        """Return the last lines of a version, the oldest first; none if there is no version."""
        newest = select(_T.c.at, _T.c.text).where(_T.c.version_id == version_id)
        with self._database.read() as connection:
            found = connection.execute(newest.order_by(_T.c.id.desc()).limit(limit)).all()
        return [LogLine(*row) for row in reversed(found)]


def add(writing: Writing, version_id: int, text: str) -> None:
    """Write a line."""
    values = {"version_id": version_id, "at": row_mapping.now(), "text": text}
    writing.connection.execute(insert(_T).values(values))
