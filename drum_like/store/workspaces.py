"""Workspaces and their members."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from drum_like.errors import ConflictError, NotFoundError, PayloadError
from drum_like.store import row_mapping, tables
from drum_like.store.database import Database, Writing
from drum_like.store.row_mapping import WORKSPACE
from drum_like.store.workspace_entities import Contents, Member, Workspace

_T = tables.workspaces
_LONGEST_USER = 255


class Workspaces:
    """The workspaces of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, created_by: str = "") -> Workspace:
        """Return a new workspace.

        Raises:
            ConflictError: there is one of that name.
        """
        values = {
            "name": name,
            "created_by": created_by,
            "archived": False,
            "created_at": row_mapping.now(),
        }
        with self._database.write() as writing:
            statement = insert(_T).values(values).returning(*WORKSPACE)
            row = _unless_taken(writing, statement, name)
            if created_by:
                _add_member(writing.connection, Member(row.id, created_by, "OWNER"))
            return row_mapping.plain(row, Workspace)

    def get(self, workspace_id: int) -> Workspace:
        """Return a workspace.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            return found(connection, workspace_id)

    def by_name(self, name: str) -> Workspace | None:
        """Return the workspace of that name."""
        with self._database.read() as connection:
            row = connection.execute(select(*WORKSPACE).where(_T.c.name == name)).one_or_none()
            return None if row is None else row_mapping.plain(row, Workspace)

    def all(self, user: str | None = None) -> list[Workspace]:
        """Return all workspaces, or those that a user belongs to, the lowest id first."""
        statement = select(*WORKSPACE).order_by(_T.c.id)
        if user is not None:
            member = tables.members.c
            mine = select(member.workspace_id).where(member.user_name == user)
            statement = statement.where(_T.c.id.in_(mine))
        with self._database.read() as connection:
            return [row_mapping.plain(row, Workspace) for row in connection.execute(statement)]

    def rename(self, workspace_id: int, name: str) -> Workspace:
        """Return the workspace under its new name.

        Raises:
            NotFoundError: there is none with that id.
            ConflictError: another one has the name.
        """
        with self._database.write() as writing:
            found(writing.connection, workspace_id)
            changed = update(_T).where(_T.c.id == workspace_id).values(name=name)
            row = _unless_taken(writing, changed.returning(*WORKSPACE), name)
            return row_mapping.plain(row, Workspace)

    def contents(self, workspace_ids: Sequence[int]) -> dict[int, Contents]:
        """Return the content of each workspace, with one query for models and one for pipelines."""
        with self._database.read() as connection:
            models = _ids(connection, tables.models, workspace_ids)
            pipelines = _ids(connection, tables.pipelines, workspace_ids)
        return {
            key: Contents(tuple(models.get(key, ())), tuple(pipelines.get(key, ())))
            for key in workspace_ids
        }

    def members(self, workspace_id: int) -> list[Member]:
        """Return the members of a workspace, by name."""
        member = tables.members.c
        statement = (
            select(member.workspace_id, member.user_name, member.kind)
            .where(member.workspace_id == workspace_id)
            .order_by(member.user_name)
        )
        with self._database.read() as connection:
            return [Member(*row) for row in connection.execute(statement)]

    def add_member(self, workspace_id: int, user: str, kind: str) -> None:
        """Add a user to a workspace; an existing member gets the new kind.

        Raises:
            NotFoundError: there is no workspace with that id.
            PayloadError: the user's name is too long.
        """
        with self._database.write() as writing:
            found(writing.connection, workspace_id)
            _remove_member(writing.connection, workspace_id, user)
            _add_member(writing.connection, Member(workspace_id, user, kind))

    def remove_member(self, workspace_id: int, user: str) -> int:
        """Remove a member; return the number removed, 1 or 0."""
        with self._database.write() as writing:
            return _remove_member(writing.connection, workspace_id, user)

    def default_of(self, user: str) -> Workspace | None:
        """Return the default workspace of a user, None without one."""
        mine = tables.default_workspaces.c
        statement = (
            select(*WORKSPACE)
            .join(tables.default_workspaces, mine.workspace_id == _T.c.id)
            .where(mine.user_name == user)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
            return None if row is None else row_mapping.plain(row, Workspace)

    def set_default(self, user: str, workspace_id: int) -> None:
        """Make a workspace the default of a user.

        Raises:
            NotFoundError: there is no workspace with that id.
            PayloadError: the user's name is too long.
        """
        _check_user(user)
        table = tables.default_workspaces
        with self._database.write() as writing:
            found(writing.connection, workspace_id)
            writing.connection.execute(delete(table).where(table.c.user_name == user))
            values = {"user_name": user, "workspace_id": workspace_id}
            writing.connection.execute(insert(table).values(values))


def found(connection: Connection, workspace_id: int) -> Workspace:
    """Return a workspace.

    Raises:
        NotFoundError: there is none with that id.
    """
    row = connection.execute(select(*WORKSPACE).where(_T.c.id == workspace_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no workspace {workspace_id}")
    return row_mapping.plain(row, Workspace)


def _ids(
    connection: Connection, table: Table, workspace_ids: Sequence[int]
) -> dict[int, list[int]]:
    """Return the ids of a table's rows by workspace, the lowest first."""
    statement = select(table.c.workspace_id, table.c.id).order_by(table.c.id)
    if len(workspace_ids) == 1:
        statement = statement.where(table.c.workspace_id == workspace_ids[0])
    ids: dict[int, list[int]] = {}
    for workspace_id, row_id in connection.execute(statement):
        ids.setdefault(workspace_id, []).append(row_id)
    return ids


def _unless_taken(writing: Writing, statement: Any, name: str) -> Row[Any]:
    try:
        return writing.connection.execute(statement).one()
    except IntegrityError as error:
        raise ConflictError(f"there is a workspace {name!r} already") from error


def _check_user(user: str) -> None:
    """Refuse a name that PostgreSQL would not keep, and SQLite would."""
    if len(user) > _LONGEST_USER:
        raise PayloadError(f"a user is named by at most {_LONGEST_USER} characters")


def _add_member(connection: Connection, member: Member) -> None:
    _check_user(member.user)
    values = {
        "workspace_id": member.workspace_id,
        "user_name": member.user,
        "kind": member.kind,
    }
    connection.execute(insert(tables.members).values(values))


def _remove_member(connection: Connection, workspace_id: int, user: str) -> int:
    member = tables.members.c
    mine = (member.workspace_id == workspace_id) & (member.user_name == user)
    return connection.execute(delete(tables.members).where(mine)).rowcount
