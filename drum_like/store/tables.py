"""The tables of the store, as the newest migration leaves them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives ids of its own to columns of the type INTEGER only."""

Json = JSON(none_as_null=True)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970: the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return microseconds."""
        del dialect
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return a datetime in UTC."""
        del dialect
        return None if value is None else _EPOCH + value * _MICROSECOND


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Number, primary_key=True, autoincrement=True)


def _of(table: str, name: str, **rest: Any) -> Column[int]:
    """Return a column that refers to a row of another table and goes with it."""
    return Column(name, Number, ForeignKey(f"{table}.id", ondelete="CASCADE"), **rest)


def _required(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # One more with every transaction that writes; rows carry the one that changed them last.
    _required("revision", BigInteger),
    # The revision of the last transaction that removed something which workers may know.
    _required("removals", BigInteger),
)

workspaces = Table(
    "workspaces",
    metadata,
    _id(),
    Column("name", String(255), nullable=False, unique=True),
    _required("created_by", Text),
    _required("archived", Boolean),
    _required("created_at", Moment),
    sqlite_autoincrement=True,
)

members = Table(
    "members",
    metadata,
    _of("workspaces", "workspace_id", primary_key=True),
    Column("user_name", String(255), primary_key=True),
    _required("kind", String(32)),
)

default_workspaces = Table(
    "default_workspaces",
    metadata,
    Column("user_name", String(255), primary_key=True),
    _of("workspaces", "workspace_id", nullable=False),
)

models = Table(
    "models",
    metadata,
    _id(),
    _of("workspaces", "workspace_id", nullable=False),
    _required("name", String(128)),
    _required("owner", Text),
    # The highest number that a version ever had.
    _required("last_number", Integer),
    _required("created_at", Moment),
    _required("updated_at", Moment),
    UniqueConstraint("workspace_id", "name"),
    Index(None, "name"),
    Index(None, "workspace_id", "created_at", "id"),
    sqlite_autoincrement=True,
)

versions = Table(
    "versions",
    metadata,
    _id(),
    _of("models", "model_id", nullable=False),
    _required("number", Integer),
    Column("uuid", String(36), nullable=False, unique=True),
    _required("sha256", String(64)),
    _required("size", BigInteger),
    Column("file_name", Text),
    Column("image_path", Text),
    _required("visibility", String(16)),
    _required("format", String(64)),
    _required("runs_code", Boolean),
    _required("runtime", String(64)),
    _required("declared", Json),
    _required("details", Json),
    _required("status", String(16)),
    Column("error", Text),
    Column("task_id", String(36)),
    _required("attempts", Integer),
    # Who checks it at present, and until when others leave it alone.
    Column("lease_owner", String(36)),
    Column("lease_until", Moment),
    _required("created_by", Text),
    _required("created_at", Moment),
    _required("updated_at", Moment),
    _required("revision", BigInteger),
    UniqueConstraint("model_id", "number"),
    Index(None, "model_id", "updated_at", "id"),
    Index(None, "sha256"),
    Index(None, "revision"),
    sqlite_autoincrement=True,
)
unchecked = versions.c.status.in_(("pending", "loading"))
Index(
    "ix_versions_unchecked",
    versions.c.id,
    sqlite_where=text("status IN ('pending', 'loading')"),
    postgresql_where=text("status IN ('pending', 'loading')"),
)

configs = Table(
    "configs",
    metadata,
    _id(),
    _of("versions", "version_id", nullable=False),
    _required("runtime", String(64)),
    Column("tensor_fields", Json),
    Column("filter_threshold", Float),
    Column("input_schema", Text),
    Column("output_schema", Text),
    Column("batch_config", String(32)),
    _required("options", Json),
    _required("created_at", Moment),
    _required("revision", BigInteger),
    Index(None, "version_id", "id"),
    Index(None, "revision"),
    sqlite_autoincrement=True,
)

aliases = Table(
    "aliases",
    metadata,
    _of("models", "model_id", primary_key=True),
    Column("name", String(64), primary_key=True),
    _of("versions", "version_id", nullable=False, index=True),
    Column("revision", BigInteger, nullable=False, index=True),
)

logs = Table(
    "logs",
    metadata,
    _id(),
    _of("versions", "version_id", nullable=False),
    _required("at", Moment),
    _required("text", Text),
    Index(None, "version_id", "id"),
    sqlite_autoincrement=True,
)

verdicts = Table(
    "verdicts",
    metadata,
    # Digest of everything that a check depends on.
    Column("fingerprint", String(64), primary_key=True),
    _required("created_at", Moment),
)

