"""Aliases: names for versions that can be moved from one to another."""

from sqlalchemy import delete, insert, select

from drum_like.errors import NotFoundError
from drum_like.store import garbage, tables
from drum_like.store.database import Database
from drum_like.store.names import check_alias

_T = tables.aliases


class Aliases:
    """The aliases of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_model(self, model_id: int) -> dict[str, int]:
        """Return the ids of versions by alias."""
        statement = select(_T.c.name, _T.c.version_id).where(_T.c.model_id == model_id)
        with self._database.read() as connection:
            return dict(connection.execute(statement.order_by(_T.c.name)).all())

    def of_workspace(self, workspace_id: int) -> dict[int, dict[str, int]]:
        """Return the ids of versions by alias, for each model of a workspace that has any."""
        statement = (
            select(_T.c.model_id, _T.c.name, _T.c.version_id)
            .join(tables.models, tables.models.c.id == _T.c.model_id)
            .where(tables.models.c.workspace_id == workspace_id)
        )
        found: dict[int, dict[str, int]] = {}
        with self._database.read() as connection:
            for model_id, alias, version_id in connection.execute(statement):
                found.setdefault(model_id, {})[alias] = version_id
        return found

    def set(self, model_id: int, alias: str, version_id: int | None) -> None:
        """Give a version an alias, which no other version of the model has then.

        Args:
            model_id: Of the version.
            alias: The name.
            version_id: None takes the alias away.

        Raises:
            UploadError: the alias breaks the rule for names.
            NotFoundError: the model has no such version, or no such alias that could be taken.
        """
        check_alias(alias)
        with self._database.write() as writing:
            same = (_T.c.model_id == model_id) & (_T.c.name == alias)
            n_removed = writing.connection.execute(delete(_T).where(same)).rowcount
            if version_id is None:
                if not n_removed:
                    raise NotFoundError(f"there is no alias {alias!r}")
                garbage.mark(writing)
                return
            mine = (tables.versions.c.id == version_id) & (tables.versions.c.model_id == model_id)
            if (
                writing.connection.execute(select(tables.versions.c.id).where(mine)).scalar()
                is None
            ):
                raise NotFoundError(f"the model has no version with the id {version_id}")
            values = {
                "model_id": model_id,
                "name": alias,
                "version_id": version_id,
                "revision": writing.revision,
            }
            writing.connection.execute(insert(_T).values(values))
