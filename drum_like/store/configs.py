"""Configurations of versions: rows that never change; the newest is in force."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, Select, func, insert, select

from drum_like.errors import NotFoundError
from drum_like.store import row_mapping, tables
from drum_like.store.database import Database, Writing
from drum_like.store.entities import Config, NewConfig
from drum_like.store.row_mapping import CONFIG

_T = tables.configs


class Configs:
    """The configurations of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, config_id: int) -> Config:
        """Return a configuration.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            row = connection.execute(select(*CONFIG).where(_T.c.id == config_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no model configuration {config_id}")
        return row_mapping.config(row)

    def latest(self, version_id: int) -> Config | None:
        """Return the configuration of a version that is in force."""
        return self.latest_of((version_id,)).get(version_id)

    def latest_of(self, version_ids: Collection[int]) -> dict[int, Config]:
        """Return the configurations in force by version."""
        with self._database.read() as connection:
            return latest_of(connection, version_ids)

    def add(self, version_id: int, new: NewConfig, keep: Sequence[str] = ()) -> Config:
        """Return a configuration that is in force from now on.

        Args:
            version_id: Of what.
            new: Its content.
            keep: Fields that it takes over from the configuration before it.

        Raises:
            NotFoundError: there is no such version.
        """
        with self._database.write() as writing:
            runtime = writing.connection.execute(
                select(tables.versions.c.runtime).where(tables.versions.c.id == version_id)
            ).scalar()
            if runtime is None:
                raise NotFoundError(f"there is no model version {version_id}")
            before = latest_of(writing.connection, (version_id,)).get(version_id)
            if before is not None:
                new = replace(new, **{name: getattr(before, name) for name in keep})
            return add(writing, version_id, replace(new, runtime=new.runtime or runtime))


def add(writing: Writing, version_id: int, new: NewConfig) -> Config:
    """Write a configuration whose runtime is known."""
    values = asdict(new) | {
        "tensor_fields": None if new.tensor_fields is None else list(new.tensor_fields),
        "options": dict(new.options),
        "version_id": version_id,
        "created_at": row_mapping.now(),
        "revision": writing.revision,
    }
    return row_mapping.config(
        writing.connection.execute(insert(_T).values(values).returning(*CONFIG)).one()
    )


def latest_of(connection: Connection, version_ids: Collection[int]) -> dict[int, Config]:
    """Return the configurations in force by version."""
    return _by_version(connection, _newest().where(_T.c.version_id.in_(version_ids)))


def latest_in(connection: Connection, workspace_id: int) -> dict[int, Config]:
    """Return the configurations in force of all versions in a workspace, by version."""
    versions, models = tables.versions, tables.models
    return _by_version(
        connection,
        _newest()
        .join(versions, versions.c.id == _T.c.version_id)
        .join(models, models.c.id == versions.c.model_id)
        .where(models.c.workspace_id == workspace_id),
    )


def _newest() -> Select[int]:
    return select(func.max(_T.c.id)).group_by(_T.c.version_id)


def _by_version(connection: Connection, newest: Select[int]) -> dict[int, Config]:
    statement = select(*CONFIG).where(_T.c.id.in_(newest))
    found = map(row_mapping.config, connection.execute(statement))
    return {config.version_id: config for config in found}
