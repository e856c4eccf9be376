"""The connection to the store's database, and transactions on it.

Writers are serialised: on SQLite by BEGIN IMMEDIATE, on PostgreSQL by the lock on the one row of
`state`, which every writing transaction counts up first. So revisions become visible in their
order, and a worker that has seen one has seen all before it. Readers never wait.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from drum_like.errors import SettingsError, StoreBusyError, StoreError, StoreFullError
from drum_like.store import tables
from drum_like.store.entities import json_text
from drum_like.store.location import ChangeCounter

PATIENCE_S = 15
"""Time that a transaction waits for another process to finish."""

_CONNECT_S = 5
_CONNECTIONS = 16
_IMMEDIATE = "immediate"
_LOCKED = ("55P03", "40001", "40P01", "53300")
_STOPPING = ("57P01", "57P02", "57P03")
_FULL = ("53100",)
_SQLITE_REASONS = {
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened; it and its directory must be writable",
    sqlite3.SQLITE_READONLY: "its file cannot be written to; it and its directory must be writable",
    sqlite3.SQLITE_IOERR: "its file cannot be read or written; the disk may be full or broken",
    sqlite3.SQLITE_NOTADB: "its file is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
}
_SQLITE_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction that writes.

    Attributes:
        connection: Where its statements go.
        revision: Mark of the rows that it changes.
    """

    connection: Connection
    revision: int


class Database:
    """The database of one process; make it after the fork.

    Args:
        engine: Of `sqlite_engine` or `server_engine`.
        counter: Tells other processes that something has changed; None to leave them to find out.
    """

    def __init__(self, engine: Engine, counter: ChangeCounter | None = None) -> None:
        self.engine = engine
        self._counter = counter
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reader = engine.execution_options(**snapshot)
        self._writer = engine.execution_options(**{_IMMEDIATE: True})

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of its own."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees the state of one moment.

        Raises:
            StoreError: the database fails.
        """
        with _translated(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """Open a transaction, at most one at a time on SQLite; for migrations.

        Raises:
            StoreError: the database fails.
        """
        with _translated(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, notify: bool = True) -> Iterator[Writing]:
        """Give a transaction that writes; it is committed at the end of the block.

        Args:
            notify: Whether what is served may be another thing now, so that all processes learn it
                before this returns.

        Raises:
            StoreBusyError: another process has written for too long, or the database is away.
            StoreError: the database fails.
        """
        with self.exclusive() as connection:
            counted = (
                update(tables.state)
                .values(revision=tables.state.c.revision + 1)
                .returning(tables.state.c.revision)
            )
            yield Writing(connection, connection.execute(counted).scalar_one())
        if notify and self._counter is not None:
            self._counter.advance()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._counter is not None:
            self._counter.close()


def sqlite_engine(path: Path) -> Engine:
    """Return the engine of a database file; the file is made when it is first used."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": PATIENCE_S},
        json_serializer=json_text,
        json_deserializer=orjson.loads,
        pool_size=_CONNECTIONS,
        pool_timeout=PATIENCE_S,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def server_engine(text: str) -> Engine:
    """Return the engine of a PostgreSQL server.

    Raises:
        SettingsError: the text is no URL of PostgreSQL, or its driver is not installed.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise SettingsError("--database-url must be postgresql://USER@HOST/NAME") from error
    if url.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise SettingsError(
            f"--database-url must be postgresql://USER@HOST/NAME, not {url.drivername}://; "
            "without it the store keeps a SQLite file of its own"
        )
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={
                "connect_timeout": _CONNECT_S,
                "options": f"-c lock_timeout={PATIENCE_S}s -c timezone=UTC",
            },
            pool_size=_CONNECTIONS,
            pool_timeout=PATIENCE_S,
            pool_pre_ping=True,
            json_serializer=json_text,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SettingsError(
            "--database-url needs the driver psycopg: pip install 'drum-like[postgres]'"
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    """Leave transactions to SQLAlchemy; a commit is on the disk when it returns."""
    del record
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the database's errors as ours; their texts, which hold statements, stay inside."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreBusyError("the store is busy: all connections are in use") from error
    except DBAPIError as error:
        raise _error_of(error) from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store's database failed ({type(error).__name__})") from error


def _error_of(error: DBAPIError) -> StoreError:
    code = getattr(error.orig, "sqlite_errorcode", None)
    state = getattr(error.orig, "sqlstate", None)
    name = type(error.orig).__name__ if error.orig is not None else type(error).__name__
    if state in _LOCKED or (code is not None and code & 0xFF in _SQLITE_LOCKED):
        return StoreBusyError("the store is busy: another process has been writing for a long time")
    if state in _FULL or (code is not None and code & 0xFF == sqlite3.SQLITE_FULL):
        return StoreFullError("there is no space left for the store's database")
    if code is None and isinstance(error, OperationalError) and _is_away(state):
        return StoreBusyError(
            "the store's database cannot be reached at present, or does not let this server in; "
            "if it runs, check --database-url"
        )
    reason = _SQLITE_REASONS.get(0 if code is None else code & 0xFF, name)
    return StoreError(f"the store's database failed ({reason})")


def _is_away(state: str | None) -> bool:
    """Return whether a server says that it stops or starts, or says nothing any more."""
    return state is None or state.startswith("08") or state in _STOPPING
