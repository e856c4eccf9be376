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
from sqlalchemy.schema import SchemaItem
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


def numbered(name: str, *parts: SchemaItem) -> Table:
    """Return a table whose rows have ids, which are never used again."""
    id_column = Column("id", Number, primary_key=True, autoincrement=True)
    return Table(name, metadata, id_column, *parts, sqlite_autoincrement=True)


def _of(table: str, name: str, **rest: Any) -> Column[int]:
    """Return a column that refers to a row of another table and goes with it."""
    return Column(name, Number, ForeignKey(f"{table}.id", ondelete="CASCADE"), **rest)


def required(name: str, kind: Any) -> Column[Any]:
    """Return a column without NULL."""
    return Column(name, kind, nullable=False)


state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # One more with every transaction that writes; rows carry the one that changed them last.
    required("revision", BigInteger),
    # The revision of the last transaction that removed something which workers may know.
    required("removals", BigInteger),
)

workspaces = numbered(
    "workspaces",
    Column("name", String(255), nullable=False, unique=True),
    required("created_by", Text),
    required("archived", Boolean),
    required("created_at", Moment),
)

members = Table(
    "members",
    metadata,
    _of("workspaces", "workspace_id", primary_key=True),
    Column("user_name", String(255), primary_key=True),
    required("kind", String(32)),
)

default_workspaces = Table(
    "default_workspaces",
    metadata,
    Column("user_name", String(255), primary_key=True),
    _of("workspaces", "workspace_id", nullable=False),
)

models = numbered(
    "models",
    _of("workspaces", "workspace_id", nullable=False),
    required("name", String(128)),
    required("owner", Text),
    # The highest number that a version ever had.
    required("last_number", Integer),
    required("created_at", Moment),
    required("updated_at", Moment),
    UniqueConstraint("workspace_id", "name"),
    Index(None, "name"),
    Index(None, "workspace_id", "created_at", "id"),
)

versions = numbered(
    "versions",
    _of("models", "model_id", nullable=False),
    required("number", Integer),
    Column("uuid", String(36), nullable=False, unique=True),
    required("sha256", String(64)),
    required("size", BigInteger),
    Column("file_name", Text),
    Column("image_path", Text),
    required("visibility", String(16)),
    required("format", String(64)),
    required("runs_code", Boolean),
    required("runtime", String(64)),
    required("declared", Json),
    required("details", Json),
    required("status", String(16)),
    Column("error", Text),
    Column("task_id", String(36)),
    required("attempts", Integer),
    # Who checks it at present, and until when others leave it alone.
    Column("lease_owner", String(36)),
    Column("lease_until", Moment),
    required("created_by", Text),
    required("created_at", Moment),
    required("updated_at", Moment),
    required("revision", BigInteger),
    UniqueConstraint("model_id", "number"),
    Index(None, "model_id", "updated_at", "id"),
    Index(None, "sha256"),
    Index(None, "revision"),
)
unchecked = versions.c.status.in_(("pending", "loading"))
Index(
    "ix_versions_unchecked",
    versions.c.id,
    sqlite_where=text("status IN ('pending', 'loading')"),
    postgresql_where=text("status IN ('pending', 'loading')"),
)

configs = numbered(
    "configs",
    _of("versions", "version_id", nullable=False),
    required("runtime", String(64)),
    Column("tensor_fields", Json),
    Column("filter_threshold", Float),
    Column("input_schema", Text),
    Column("output_schema", Text),
    Column("batch_config", String(32)),
    required("options", Json),
    required("created_at", Moment),
    required("revision", BigInteger),
    Index(None, "version_id", "id"),
    Index(None, "revision"),
)

aliases = Table(
    "aliases",
    metadata,
    _of("models", "model_id", primary_key=True),
    Column("name", String(64), primary_key=True),
    _of("versions", "version_id", nullable=False, index=True),
    Column("revision", BigInteger, nullable=False, index=True),
)

logs = numbered(
    "logs",
    _of("versions", "version_id", nullable=False),
    required("at", Moment),
    required("text", Text),
    Index(None, "version_id", "id"),
)

verdicts = Table(
    "verdicts",
    metadata,
    # Digest of everything that a check depends on.
    Column("fingerprint", String(64), primary_key=True),
    required("created_at", Moment),
)

pipelines = numbered(
    "pipelines",
    _of("workspaces", "workspace_id", nullable=False),
    required("name", String(128)),
    required("owner", Text),
    required("visibility", String(16)),
    required("created_at", Moment),
    required("updated_at", Moment),
    UniqueConstraint("workspace_id", "name"),
)

pipeline_versions = numbered(
    "pipeline_versions",
    _of("pipelines", "pipeline_id", nullable=False),
    Column("uuid", String(36), nullable=False, unique=True),
    required("definition", Json),
    required("created_at", Moment),
    Index(None, "pipeline_id", "id"),
)

deployments = numbered(
    "deployments",
    _of("pipelines", "pipeline_id", nullable=False, unique=True),
    _of("pipeline_versions", "pipeline_version_id", nullable=False),
    required("name", Text),
    required("engine_config", Json),
    required("deployed", Boolean),
    required("created_at", Moment),
    required("updated_at", Moment),
    Column("revision", BigInteger, nullable=False, index=True),
)

deployment_configs = Table(
    "deployment_configs",
    metadata,
    _of("deployments", "deployment_id", primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _of("configs", "config_id", nullable=False, index=True),
)
