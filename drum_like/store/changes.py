"""Incremental snapshots of the store: the rows changed since a revision.

Everything that changes carries the revision of its transaction. A worker that knows all up to one
revision asks for what is beyond it; if something was removed since, it asks for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select

from drum_like.store import pipelines, row_mapping, tables
from drum_like.store.database import Database
from drum_like.store.entities import Config, Details, Status
from drum_like.store.location import ChangeCounter
from drum_like.store.workspace_entities import Deployment

_V = tables.versions
_NOTHING = -1


class Revision(NamedTuple):
    """The revision of the store, and that of the last removal."""

    revision: int = _NOTHING
    removals: int = _NOTHING


class KnownVersion(NamedTuple):
    """Part of a version kept in memory; `is_ready` is False for one that cannot be served."""

    version_id: int
    workspace_id: int
    name: str
    number: int
    uuid: str
    is_ready: bool


class KnownAlias(NamedTuple):
    """An alias of a model."""

    workspace_id: int
    model: str
    alias: str
    version_id: int


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment with all that is needed to serve it.

    Attributes:
        deployment: The deployment; `deployed` may be False.
        definition: Of the version of the pipeline.
        configs: In the order of its steps.
    """

    deployment: Deployment
    definition: Details
    configs: tuple[Config, ...]


@dataclass(frozen=True, slots=True)
class StoreChanges:
    """Rows of the store that have changed since a revision.

    Attributes:
        revision: How far one is with it.
        is_all: Whether what is not in here is not in the store.
        versions: By id.
        aliases: Of all models.
        deployments: By id.
        configured: Versions with a new configuration.
    """

    revision: Revision
    is_all: bool
    versions: Sequence[KnownVersion]
    aliases: Sequence[KnownAlias]
    deployments: Sequence[Deployed]
    configured: frozenset[int]


class Changes:
    """The changes of a store.

    Args:
        database: Where they are.
        counter: Tells whether there are any.
    """

    def __init__(self, database: Database, counter: ChangeCounter) -> None:
        self._database = database
        self._counter = counter

    def seen(self) -> bytes:
        """Return a token that changes with every change made by this directory's processes."""
        return self._counter.seen()

    def revision(self) -> Revision:
        """Return the revision of the store; the one cheap query that workers repeat."""
        with self._database.read() as connection:
            return _revision(connection)

    def since(self, known: Revision) -> StoreChanges:
        """Return the rows changed since `known`; all rows if something was removed since."""
        with self._database.read() as connection:
            revision = _revision(connection)
            is_all = revision.removals != known.removals
            after = _NOTHING if is_all else known.revision
            return StoreChanges(
                revision=revision,
                is_all=is_all,
                versions=_versions(connection, after),
                aliases=_aliases(connection, after),
                deployments=_deployments(connection, after),
                configured=_configured(connection, after),
            )


def _revision(connection: Connection) -> Revision:
    statement = select(tables.state.c.revision, tables.state.c.removals)
    return Revision(*connection.execute(statement).one())


def _versions(connection: Connection, after: int) -> list[KnownVersion]:
    model = tables.models.c
    statement = (
        select(_V.c.id, model.workspace_id, model.name, _V.c.number, _V.c.uuid, _V.c.status)
        .join(tables.models, model.id == _V.c.model_id)
        .where(_V.c.revision > after)
        .order_by(_V.c.id)
    )
    if after == _NOTHING:
        statement = statement.where(_V.c.status == Status.READY)
    return [
        KnownVersion(*row[:-1], is_ready=row[-1] == Status.READY)
        for row in connection.execute(statement)
    ]


def _aliases(connection: Connection, after: int) -> list[KnownAlias]:
    alias, model = tables.aliases.c, tables.models.c
    statement = (
        select(model.workspace_id, model.name, alias.name, alias.version_id)
        .join(tables.models, model.id == alias.model_id)
        .where(alias.revision > after)
    )
    return [KnownAlias(*row) for row in connection.execute(statement)]


def _configured(connection: Connection, after: int) -> frozenset[int]:
    if after == _NOTHING:
        return frozenset()
    config = tables.configs.c
    changed = select(config.version_id).where(config.revision > after)
    return frozenset(connection.execute(changed).scalars())


def _deployments(connection: Connection, after: int) -> list[Deployed]:
    found = pipelines.deployments(connection, tables.deployments.c.revision > after)
    if not found:
        return []
    definitions = _definitions(connection, [one.pipeline_version_id for one in found])
    configs = _configs(connection, [config_id for one in found for config_id in one.config_ids])
    return [
        Deployed(
            one, definitions[one.pipeline_version_id], tuple(configs[id_] for id_ in one.config_ids)
        )
        for one in found
    ]


def _definitions(connection: Connection, version_ids: list[int]) -> dict[int, Details]:
    version = tables.pipeline_versions.c
    statement = select(version.id, version.definition).where(version.id.in_(version_ids))
    return dict(connection.execute(statement).all())


def _configs(connection: Connection, config_ids: list[int]) -> dict[int, Config]:
    statement = select(*row_mapping.CONFIG).where(tables.configs.c.id.in_(config_ids))
    return {config.id: config for config in map(row_mapping.config, connection.execute(statement))}
