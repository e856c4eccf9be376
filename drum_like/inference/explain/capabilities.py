"""Explanations that a service offers, or the reasons why it offers none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from drum_like.errors import UnsupportedError
from drum_like.inference.explain import contributions as contributing
from drum_like.inference.explain import intervals as bounding
from drum_like.inference.explain.context import BoundSource, Subject
from drum_like.inference.explain.self_check import ShareSource
from drum_like.model.interval_settings import IntervalSettings
from drum_like.types.explanation import Contributions, Intervals, Kind
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction

_Source = TypeVar("_Source", ShareSource, BoundSource)


@dataclass(frozen=True, slots=True)
class Absent:
    """An ability that a model does not have.

    Attributes:
        reason: Why.
    """

    reason: str = "the model does not predict rows"


@dataclass(frozen=True, slots=True)
class Abilities:
    """Explanations that a model offers beside its predictions.

    Attributes:
        shares: The source of contributions.
        bounds: The source of intervals.
        intervals: How they are made, as the metadata say.
    """

    shares: ShareSource | Absent = Absent()
    bounds: BoundSource | Absent = Absent()
    intervals: IntervalSettings | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which contributions there are."""
        return () if isinstance(self.shares, Absent) else self.shares.kinds

    @property
    def has_intervals(self) -> bool:
        """Whether there are intervals."""
        return not isinstance(self.bounds, Absent)

    def contributions(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contribution of each column to the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: the model does not have this kind.
            DrumLikeError: the rows do not fit, or computing failed.
        """
        if isinstance(self.shares, Absent):
            raise UnsupportedError(f"this model has no contributions: {self.shares.reason}")
        if kind not in self.shares.kinds:
            raise UnsupportedError(f"this model has no contributions of the kind {kind.value}")
        return self.shares(rows, kind)

    def bounded(self, rows: Frame, prediction: Prediction) -> Intervals:
        """Return bounds around the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: the model has none.
            DrumLikeError: the rows do not fit, or computing failed.
        """
        if isinstance(self.bounds, Absent):
            raise UnsupportedError(f"this model has no prediction intervals: {self.bounds.reason}")
        return self.bounds(rows, prediction)

    def described(self) -> dict[str, Any]:
        """Return the entries for /info/."""
        return {"contributions": self._shares(), "predictionIntervals": self._bounds()}

    def _shares(self) -> dict[str, Any]:
        if isinstance(self.shares, Absent):
            return {"kinds": [], "reason": self.shares.reason}
        return {
            "kinds": [kind.value for kind in self.shares.kinds],
            "link": self.shares.link.value,
            "relativeTo": self.shares.reference,
        }

    def _bounds(self) -> dict[str, Any]:
        if isinstance(self.bounds, Absent):
            return {"available": False, "reason": self.bounds.reason}
        if self.intervals is None:
            return {"available": True, "method": "hook", "level": None}
        method, level = self.intervals.method.value, float(self.intervals.level)
        return {"available": True, "method": method, "level": level}


def abilities(subject: Subject) -> Abilities:
    """Return the explanations that a loaded model offers, and the reasons for missing ones."""
    return Abilities(
        shares=_or_reason(contributing.source, subject),
        bounds=_or_reason(bounding.source, subject),
        intervals=subject.intervals,
    )


def _or_reason(find: Callable[[Subject], _Source], subject: Subject) -> _Source | Absent:
    try:
        return find(subject)
    except UnsupportedError as error:
        return Absent(str(error))
