"""The store as a whole: a directory of files, and a database in it or elsewhere."""

from dataclasses import dataclass

from drum_like.store.aliases import Aliases
from drum_like.store.changes import Changes
from drum_like.store.check_queue import Checks
from drum_like.store.configs import Configs
from drum_like.store.database import Database, server_engine, sqlite_engine
from drum_like.store.decisions import Decisions
from drum_like.store.files import ORPHAN_AGE_S, Files
from drum_like.store.garbage import collect, referenced
from drum_like.store.location import DATABASE, MOVES, Place
from drum_like.store.migrate import prepare
from drum_like.store.models import Models
from drum_like.store.pipelines import Pipelines
from drum_like.store.projects import Projects
from drum_like.store.revision import Moves
from drum_like.store.version_logs import Logs
from drum_like.store.versions import Versions
from drum_like.store.workspaces import Workspaces


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
    moves = Moves(place.root / MOVES)
    database = Database(engine, moves)
    try:
        prepare(database, place.root)
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
        changes=Changes(database, moves),
        decisions=Decisions(database),
        projects=Projects(database),
    )
