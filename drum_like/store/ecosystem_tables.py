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
from sqlalchemy.schema import SchemaItem

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


def _of_project(name: str, *parts: SchemaItem, id_length: int = 36) -> Table:
    """Return a table of documents of projects, which bring their ids."""
    return Table(
        name,
        metadata,
        Column("id", String(id_length), primary_key=True),
        required("project_id", Text),
        required("created_at", Moment),
        *parts,
    )


def _named(name: str, *parts: SchemaItem) -> Table:
    """Return such a table whose documents have names, each once in its project."""
    unique = UniqueConstraint("project_id", "name")
    return _of_project(name, required("name", Text), *parts, unique)


# Named as the collections of ecosystem.ai's workbench, in its database ecosystem_meta.
configurations = _named(
    "mlrun_configurations",
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
)

feature_pipelines = _named("mlrun_feature_pipelines")

feature_sets = _named("mlrun_feature_sets", required("fields", Json))

training_runs = _of_project(
    "mlrun_training_runs",
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
    Index(None, "project_id", "created_at"),
)

k8s_deployments = _of_project(
    "mlrun_k8s_deployments",
    Column("run_id", String(36), ForeignKey("mlrun_training_runs.id"), nullable=False, index=True),
    Index(None, "project_id"),
    id_length=40,
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
