"""Projects: configurations, their pipelines, feature sets, runs and deployments; activities."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_MOMENT = sa.BigInteger()
_UUID = sa.String(length=36)


def upgrade() -> None:
    """Make the tables."""
    _configurations()
    _features()
    _runs()
    op.create_table(
        "activities",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("document", _JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_activities_project_id"), "activities", ["project_id"])


def _configurations() -> None:
    op.create_table(
        "mlrun_configurations",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pipeline_name", sa.Text(), nullable=False),
        sa.Column("feature_set_name", sa.Text(), nullable=False),
        sa.Column("problem_type", sa.Text(), nullable=False),
        sa.Column("target_field", sa.Text(), nullable=False),
        sa.Column("feature_fields", _JSON, nullable=False),
        sa.Column("source", _JSON, nullable=False),
        sa.Column("destination", _JSON, nullable=False),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mlrun_configurations")),
        sa.UniqueConstraint(
            "project_id", "name", name=op.f("uq_mlrun_configurations_project_id_name")
        ),
    )


def _features() -> None:
    for table, columns in (
        ("mlrun_feature_pipelines", ()),
        ("mlrun_feature_sets", (sa.Column("fields", _JSON, nullable=False),)),
    ):
        op.create_table(
            table,
            sa.Column("id", _UUID, nullable=False),
            sa.Column("project_id", sa.Text(), nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            *columns,
            sa.Column("created_at", _MOMENT, nullable=False),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint("project_id", "name", name=op.f(f"uq_{table}_project_id_name")),
        )


def _runs() -> None:
    op.create_table(
        "mlrun_training_runs",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("configuration_id", _UUID, nullable=True),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("framework", sa.Text(), nullable=False),
        sa.Column("problem_type", sa.Text(), nullable=False),
        sa.Column("target_field", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("metrics", _JSON, nullable=False),
        sa.Column("artifact_uri", sa.Text(), nullable=True),
        sa.Column("elapsed_s", sa.Float(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["configuration_id"],
            ["mlrun_configurations.id"],
            name=op.f("fk_mlrun_training_runs_configuration_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mlrun_training_runs")),
    )
    for columns in (["configuration_id"], ["project_id", "created_at"]):
        name = f"ix_mlrun_training_runs_{'_'.join(columns)}"
        op.create_index(op.f(name), "mlrun_training_runs", columns)
    op.create_table(
        "mlrun_k8s_deployments",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("run_id", _UUID, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["mlrun_training_runs.id"], name=op.f("fk_mlrun_k8s_deployments_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mlrun_k8s_deployments")),
    )
    for column in ("run_id", "project_id"):
        name = f"ix_mlrun_k8s_deployments_{column}"
        op.create_index(op.f(name), "mlrun_k8s_deployments", [column])