pipelines = Table(
    "pipelines",
    metadata,
    _id(),
    _of("workspaces", "workspace_id", nullable=False),
    _required("name", String(128)),
    _required("owner", Text),
    _required("visibility", String(16)),
    _required("created_at", Moment),
    _required("updated_at", Moment),
    UniqueConstraint("workspace_id", "name"),
    sqlite_autoincrement=True,
)

pipeline_versions = Table(
    "pipeline_versions",
    metadata,
    _id(),
    _of("pipelines", "pipeline_id", nullable=False),
    Column("uuid", String(36), nullable=False, unique=True),
    _required("definition", Json),
    _required("created_at", Moment),
    Index(None, "pipeline_id", "id"),
    sqlite_autoincrement=True,
)

deployments = Table(
    "deployments",
    metadata,
    _id(),
    _of("pipelines", "pipeline_id", nullable=False, unique=True),
    _of("pipeline_versions", "pipeline_version_id", nullable=False),
    _required("name", Text),
    _required("engine_config", Json),
    _required("deployed", Boolean),
    _required("created_at", Moment),
    _required("updated_at", Moment),
    Column("revision", BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,
)

deployment_configs = Table(
    "deployment_configs",
    metadata,
    _of("deployments", "deployment_id", primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _of("configs", "config_id", nullable=False, index=True),
)

# Named as the collections that ecosystem.ai's runtime keeps; `document` is what it would write.
presented = Table(
    "ecosystemruntime",
    metadata,
    _id(),
    Column("uuid", String(36), nullable=False, unique=True),
    _required("at", Moment),
    _required("campaign", Text),
    _required("document", Json),
    Index(None, "campaign", "at"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

accepted = Table(
    "ecosystemruntime_response",
    metadata,
    # One for each presented row; its `response_log`, the presented document, is not kept twice.
    Column(
        "uuid",
        String(36),
        ForeignKey("ecosystemruntime.uuid", ondelete="CASCADE"),
        primary_key=True,
    ),
    _required("at", Moment),
    # Whether the best result counts as accepted because no acceptance was sent.
    _required("is_automatic", Boolean),
    _required("document", Json),
    Index(None, "at"),
)

# Named as the collections of ecosystem.ai's workbench, in its database ecosystem_meta.
configurations = Table(
    "mlrun_configurations",
    metadata,
    Column("id", String(36), primary_key=True),
    _required("project_id", Text),
    _required("name", Text),
    _required("pipeline_name", Text),
    _required("feature_set_name", Text),
    _required("problem_type", Text),
    _required("target_field", Text),
    _required("feature_fields", Json),
    _required("source", Json),
    _required("destination", Json),
    _required("tags", Json),
    _required("state", Text),
    _required("version", Integer),
    _required("created_at", Moment),
    UniqueConstraint("project_id", "name"),
)

feature_pipelines = Table(
    "mlrun_feature_pipelines",
    metadata,
    Column("id", String(36), primary_key=True),
    _required("project_id", Text),
    _required("name", Text),
    _required("created_at", Moment),
    UniqueConstraint("project_id", "name"),
)

feature_sets = Table(
    "mlrun_feature_sets",
    metadata,
    Column("id", String(36), primary_key=True),
    _required("project_id", Text),
    _required("name", Text),
    _required("fields", Json),
    _required("created_at", Moment),
    UniqueConstraint("project_id", "name"),
)

training_runs = Table(
    "mlrun_training_runs",
    metadata,
    Column("id", String(36), primary_key=True),
    _required("project_id", Text),
    # None for runs that belong to the project as a whole.
    Column("configuration_id", String(36), ForeignKey("mlrun_configurations.id"), index=True),
    _required("model_id", Text),
    _required("framework", Text),
    _required("problem_type", Text),
    _required("target_field", Text),
    _required("status", String(16)),
    _required("metrics", Json),
    Column("artifact_uri", Text),
    _required("elapsed_s", Float),
    _required("created_at", Moment),
    Index(None, "project_id", "created_at"),
)

k8s_deployments = Table(
    "mlrun_k8s_deployments",
    metadata,
    Column("id", String(40), primary_key=True),
    _required("project_id", Text),
    Column("run_id", String(36), ForeignKey("mlrun_training_runs.id"), nullable=False, index=True),
    _required("created_at", Moment),
    Index(None, "project_id"),
)

activities = Table(
    "activities",
    metadata,
    _id(),
    _required("activity", Text),
    _required("user_name", Text),
    _required("project_id", Text),
    _required("document", Json),
    _required("created_at", Moment),
    Index(None, "project_id"),
    sqlite_autoincrement=True,
)
