"""Garbage of removed versions: rows go first, then files that are no longer referenced."""

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import ColumnElement, Connection, Select, not_, select, update

from drum_like.errors import ConflictError, StoreError
from drum_like.store import tables
from drum_like.store.database import Database, Writing
from drum_like.store.files import Files

_V = tables.versions


def freed_by(connection: Connection, which: ColumnElement[bool]) -> dict[str, int]:
    """Return the sizes, by digest, of the files that only these versions refer to.

    Raises:
        ConflictError: one of the versions is deployed.
    """
    deployed = connection.execute(_deployed().where(which).limit(1)).scalar()
    if deployed is not None:
        raise ConflictError("a version is deployed; undeploy its pipeline first")
    staying = select(_V.c.sha256).where(not_(which))
    going = select(_V.c.sha256, _V.c.size).where(which, _V.c.sha256.not_in(staying))
    return dict(connection.execute(going).all())


def deployed_version_ids(connection: Connection) -> frozenset[int]:
    """Return the ids of the versions that a deployed pipeline uses."""
    return frozenset(connection.execute(_deployed()).scalars())


def referenced(database: Database) -> frozenset[str]:
    """Return the digests of the files that versions refer to."""
    with database.read() as connection:
        return frozenset(connection.execute(select(_V.c.sha256).distinct()).scalars())


def mark(writing: Writing) -> None:
    """Note that workers have to forget something."""
    writing.connection.execute(update(tables.state).values(removals=writing.revision))


def collect(database: Database, files: Files, digests: Iterable[str]) -> int:
    """Remove unreferenced files; return the number of bytes freed.

    Inside a transaction that writes: a file is put into its place in such a transaction, too, so
    none can be wanted again between the look and the removal.
    """
    n_bytes = 0
    with database.write(notify=False) as writing:
        for digest in digests:
            wanted = select(_V.c.id).where(_V.c.sha256 == digest).limit(1)
            if writing.connection.execute(wanted).scalar() is None:
                n_bytes += files.remove(digest)
    return n_bytes


def collect_soon(database: Database, files: Files, digests: Iterable[str]) -> None:
    """Remove unreferenced files; failures are left to the next sweep.

    The rows are gone by now: a completed removal is not to be reported as a failure.
    """
    with suppress(StoreError):
        collect(database, files, digests)


def _deployed() -> Select[int]:
    link, config, deployment = tables.deployment_configs, tables.configs, tables.deployments
    return (
        select(_V.c.id)
        .join(config, config.c.version_id == _V.c.id)
        .join(link, link.c.config_id == config.c.id)
        .join(deployment, deployment.c.id == link.c.deployment_id)
        .where(deployment.c.deployed)
    )
