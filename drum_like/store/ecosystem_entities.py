"""Projects and logged decisions of ecosystem.ai, as values; times are aware datetimes in UTC.

Source of projects: ecosystem.ai's pages on its MLRun module; fields are named as its documents
name them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

COLLECTIONS = (
    "mlrun_configurations",
    "mlrun_feature_pipelines",
    "mlrun_feature_sets",
    "mlrun_training_runs",
    "mlrun_k8s_deployments",
)
"""Tables that a configuration is deleted from, in the order in which the counts are shown."""


class RunStatus(StrEnum):
    """The end of a training run."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewConfiguration:
    """Configuration of a training in a project, with its pipeline and its feature set.

    Attributes:
        project_id: The project.
        name: Unique in the project.
        pipeline_name: Of the feature pipeline.
        feature_set_name: Of the feature set.
        problem_type: "binary_classification" or "multiclass_classification" or "regression".
        target_field: Field to predict.
        feature_fields: Fields to predict from.
        source: `database` and `collection` of the rows.
        destination: Where the features go.
        tags: Anything.
    """

    project_id: str
    name: str
    pipeline_name: str
    feature_set_name: str
    problem_type: str
    target_field: str
    feature_fields: tuple[str, ...]
    source: Mapping[str, str] = field(default_factory=dict)
    destination: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration in the store; see NewConfiguration.

    Attributes:
        id: A UUID.
        new: The values that it was made from.
        state: "draft", "active" or "archived".
        version: Counts its changes, from 1.
        created_at: When it was made.
    """

    id: str
    new: NewConfiguration
    state: str
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewRun:
    """A training run that has ended.

    Attributes:
        model_id: The name that its model is served by.
        framework: The training framework.
        status: How it ended.
        metrics: By name.
        artifact_uri: Where its model is; None for a failed run.
        elapsed_s: How long it took, in seconds.
    """

    model_id: str
    framework: str
    status: RunStatus
    metrics: Mapping[str, float]
    artifact_uri: str | None
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """A training run in the store.

    Attributes:
        id: A UUID.
        project_id: The project.
        configuration_id: The trained configuration; None for runs older than configurations.
        problem_type: As the configuration says.
        target_field: As the configuration says.
        new: The values that it was made from.
        created_at: When it was written.
        deployment_id: Of its newest deployment, None without one.
    """

    id: str
    project_id: str
    configuration_id: str | None
    problem_type: str
    target_field: str
    new: NewRun
    created_at: datetime
    deployment_id: str | None


@dataclass(frozen=True, slots=True)
class Removal:
    """Rows that were removed with a configuration.

    Attributes:
        configuration_id: Its id.
        project_id: Its project.
        counts: Rows by collection, each of `COLLECTIONS`.
    """

    configuration_id: str
    project_id: str
    counts: Mapping[str, int]

    @property
    def message(self) -> str:
        """The line that the workbench shows."""
        n_deployments = self.counts["mlrun_k8s_deployments"]
        parts = [
            f"{self.counts['mlrun_configurations']} configuration",
            f"{self.counts['mlrun_feature_pipelines']} pipeline(s)",
            f"{self.counts['mlrun_feature_sets']} feature set(s)",
            f"{self.counts['mlrun_training_runs']} run(s)",
        ]
        if n_deployments:
            parts.append(f"{n_deployments} deployment(s)")
        return f"Removed {', '.join(parts)}."


@dataclass(frozen=True, slots=True)
class Activity:
    """Action of a user on a project.

    Attributes:
        activity: Kind of action, such as "DELETE_MLRUN_CONFIGURATION".
        user: The acting user.
        project_id: The project.
        document: The rest.
        created_at: When.
    """

    activity: str
    user: str
    project_id: str
    document: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Presented:
    """Answer to a campaign's call.

    Attributes:
        uuid: Of the call.
        at: When it was answered.
        campaign: The campaign that it named.
        document: As ecosystem.ai's runtime keeps it.
    """

    uuid: str
    at: datetime
    campaign: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Acceptance of results of a call; at most one for each presented row.

    Attributes:
        uuid: Of the call.
        at: When it was accepted.
        is_automatic: Whether the best result counts as accepted because no acceptance was sent.
        document: As ecosystem.ai's runtime keeps it, without `response_log`.
    """

    uuid: str
    at: datetime
    is_automatic: bool
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """Answer to a call, with its acceptance if there is one.

    Attributes:
        number: Higher than those of decisions that were written before it.
        presented: The one.
        accepted: The other, None without.
    """

    number: int
    presented: Presented
    accepted: Accepted | None


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """A choice of decisions; None stands for any.

    Attributes:
        campaign: Of this campaign.
        uuid: Of this call.
        since: Made then or later.
        until: Made before then.
        after: With a higher number.
    """

    campaign: str | None = None
    uuid: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
