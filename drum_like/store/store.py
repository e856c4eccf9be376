"""The store as a whole: a directory of files, and a database in it or elsewhere.

Whoever opens it first brings its tables to the newest migration.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from drum_like.errors import StoreError
from drum_like.store.changes import Changes
from drum_like.store.check_queue import Checks
from drum_like.store.configs import Configs
from drum_like.store.database import Database, server_engine, sqlite_engine
from drum_like.store.decisions import Decisions
from drum_like.store.files import ORPHAN_AGE_S, Files
from drum_like.store.garbage import collect, referenced
from drum_like.store.location import CHANGE_COUNTER, DATABASE, ChangeCounter, Place
from drum_like.store.migrations import HEAD
from drum_like.store.models import Aliases, Models
from drum_like.store.pipelines import Pipelines
from drum_like.store.projects import Projects
from drum_like.store.versions import Logs, Versions
from drum_like.store.workspaces import Workspaces

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6472756D
"""A number for PostgreSQL's advisory locks that other programs are unlikely to use."""


@dataclass(frozen=True, slots=True)
class Store:
    """A store, open in one process; a process that is forked opens its own.

    Each method of its parts is one transaction.
    """

    database: Database
    files: Files
    workspaces: Workspaces
    models: Models
    versions: Versions
    configs: Configs
    aliases: Aliases
    pipelines: Pipelines
    logs: Logs
    checks: Checks
    changes: Changes
    decisions: Decisions
    projects: Projects

    def sweep(self, older_than_s: float = ORPHAN_AGE_S) -> int:
        """Remove files that uploads left behind which ended with their process.

        Returns:
            How many there were.
        """
        n_parts = self.files.sweep_incoming(older_than_s)
        orphans = tuple(self.files.orphans(referenced(self.database), older_than_s))
        collect(self.database, self.files, orphans)
        return n_parts + len(orphans)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()


def open_store(place: Place) -> Store:
    """Open a store; its directory and its tables are made, or migrated, if need be.

    Raises:
        SettingsError: the URL is none, or its driver is not installed.
        StoreError: the directory or the database cannot be used.
    """
    files = Files(place.root)
    engine = sqlite_engine(place.root / DATABASE) if place.url is None else server_engine(place.url)
    counter = ChangeCounter(place.root / CHANGE_COUNTER)
    database = Database(engine, counter)
    try:
        _prepare(database, place.root)
    except BaseException:
        database.close()
        raise
    return Store(
        database=database,
        files=files,
        workspaces=Workspaces(database),
        models=Models(database, files),
        versions=Versions(database, files),
        configs=Configs(database),
        aliases=Aliases(database),
        pipelines=Pipelines(database),
        logs=Logs(database),
        checks=Checks(database),
        changes=Changes(database, counter),
        decisions=Decisions(database),
        projects=Projects(database),
    )


def _prepare(database: Database, root: Path) -> None:
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
