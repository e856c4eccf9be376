"""Decisions: presented results, and their acceptance."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_MOMENT = sa.BigInteger()


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "ecosystemruntime",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("document", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ecosystemruntime")),
        sa.UniqueConstraint("uuid", name=op.f("uq_ecosystemruntime_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ecosystemruntime_campaign_at"), "ecosystemruntime", ["campaign", "at"])
    op.create_index(op.f("ix_ecosystemruntime_at"), "ecosystemruntime", ["at"])
    op.create_table(
        "ecosystemruntime_response",
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("document", _JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["uuid"],
            ["ecosystemruntime.uuid"],
            name=op.f("fk_ecosystemruntime_response_uuid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_ecosystemruntime_response")),
    )
    op.create_index(op.f("ix_ecosystemruntime_response_at"), "ecosystemruntime_response", ["at"])
