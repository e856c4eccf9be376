"""Explanations that a service offers, or the reasons why it offers none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from drum_like.errors import UnsupportedError
from drum_like.inference.explain import contributions, intervals
from drum_like.inference.explain.context import ExplainContext, IntervalSource
from drum_like.inference.explain.contributions import ContributionSource
from drum_like.model.interval_settings import IntervalSettings
from drum_like.types.explanation import Contributions, Intervals, Kind
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction

_Source = TypeVar("_Source", ContributionSource, IntervalSource)


@dataclass(frozen=True, slots=True)
class Absent:
    """A capability that a model does not have.

    Attributes:
        reason: Why.
    """

    reason: str = "the model does not predict rows"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Explanations that a model offers beside its predictions.

    Attributes:
        contribution_source: The source of contributions.
        interval_source: The source of intervals.
        intervals: How they are made, as the metadata say.
    """

    contribution_source: ContributionSource | Absent = Absent()
    interval_source: IntervalSource | Absent = Absent()
    intervals: IntervalSettings | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of contributions that there are."""
        return (
            () if isinstance(self.contribution_source, Absent) else self.contribution_source.kinds
        )

    @property
    def has_intervals(self) -> bool:
        """Whether there are intervals."""
        return not isinstance(self.interval_source, Absent)

    def contributions(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contribution of each column to the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: the model does not have this kind.
            DrumLikeError: the rows do not fit, or computing failed.
        """
        if isinstance(self.contribution_source, Absent):
            raise UnsupportedError(
                f"this model has no contributions: {self.contribution_source.reason}"
            )
        if kind not in self.contribution_source.kinds:
            raise UnsupportedError(f"this model has no contributions of the kind {kind.value}")
        return self.contribution_source(rows, kind)

    def bounded(self, rows: Frame, prediction: Prediction) -> Intervals:
        """Return bounds around the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: the model has none.
            DrumLikeError: the rows do not fit, or computing failed.
        """
        if isinstance(self.interval_source, Absent):
            raise UnsupportedError(
                f"this model has no prediction intervals: {self.interval_source.reason}"
            )
        return self.interval_source(rows, prediction)

    def described(self) -> dict[str, Any]:
        """Return the entries for /info/."""
        return {
            "contributions": self._contribution_facts(),
            "predictionIntervals": self._interval_facts(),
        }

    def _contribution_facts(self) -> dict[str, Any]:
        if isinstance(self.contribution_source, Absent):
            return {"kinds": [], "reason": self.contribution_source.reason}
        return {
            "kinds": [kind.value for kind in self.contribution_source.kinds],
            "link": self.contribution_source.link.value,
            "relativeTo": self.contribution_source.reference,
        }

    def _interval_facts(self) -> dict[str, Any]:
        if isinstance(self.interval_source, Absent):
            return {"available": False, "reason": self.interval_source.reason}
        if self.intervals is None:
            return {"available": True, "method": "hook", "level": None}
        method, level = self.intervals.method.value, float(self.intervals.level)
        return {"available": True, "method": method, "level": level}


def find_capabilities(context: ExplainContext) -> Capabilities:
    """Return the explanations that a loaded model offers, and the reasons for missing ones."""
    return Capabilities(
        contribution_source=_or_reason(contributions.source, context),
        interval_source=_or_reason(intervals.source, context),
        intervals=context.intervals,
    )


def _or_reason(
    find: Callable[[ExplainContext], _Source], context: ExplainContext
) -> _Source | Absent:
    try:
        return find(context)
    except UnsupportedError as error:
        return Absent(str(error))
