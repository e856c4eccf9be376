"""Models, versions, configurations, pipelines."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_MOMENT = sa.BigInteger()


def upgrade() -> None:
    """Make the tables, and the workspace that every store has."""
    _workspaces()
    _models()
    _of_versions()
    _pipelines()
    _first_rows()


def _workspaces() -> None:
    op.create_table(
        "state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("removals", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state")),
    )
    op.create_table(
        "verdicts",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("name", name=op.f("uq_workspaces_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "default_workspaces",
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_default_workspaces_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_name", name=op.f("pk_default_workspaces")),
    )
    op.create_table(
        "members",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_members_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "user_name", name=op.f("pk_members")),
    )


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_models_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_models_workspace_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_models_name"), "models", ["name"])
    op.create_index(
        op.f("ix_models_workspace_id_created_at_id"), "models", ["workspace_id", "created_at", "id"]
    )
    op.create_table(
        "versions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("model_id", _ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.Text()),
        sa.Column("image_path", sa.Text()),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("format", sa.String(length=64), nullable=False),
        sa.Column("runs_code", sa.Boolean(), nullable=False),
        sa.Column("runtime", sa.String(length=64), nullable=False),
        sa.Column("declared", _JSON, nullable=False),
        sa.Column("details", _JSON, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("task_id", sa.String(length=36)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=36)),
        sa.Column("lease_until", _MOMENT),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_versions_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("model_id", "number", name=op.f("uq_versions_model_id_number")),
        sa.UniqueConstraint("uuid", name=op.f("uq_versions_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_versions_model_id_updated_at_id"), "versions", ["model_id", "updated_at", "id"]
    )
    op.create_index(op.f("ix_versions_revision"), "versions", ["revision"])
    op.create_index(op.f("ix_versions_sha256"), "versions", ["sha256"])
    op.create_index(
        "ix_versions_unchecked",
        "versions",
        ["id"],
        sqlite_where=sa.text("status IN ('pending', 'loading')"),
        postgresql_where=sa.text("status IN ('pending', 'loading')"),
    )


def _of_versions() -> None:
    op.create_table(
        "aliases",
        sa.Column("model_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_aliases_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_aliases_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", "name", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_revision"), "aliases", ["revision"])
    op.create_index(op.f("ix_aliases_version_id"), "aliases", ["version_id"])
    op.create_table(
        "configs",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("runtime", sa.String(length=64), nullable=False),
        sa.Column("tensor_fields", _JSON),
        sa.Column("filter_threshold", sa.Float()),
        sa.Column("input_schema", sa.Text()),
        sa.Column("output_schema", sa.Text()),
        sa.Column("batch_config", sa.String(length=32)),
        sa.Column("options", _JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_configs_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_configs_revision"), "configs", ["revision"])
    op.create_index(op.f("ix_configs_version_id_id"), "configs", ["version_id", "id"])
    op.create_table(
        "logs",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_logs_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_logs_version_id_id"), "logs", ["version_id", "id"])


def _pipelines() -> None:
    op.create_table(
        "pipelines",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_pipelines_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipelines")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_pipelines_workspace_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pipeline_versions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("pipeline_id", _ID, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("definition", _JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipelines.id"],
            name=op.f("fk_pipeline_versions_pipeline_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline_versions")),
        sa.UniqueConstraint("uuid", name=op.f("uq_pipeline_versions_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_pipeline_versions_pipeline_id_id"), "pipeline_versions", ["pipeline_id", "id"]
    )
    op.create_table(
        "deployments",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("pipeline_id", _ID, nullable=False),
        sa.Column("pipeline_version_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("engine_config", _JSON, nullable=False),
        sa.Column("deployed", sa.Boolean(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipelines.id"],
            name=op.f("fk_deployments_pipeline_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_version_id"],
            ["pipeline_versions.id"],
            name=op.f("fk_deployments_pipeline_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
        sa.UniqueConstraint("pipeline_id", name=op.f("uq_deployments_pipeline_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deployments_revision"), "deployments", ["revision"])
    op.create_table(
        "deployment_configs",
        sa.Column("deployment_id", _ID, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("config_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["config_id"],
            ["configs.id"],
            name=op.f("fk_deployment_configs_config_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
            name=op.f("fk_deployment_configs_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", "position", name=op.f("pk_deployment_configs")),
    )
    op.create_index(op.f("ix_deployment_configs_config_id"), "deployment_configs", ["config_id"])


def _first_rows() -> None:
    op.execute("INSERT INTO state (id, revision, removals) VALUES (1, 0, 0)")
    workspaces = sa.table(
        "workspaces",
        sa.column("name", sa.Text),
        sa.column("created_by", sa.Text),
        sa.column("archived", sa.Boolean),
        sa.column("created_at", _MOMENT),
    )
    row = {"name": "default", "created_by": "", "archived": False, "created_at": _now()}
    op.bulk_insert(workspaces, [row])


def _now() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000_000)
