"""Versions of models, and their logs: lines for the people who uploaded them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, or_, select, update

from drum_like.errors import NotFoundError
from drum_like.store import configs, garbage, models, row_mapping, tables, workspaces
from drum_like.store.database import Database, Writing
from drum_like.store.entities import LogLine, NewVersion, Status, Version, Visibility
from drum_like.store.files import Files
from drum_like.store.names import check_model_name
from drum_like.store.row_mapping import VERSION
from drum_like.store.upload_file import Received

_T, _LOGS = tables.versions, tables.logs
_NEWEST_FIRST = (_T.c.updated_at.desc(), _T.c.id.desc())


@dataclass(frozen=True, slots=True)
class File:
    """The file of a new version, looked at.

    Attributes:
        received: Where it lies, and what it is by its digest; None for a version without a file.
        sha256: Of its bytes.
        size: In bytes.
        format: Name of the kind of artifact, ZIP or IMAGE.
        runs_code: Whether loading it can run code that it brings along.
        image_path: Of a version without a file.
    """

    received: Received | None
    sha256: str
    size: int
    format: str
    runs_code: bool = False
    image_path: str | None = None


class Versions:
    """The versions of a store."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    def add(self, new: NewVersion, file: File, status: Status, lines: Sequence[str]) -> Version:
        """Put a file into its place and return its version: all of it, or nothing.

        Args:
            new: The uploader's declaration.
            file: Brought to the disk already.
            status: PENDING for a version that is to be checked, READY for one that was.
            lines: Of its log.

        Raises:
            UploadError: the name cannot be that of a model.
            NotFoundError: there is no such workspace.
            StoreError: the disk or the database fails; nothing is stored then.
        """
        check_model_name(new.name)
        keep = file.received is not None and self._files.holds(file.received)
        with self._database.write() as writing:
            workspaces.found(writing.connection, new.workspace_id)
            if file.received is not None:
                self._files.publish(file.received, keep=keep)
            version_id = _insert(writing, new, file, status)
            configs.add(writing, version_id, replace(new.config, runtime=new.runtime))
            for line in lines:
                add_log_line(writing, version_id, line)
            return found(writing.connection, version_id)

    def get(self, version_id: int) -> Version:
        """Return a version.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            return found(connection, version_id)

    def by_uuid(self, uuid: str) -> Version | None:
        """Return the version with that UUID."""
        return next(iter(self._where(_T.c.uuid == uuid)), None)

    def of_model(self, model_id: int) -> list[Version]:
        """Return the versions of a model, the one that changed last first."""
        return self._where(_T.c.model_id == model_id)

    def matching(self, name: str | None, model_id: int | None) -> list[Version]:
        """Return the versions of all models of that name, and those of that model.

        The one that changed last comes first.
        """
        wanted: list[ColumnElement[bool]] = []
        if name is not None:
            named = select(tables.models.c.id).where(tables.models.c.name == name)
            wanted.append(_T.c.model_id.in_(named))
        if model_id is not None:
            wanted.append(_T.c.model_id == model_id)
        return self._where(or_(*wanted)) if wanted else []

    def search(self, term: str, limit: int = 1000) -> list[Version]:
        """Return versions with a text in name, file name, digest or UUID, the newest first."""
        places = (tables.models.c.name, _T.c.file_name, _T.c.sha256, _T.c.uuid)
        hits = or_(*(place.icontains(term, autoescape=True) for place in places))
        statement = selected().where(hits).order_by(_T.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return list(map(row_mapping.version, connection.execute(statement)))

    def set_visibility(self, version_id: int, visibility: Visibility) -> Version:
        """Return a version that others may see from now on, or not.

        Raises:
            NotFoundError: there is none with that id.
        """
        return self._change(version_id, visibility=visibility.value, updated_at=row_mapping.now())

    def set_runtime(self, version_id: int, runtime: str) -> Version:
        """Set the runtime of a version, and return the version.

        Raises:
            NotFoundError: there is none with that id.
        """
        return self._change(version_id, runtime=runtime)

    def delete(self, uuids: Collection[str], *, confirm: bool = True) -> int:
        """Remove versions, all or none; return the bytes that are free then.

        Their models stay. With confirm=False nothing goes, and the answer says how much it would.

        Raises:
            NotFoundError: one of them is not there.
            ConflictError: one of them is deployed.
        """
        which = _T.c.uuid.in_(uuids)
        with self._database.write() as writing:
            there = set(writing.connection.execute(select(_T.c.uuid).where(which)).scalars())
            missing = sorted(set(uuids) - there)
            if missing:
                raise NotFoundError(f"there is no model version {missing[0]}")
            freed = garbage.freed_by(writing.connection, which)
            if confirm:
                garbage.mark(writing)
                writing.connection.execute(delete(_T).where(which))
        if confirm:
            garbage.collect_soon(self._database, self._files, freed)
        return sum(freed.values())

    def _where(self, condition: ColumnElement[bool]) -> list[Version]:
        statement = selected().where(condition).order_by(*_NEWEST_FIRST)
        with self._database.read() as connection:
            return list(map(row_mapping.version, connection.execute(statement)))

    def _change(self, version_id: int, **values: object) -> Version:
        with self._database.write() as writing:
            found(writing.connection, version_id)
            values["revision"] = writing.revision
            writing.connection.execute(update(_T).where(_T.c.id == version_id).values(values))
            return found(writing.connection, version_id)


def selected() -> Select[tuple[object, ...]]:
    """Return the statement that gives all versions."""
    return select(*VERSION).join(tables.models, tables.models.c.id == _T.c.model_id)


def found(connection: Connection, version_id: int) -> Version:
    """Return a version.

    Raises:
        NotFoundError: there is none with that id.
    """
    row = connection.execute(selected().where(_T.c.id == version_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no model version {version_id}")
    return row_mapping.version(row)


def _insert(writing: Writing, new: NewVersion, file: File, status: Status) -> int:
    model_id, number = models.touched(writing, new)
    at = row_mapping.now()
    values = {
        "model_id": model_id,
        "number": number,
        "uuid": str(uuid4()),
        "sha256": file.sha256,
        "size": file.size,
        "file_name": new.file_name,
        "image_path": file.image_path,
        "visibility": new.visibility.value,
        "format": file.format,
        "runs_code": file.runs_code,
        "runtime": new.runtime,
        "declared": row_mapping.declared_json(new.declared),
        "details": dict(new.details),
        "status": status.value,
        "task_id": str(uuid4()) if status is Status.PENDING else None,
        "attempts": 0,
        "created_by": new.created_by,
        "created_at": at,
        "updated_at": at,
        "revision": writing.revision,
    }
    made = insert(_T).values(values).returning(_T.c.id)
    return int(writing.connection.execute(made).scalar_one())


class Logs:
    """The logs of versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_version(self, version_id: int, limit: int | None = None) -> list[LogLine]:
        """Return the last lines of a version, the oldest first; none if there is no version."""
        newest = select(_LOGS.c.at, _LOGS.c.text).where(_LOGS.c.version_id == version_id)
        with self._database.read() as connection:
            found = connection.execute(newest.order_by(_LOGS.c.id.desc()).limit(limit)).all()
        return [LogLine(*row) for row in reversed(found)]


def add_log_line(writing: Writing, version_id: int, text: str) -> None:
    """Write a line to the log of a version."""
    values = {"version_id": version_id, "at": row_mapping.now(), "text": text}
    writing.connection.execute(insert(_LOGS).values(values))
