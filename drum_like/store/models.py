"""Models: names in a workspace under which versions are stored, and aliases of versions."""

from sqlalchemy import Connection, delete, insert, select, update

from drum_like.errors import NotFoundError
from drum_like.store import garbage, row_mapping, tables, workspaces
from drum_like.store.configs import latest_in
from drum_like.store.database import Database, Writing
from drum_like.store.entities import Model, NewVersion, Version
from drum_like.store.files import Files
from drum_like.store.names import check_alias
from drum_like.store.row_mapping import MODEL, VERSION
from drum_like.store.workspace_entities import ModelTree

_T = tables.models
_ALIASES = tables.aliases
_NEWEST_FIRST = (_T.c.created_at.desc(), _T.c.id.desc())


class Models:
    """The models of a store."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    def get(self, model_id: int) -> Model:
        """Return a model.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            row = connection.execute(select(*MODEL).where(_T.c.id == model_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no model {model_id}")
        return row_mapping.plain(row, Model)

    def find(self, workspace_id: int, name: str) -> Model | None:
        """Return the model of that name in a workspace."""
        with self._database.read() as connection:
            return find(connection, workspace_id, name)

    def of_workspace(self, workspace_id: int) -> list[Model]:
        """Return the models of a workspace, the newest first; none if there is no workspace."""
        statement = select(*MODEL).where(_T.c.workspace_id == workspace_id)
        with self._database.read() as connection:
            found = connection.execute(statement.order_by(*_NEWEST_FIRST))
            return [row_mapping.plain(row, Model) for row in found]

    def trees(self, workspace_id: int) -> list[ModelTree]:
        """Return the models of a workspace with all that belongs to them, the newest first.

        One query each for models, versions and configurations, however many there are.
        """
        statement = select(*MODEL).where(_T.c.workspace_id == workspace_id)
        versions = (
            select(*VERSION)
            .join(_T, _T.c.id == tables.versions.c.model_id)
            .where(_T.c.workspace_id == workspace_id)
            .order_by(tables.versions.c.updated_at.desc(), tables.versions.c.id.desc())
        )
        with self._database.read() as connection:
            models = connection.execute(statement.order_by(*_NEWEST_FIRST)).all()
            if not models:
                return []
            workspace = workspaces.found(connection, workspace_id)
            configs = latest_in(connection, workspace_id)
            by_model: dict[int, list[Version]] = {}
            for row in connection.execute(versions):
                by_model.setdefault(row.model_id, []).append(row_mapping.version(row))
        return [
            ModelTree(
                row_mapping.plain(row, Model),
                workspace,
                tuple((one, configs.get(one.id)) for one in by_model.get(row.id, ())),
            )
            for row in models
        ]

    def delete(self, workspace_id: int, name: str, *, confirm: bool = True) -> int:
        """Remove a model with all its versions; return the bytes that are free then.

        Args:
            workspace_id: Where the model is.
            name: Its name.
            confirm: False removes nothing and only says how much it would be.

        Raises:
            NotFoundError: there is no such model.
            ConflictError: a version of it is deployed.
        """
        with self._database.write() as writing:
            model = find(writing.connection, workspace_id, name)
            if model is None:
                raise NotFoundError(f"there is no model {name!r} in workspace {workspace_id}")
            of_model = tables.versions.c.model_id == model.id
            freed = garbage.freed_by(writing.connection, of_model)
            if confirm:
                garbage.mark(writing)
                writing.connection.execute(delete(_T).where(_T.c.id == model.id))
        if confirm:
            garbage.collect_soon(self._database, self._files, freed)
        return sum(freed.values())


def find(connection: Connection, workspace_id: int, name: str) -> Model | None:
    """Return the model of that name in a workspace."""
    same = (_T.c.workspace_id == workspace_id) & (_T.c.name == name)
    row = connection.execute(select(*MODEL).where(same)).one_or_none()
    return None if row is None else row_mapping.plain(row, Model)


def touched(writing: Writing, new: NewVersion) -> tuple[int, int]:
    """Return the id of a model that gets a version, and that version's number.

    The model is made if it is not there; otherwise it counts as changed now. Writers are
    serialised: no other one can make it between the look and the insert.
    """
    at = row_mapping.now()
    model = find(writing.connection, new.workspace_id, new.name)
    if model is None:
        values = {
            "workspace_id": new.workspace_id,
            "name": new.name,
            "owner": new.created_by,
            "last_number": 1,
            "created_at": at,
            "updated_at": at,
        }
        made = writing.connection.execute(insert(_T).values(values).returning(_T.c.id))
        return made.scalar_one(), 1
    counted = (
        update(_T)
        .where(_T.c.id == model.id)
        .values(last_number=_T.c.last_number + 1, updated_at=at)
        .returning(_T.c.last_number)
    )
    return model.id, writing.connection.execute(counted).scalar_one()


class Aliases:
    """The aliases of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_model(self, model_id: int) -> dict[str, int]:
        """Return the ids of versions by alias."""
        columns = (_ALIASES.c.name, _ALIASES.c.version_id)
        statement = select(*columns).where(_ALIASES.c.model_id == model_id)
        with self._database.read() as connection:
            return dict(connection.execute(statement.order_by(_ALIASES.c.name)).all())

    def of_workspace(self, workspace_id: int) -> dict[int, dict[str, int]]:
        """Return the ids of versions by alias, for each model of a workspace that has any."""
        statement = (
            select(_ALIASES.c.model_id, _ALIASES.c.name, _ALIASES.c.version_id)
            .join(tables.models, tables.models.c.id == _ALIASES.c.model_id)
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
            same = (_ALIASES.c.model_id == model_id) & (_ALIASES.c.name == alias)
            n_removed = writing.connection.execute(delete(_ALIASES).where(same)).rowcount
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
            writing.connection.execute(insert(_ALIASES).values(values))
