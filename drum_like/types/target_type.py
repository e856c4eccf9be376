"""The kinds of target that a model directory can have; imports nothing heavy."""

from enum import Enum


class TargetType(str, Enum):  # noqa: UP042 - str() says TargetType.BINARY, as hooks of DRUM see it
    """DRUM's target types, by their wire names."""

    BINARY = "binary"
    REGRESSION = "regression"
    ANOMALY = "anomaly"
    UNSTRUCTURED = "unstructured"
    MULTICLASS = "multiclass"
    TRANSFORM = "transform"
    TEXT_GENERATION = "textgeneration"
    GEO_POINT = "geopoint"
    VECTOR_DATABASE = "vectordatabase"
    AGENTIC_WORKFLOW = "agenticworkflow"
    MULTILABEL = "multilabel"

    # Equal to its wire name, and so of its hash; that of Enum runs in Python, at every `in`.
    __hash__ = str.__hash__

    @property
    def is_classification(self) -> bool:
        """Whether predictions are probabilities of labels."""
        return self in _CLASSIFICATION

    @property
    def is_numeric(self) -> bool:
        """Whether predictions are one number a row, cast to float."""
        return self in (TargetType.REGRESSION, TargetType.ANOMALY)

    @property
    def needs_target_name(self) -> bool:
        """Whether DRUM demands the name of the target column (TARGET_NAME)."""
        return self in _NAMED


_CLASSIFICATION = frozenset({TargetType.BINARY, TargetType.MULTICLASS, TargetType.MULTILABEL})
_NAMED = frozenset(
    {TargetType.TEXT_GENERATION, TargetType.VECTOR_DATABASE, TargetType.AGENTIC_WORKFLOW}
)
