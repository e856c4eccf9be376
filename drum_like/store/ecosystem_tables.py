"""The tables of ecosystem.ai's decisions and projects, as the newest migration leaves them."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from drum_like.store.tables import Json, Moment, metadata, numbered, required

# Named as the collections that ecosystem.ai's runtime keeps; `document` is what it would write.
presented = numbered(
    "ecosystemruntime",
    Column("uuid", String(36), nullable=False, unique=True),
    required("at", Moment),
    required("campaign", Text),
    required("document", Json),
    Index(None, "campaign", "at"),
    Index(None, "at"),
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
    required("at", Moment),
    # Whether the best result counts as accepted because no acceptance was sent.
    required("is_automatic", Boolean),
    required("document", Json),
    Index(None, "at"),
)

# Named as the collections of ecosystem.ai's workbench, in its database ecosystem_meta.
configurations = Table(
    "mlrun_configurations",
    metadata,
    Column("id", String(36), primary_key=True),
    required("project_id", Text),
    required("name", Text),
    required("pipeline_name", Text),
    required("feature_set_name", Text),
    required("problem_type", Text),
    required("target_field", Text),
    required("feature_fields", Json),
    required("source", Json),
    required("destination", Json),
    required("tags", Json),
    required("state", Text),
    required("version", Integer),
    required("created_at", Moment),
    UniqueConstraint("project_id", "name"),
)

feature_pipelines = Table(
    "mlrun_feature_pipelines",
    metadata,
    Column("id", String(36), primary_key=True),
    required("project_id", Text),
    required("name", Text),
    required("created_at", Moment),
    UniqueConstraint("project_id", "name"),
)

feature_sets = Table(
    "mlrun_feature_sets",
    metadata,
    Column("id", String(36), primary_key=True),
    required("project_id", Text),
    required("name", Text),
    required("fields", Json),
    required("created_at", Moment),
    UniqueConstraint("project_id", "name"),
)

training_runs = Table(
    "mlrun_training_runs",
    metadata,
    Column("id", String(36), primary_key=True),
    required("project_id", Text),
    # None for runs that belong to the project as a whole.
    Column("configuration_id", String(36), ForeignKey("mlrun_configurations.id"), index=True),
    required("model_id", Text),
    required("framework", Text),
    required("problem_type", Text),
    required("target_field", Text),
    required("status", String(16)),
    required("metrics", Json),
    Column("artifact_uri", Text),
    required("elapsed_s", Float),
    required("created_at", Moment),
    Index(None, "project_id", "created_at"),
)

k8s_deployments = Table(
    "mlrun_k8s_deployments",
    metadata,
    Column("id", String(40), primary_key=True),
    required("project_id", Text),
    Column("run_id", String(36), ForeignKey("mlrun_training_runs.id"), nullable=False, index=True),
    required("created_at", Moment),
    Index(None, "project_id"),
)

activities = numbered(
    "activities",
    required("activity", Text),
    required("user_name", Text),
    required("project_id", Text),
    required("document", Json),
    required("created_at", Moment),
    Index(None, "project_id"),
)
