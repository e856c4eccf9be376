"""Brings the tables of a store to the newest migration, once, whoever comes first."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from drum_like.errors import StoreError
from drum_like.store.database import Database
from drum_like.store.migrations import HEAD

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6472756D
"""A number for PostgreSQL's advisory locks that other programs are unlikely to use."""


def prepare(database: Database, root: Path) -> None:
    """Make or migrate the tables; several processes may call it at once.

    All migrations are one transaction: a process that is killed in between leaves the tables as
    they were.

    Raises:
        StoreError: the tables were made by a newer version, or the database fails.
    """
    with database.read() as connection:
        if _found(connection) == HEAD:
            return
    if database.is_sqlite:
        with _locked(root / "migrate.lock"):
            _keep_a_journal(database)
            _migrate(database)
    else:
        _migrate(database)


def _found(connection: Connection) -> str | None:
    """Return the migration that the tables are at, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _keep_a_journal(database: Database) -> None:
    """Switch to write-ahead logging, for good: readers then never wait for a writer."""
    raw = database.engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()


def _migrate(database: Database) -> None:
    from alembic import command  # noqa: PLC0415 - a store that is up to date does without Alembic
    from alembic.config import Config  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with database.exclusive() as connection:
        if not database.is_sqlite:
            key = {"key": _ADVISORY_LOCK}
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the store was written by a newer version of this program (its tables are at "
                f"{_found(connection)!r}, this one knows {HEAD!r}); upgrade the program"
            ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
