"""Pipelines, their versions, and which of them are deployed."""

from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select, true, update

from drum_like.errors import NotFoundError
from drum_like.store import garbage, row_mapping, tables, workspaces
from drum_like.store.database import Database, Writing
from drum_like.store.entities import Details, Visibility
from drum_like.store.row_mapping import DEPLOYMENT, PIPELINE, PIPELINE_VERSION, Record
from drum_like.store.workspace_entities import Deployment, NewDeployment, Pipeline, PipelineVersion

_P = tables.pipelines
_V = tables.pipeline_versions
_D = tables.deployments
_LINK = tables.deployment_configs


class Pipelines:
    """The pipelines of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, workspace_id: int, name: str, definition: Details, owner: str = ""
    ) -> tuple[Pipeline, PipelineVersion]:
        """Return a pipeline and its new version; the pipeline is made if it is not there.

        Raises:
            NotFoundError: there is no such workspace.
        """
        with self._database.write() as writing:
            workspaces.found(writing.connection, workspace_id)
            pipeline = _touched(writing.connection, workspace_id, name, owner)
            values = {
                "pipeline_id": pipeline.id,
                "uuid": str(uuid4()),
                "definition": dict(definition),
                "created_at": row_mapping.now(),
            }
            made = insert(_V).values(values).returning(*PIPELINE_VERSION)
            version = writing.connection.execute(made).one()
            return pipeline, row_mapping.plain(version, PipelineVersion)

    def get(self, pipeline_id: int) -> Pipeline:
        """Return a pipeline.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            found = _pipelines(connection, _P.c.id == pipeline_id)
        return _one(found, f"pipeline {pipeline_id}")

    def by_name(self, workspace_id: int, name: str) -> Pipeline | None:
        """Return the pipeline of that name in a workspace."""
        same = (_P.c.workspace_id == workspace_id) & (_P.c.name == name)
        with self._database.read() as connection:
            return next(iter(_pipelines(connection, same)), None)

    def of_workspace(self, workspace_id: int) -> list[Pipeline]:
        """Return the pipelines of a workspace, the newest first."""
        with self._database.read() as connection:
            return _pipelines(connection, _P.c.workspace_id == workspace_id)

    def all(self) -> list[Pipeline]:
        """Return all pipelines, the newest first."""
        with self._database.read() as connection:
            return _pipelines(connection, true())

    def version(self, version_id: int) -> PipelineVersion:
        """Return a version of a pipeline.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            return _version(connection, version_id)

    def version_by_uuid(self, uuid: str) -> PipelineVersion:
        """Return a version of a pipeline.

        Raises:
            NotFoundError: there is none with that UUID.
        """
        found = self._versions(_V.c.uuid == uuid)
        return _one(found, f"pipeline version {uuid[:100]}")

    def all_versions(self) -> list[PipelineVersion]:
        """Return the versions of all pipelines, the newest first."""
        return self._versions(true())

    def versions(self, pipeline_id: int) -> list[PipelineVersion]:
        """Return the versions of a pipeline, the newest first."""
        return self._versions(_V.c.pipeline_id == pipeline_id)

    def deploy(self, new: NewDeployment) -> Deployment:
        """Return the one deployment of a pipeline, which is deployed from now on.

        Raises:
            NotFoundError: there is no such version, or no such configuration.
        """
        with self._database.write() as writing:
            version = _version(writing.connection, new.pipeline_version_id)
            deployment_id = _deployed(writing, version, new)
            _link(writing.connection, deployment_id, new.config_ids)
            return _one(deployments(writing.connection, _D.c.id == deployment_id), "deployment")

    def undeploy(
        self, deployment_id: int | None = None, pipeline_id: int | None = None
    ) -> Deployment | None:
        """Return the deployment that is deployed no more; None if there was none.

        Args:
            deployment_id: Which one.
            pipeline_id: Or the one of this pipeline.
        """
        by_id = deployment_id is not None
        which = _D.c.id == deployment_id if by_id else _D.c.pipeline_id == pipeline_id
        values = {"deployed": False, "updated_at": row_mapping.now()}
        with self._database.write() as writing:
            values["revision"] = writing.revision
            writing.connection.execute(update(_D).where(which, _D.c.deployed).values(values))
            return next(iter(deployments(writing.connection, which)), None)

    def deployment(self, deployment_id: int) -> Deployment:
        """Return a deployment.

        Raises:
            NotFoundError: there is none with that id.
        """
        with self._database.read() as connection:
            found = deployments(connection, _D.c.id == deployment_id)
        return _one(found, f"deployment {deployment_id}")

    def deployment_of(self, pipeline_id: int) -> Deployment | None:
        """Return the deployment of a pipeline, whether it is deployed at present or not."""
        with self._database.read() as connection:
            return next(iter(deployments(connection, _D.c.pipeline_id == pipeline_id)), None)

    def deployments(self) -> list[Deployment]:
        """Return the deployments of all pipelines, whether they are deployed at present or not."""
        with self._database.read() as connection:
            return deployments(connection, true())

    def deployed_version_ids(self) -> frozenset[int]:
        """Return the ids of the model versions that a deployed pipeline uses."""
        with self._database.read() as connection:
            return garbage.deployed_version_ids(connection)

    def _versions(self, which: ColumnElement[bool]) -> list[PipelineVersion]:
        statement = select(*PIPELINE_VERSION).where(which).order_by(_V.c.id.desc())
        with self._database.read() as connection:
            found = connection.execute(statement)
            return [row_mapping.plain(row, PipelineVersion) for row in found]


def deployments(connection: Connection, which: ColumnElement[bool]) -> list[Deployment]:
    """Return deployments with the ids of their configurations."""
    joined = select(*DEPLOYMENT).join(_P, _P.c.id == _D.c.pipeline_id).where(which)
    links = (
        select(_LINK.c.deployment_id, _LINK.c.config_id)
        .join(_D, _D.c.id == _LINK.c.deployment_id)
        .where(which)
        .order_by(_LINK.c.position)
    )
    configs: dict[int, list[int]] = {}
    for deployment_id, config_id in connection.execute(links):
        configs.setdefault(deployment_id, []).append(config_id)
    found = connection.execute(joined.order_by(_D.c.id))
    return [row_mapping.deployment(row, tuple(configs.get(row.id, ()))) for row in found]


def _touched(connection: Connection, workspace_id: int, name: str, owner: str) -> Pipeline:
    """Return a pipeline that gets a version; writers are serialised."""
    at = row_mapping.now()
    same = (_P.c.workspace_id == workspace_id) & (_P.c.name == name)
    changed = update(_P).where(same).values(updated_at=at).returning(*PIPELINE)
    row = connection.execute(changed).one_or_none()
    if row is None:
        values = {
            "workspace_id": workspace_id,
            "name": name,
            "owner": owner,
            "visibility": Visibility.PRIVATE,
            "created_at": at,
            "updated_at": at,
        }
        row = connection.execute(insert(_P).values(values).returning(*PIPELINE)).one()
    return row_mapping.pipeline(row)


def _deployed(writing: Writing, version: PipelineVersion, new: NewDeployment) -> int:
    """Make or change the deployment of a pipeline; return its id."""
    values = {
        "pipeline_version_id": version.id,
        "name": new.name,
        "engine_config": dict(new.engine_config),
        "deployed": True,
        "updated_at": row_mapping.now(),
        "revision": writing.revision,
    }
    changed = update(_D).where(_D.c.pipeline_id == version.pipeline_id).values(values)
    deployment_id = writing.connection.execute(changed.returning(_D.c.id)).scalar()
    if deployment_id is None:
        first = {"pipeline_id": version.pipeline_id, "created_at": row_mapping.now()}
        made = insert(_D).values(values | first).returning(_D.c.id)
        deployment_id = writing.connection.execute(made).scalar_one()
    return int(deployment_id)


def _link(connection: Connection, deployment_id: int, config_ids: tuple[int, ...]) -> None:
    """Hold a deployment to configurations, in their order."""
    there = set(
        connection.execute(
            select(tables.configs.c.id).where(tables.configs.c.id.in_(config_ids))
        ).scalars()
    )
    missing = [config_id for config_id in config_ids if config_id not in there]
    if missing:
        raise NotFoundError(f"there is no model configuration {missing[0]}")
    connection.execute(delete(_LINK).where(_LINK.c.deployment_id == deployment_id))
    for position, config_id in enumerate(config_ids):
        values = {"deployment_id": deployment_id, "position": position, "config_id": config_id}
        connection.execute(insert(_LINK).values(values))


def _pipelines(connection: Connection, which: ColumnElement[bool]) -> list[Pipeline]:
    statement: Select[tuple[object, ...]] = select(*PIPELINE).where(which)
    return list(map(row_mapping.pipeline, connection.execute(statement.order_by(_P.c.id.desc()))))


def _version(connection: Connection, version_id: int) -> PipelineVersion:
    statement = select(*PIPELINE_VERSION).where(_V.c.id == version_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no pipeline version {version_id}")
    return row_mapping.plain(row, PipelineVersion)


def _one(found: list[Record], what: str) -> Record:
    if not found:
        raise NotFoundError(f"there is no {what}")
    return found[0]
