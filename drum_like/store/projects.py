"""Projects: configurations of trainings, their runs, and the deployments of runs.

Every method is one transaction, and those that write run one after the other; so no reader sees a
part of a deletion, and nothing is added to what is being deleted. Workers do not watch these
tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select

from drum_like.errors import ConflictError, NotFoundError
from drum_like.store import ecosystem_tables as tables
from drum_like.store import row_mapping
from drum_like.store.database import Database
from drum_like.store.ecosystem_entities import (
    COLLECTIONS,
    Activity,
    Configuration,
    NewConfiguration,
    NewRun,
    Removal,
    Run,
    RunStatus,
)

DELETED = "DELETE_MLRUN_CONFIGURATION"
"""The activity of a deletion."""

_C, _R, _D = tables.configurations, tables.training_runs, tables.k8s_deployments
_ACTIVE = "active"


class Projects:
    """The projects of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, new: NewConfiguration) -> Configuration:
        """Return a configuration, made with its feature pipeline and its feature set.

        Each belongs to one configuration alone, so that a deletion takes nothing from another.

        Raises:
            ConflictError: the project has a configuration, pipeline or feature set of that name.
        """
        moment = row_mapping.now()
        made = Configuration(str(uuid4()), new, _ACTIVE, 1, moment)
        fields = asdict(new) | {"feature_fields": list(new.feature_fields), "tags": list(new.tags)}
        values = fields | {"id": made.id, "state": made.state, "version": 1, "created_at": moment}
        with self._database.write(notify=False) as writing:
            for table, name in _names(new):
                _check_free(writing.connection, table, new.project_id, name)
            writing.connection.execute(insert(_C).values(values))
            bound = {"project_id": new.project_id, "created_at": moment}
            pipeline = bound | {"id": str(uuid4()), "name": new.pipeline_name}
            writing.connection.execute(insert(tables.feature_pipelines).values(pipeline))
            feature_set = bound | {"id": str(uuid4()), "name": new.feature_set_name}
            feature_set |= {"fields": list(new.feature_fields)}
            writing.connection.execute(insert(tables.feature_sets).values(feature_set))
        return made

    def configuration(self, configuration_id: str) -> Configuration:
        """Return a configuration.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            return _found(connection, configuration_id)

    def configurations(
        self, project_id: str | None = None, pipeline_name: str | None = None
    ) -> list[Configuration]:
        """Return the configurations of a project, or of all, the oldest first."""
        statement = select(_C).order_by(_C.c.created_at, _C.c.id)
        if project_id is not None:
            statement = statement.where(_C.c.project_id == _storable(project_id))
        if pipeline_name is not None:
            statement = statement.where(_C.c.pipeline_name == _storable(pipeline_name))
        with self._database.read() as connection:
            return [row_mapping.configuration(row) for row in connection.execute(statement)]

    def add_run(self, configuration_id: str, new: NewRun) -> str:
        """Return the id of a new run of a configuration.

        Raises:
            NotFoundError: there is no such configuration, or no longer.
        """
        with self._database.write(notify=False) as writing:
            of = _found(writing.connection, configuration_id)
            values = asdict(new) | {
                "id": str(uuid4()),
                "project_id": of.new.project_id,
                "configuration_id": of.id,
                "problem_type": of.new.problem_type,
                "target_field": of.new.target_field,
                "metrics": dict(new.metrics),
                "created_at": row_mapping.now(),
            }
            writing.connection.execute(insert(_R).values(values))
            return str(values["id"])

    def deploy(self, run_id: str) -> str:
        """Return the id of a new deployment of a run.

        Raises:
            NotFoundError: there is no such run, or no longer.
        """
        with self._database.write(notify=False) as writing:
            of = select(_R.c.project_id).where(_R.c.id == run_id)
            project_id = writing.connection.execute(of).scalar()
            if project_id is None:
                raise NotFoundError(f"there is no training run {run_id!r}")
            values = {
                "id": f"dep-{uuid4()}",
                "project_id": project_id,
                "run_id": run_id,
                "created_at": row_mapping.now(),
            }
            writing.connection.execute(insert(_D).values(values))
            return str(values["id"])

    def runs(self, project_id: str | None = None) -> list[Run]:
        """Return the runs of a project, or of all, that succeeded; the newest first."""
        ranked = select(
            _D.c.run_id,
            _D.c.id,
            func.row_number()
            .over(partition_by=_D.c.run_id, order_by=(_D.c.created_at.desc(), _D.c.id))
            .label("place"),
        ).subquery()
        newest = (ranked.c.run_id == _R.c.id) & (ranked.c.place == 1)
        statement = (
            select(_R, ranked.c.id.label("deployment_id"))
            .outerjoin(ranked, newest)
            .where(_R.c.status == RunStatus.SUCCEEDED)
            .order_by(_R.c.created_at.desc(), _R.c.id)
        )
        if project_id is not None:
            statement = statement.where(_R.c.project_id == _storable(project_id))
        with self._database.read() as connection:
            return [row_mapping.run(row) for row in connection.execute(statement)]

    def delete(self, configuration_id: str, user: str) -> Removal:
        """Remove a configuration with all that belongs to it, and record who removed it.

        Its feature pipeline, its feature set, its runs, runs of its project that belong to no
        configuration, and all deployments of its project.

        Raises:
            NotFoundError: there is no such configuration; nothing is noted then.
        """
        with self._database.write(notify=False) as writing:
            of = _found(writing.connection, configuration_id)
            counts = {
                table.name: writing.connection.execute(delete(table).where(condition)).rowcount
                for table, condition in _belongings(of)
            }
            removal = Removal(
                of.id, of.new.project_id, {name: counts[name] for name in COLLECTIONS}
            )
            document = {
                "configuration_id": of.id,
                "counts": dict(removal.counts),
                "message": removal.message,
            }
            _note(writing.connection, DELETED, user, of.new.project_id, document)
            return removal

    def note(self, activity: str, user: str, project_id: str, document: Mapping[str, Any]) -> None:
        """Record an action of a user on a project."""
        with self._database.write(notify=False) as writing:
            _note(writing.connection, activity, user, project_id, document)

    def activities(self, project_id: str) -> list[Activity]:
        """Return the actions on a project, the oldest first."""
        table = tables.activities
        statement = select(table).where(table.c.project_id == project_id).order_by(table.c.id)
        with self._database.read() as connection:
            return [
                Activity(row.activity, row.user_name, row.project_id, row.document, row.created_at)
                for row in connection.execute(statement)
            ]


def _belongings(of: Configuration) -> Sequence[tuple[Table, ColumnElement[bool]]]:
    """Return the rows removed with a configuration; rows that refer to a row come before it."""
    project_id = of.new.project_id
    pipelines, sets = tables.feature_pipelines, tables.feature_sets
    of_nobody = _R.c.configuration_id.is_(None) & (_R.c.project_id == project_id)
    return (
        (_D, _D.c.project_id == project_id),
        (_R, (_R.c.configuration_id == of.id) | of_nobody),
        (sets, (sets.c.project_id == project_id) & (sets.c.name == of.new.feature_set_name)),
        (
            pipelines,
            (pipelines.c.project_id == project_id) & (pipelines.c.name == of.new.pipeline_name),
        ),
        (_C, _C.c.id == of.id),
    )


def _found(connection: Connection, configuration_id: str) -> Configuration:
    row = connection.execute(select(_C).where(_C.c.id == _storable(configuration_id))).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no configuration {configuration_id[:100]!r}")
    return row_mapping.configuration(row)


def _names(new: NewConfiguration) -> Sequence[tuple[Table, str]]:
    """Return the names that a configuration needs for itself, each with its table."""
    return (
        (_C, new.name),
        (tables.feature_pipelines, new.pipeline_name),
        (tables.feature_sets, new.feature_set_name),
    )


def _check_free(connection: Connection, table: Table, project_id: str, name: str) -> None:
    """Raise ConflictError if a name is taken; it cannot be taken before this transaction ends."""
    there = (table.c.project_id == project_id) & (table.c.name == name)
    if connection.execute(select(table.c.id).where(there)).first() is not None:
        raise ConflictError(
            f"{name!r} is there already in the project {project_id!r}; "
            "delete the configuration that it belongs to"
        )


def _storable(text: str) -> str:
    """Return text without NUL: PostgreSQL stores none, so no row is found by it."""
    return text.replace("\0", "\ufffd")


def _note(
    connection: Connection, activity: str, user: str, project_id: str, document: Mapping[str, Any]
) -> None:
    values = {
        "activity": activity,
        "user_name": user,
        "project_id": project_id,
        "document": dict(document),
        "created_at": row_mapping.now(),
    }
    connection.execute(insert(tables.activities).values(values))
