"""Ratios of an older and a newer tree's cost, and whether the newer one may cost that."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

from benchmarks.plan import Values

ROUNDS, SECONDS, WITHIN = 9, 2.0, 3.0
"""The fewest rounds, the load of a request in each, and the percentage, unless asked otherwise."""

_ERROR = 1.86
"""Of a normal distribution: 1.4826 median distances are a standard deviation, the median's error is
1.2533 of these divided by the root of the number of values."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The CPU time of a request in each round, as ratios to the old commit's in that round.

    Attributes:
        door: The request's name.
        new: Of this tree.
        control: Of the old commit's second server.
    """

    door: str
    new: Values
    control: Values

    @property
    def ratio(self) -> float:
        """The median of the new tree's ratios."""
        return median(self.new)

    @property
    def spread(self) -> float:
        """The distance from 1 that the median of the rounds may have by chance, by the control.

        The standard error of a median: 1.86 times the median distance, by the root of the rounds.
        """
        distance = median(abs(ratio - 1) for ratio in self.control)
        return _ERROR * distance / sqrt(len(self.control))

    def bound(self, within: float) -> float:
        """Return the highest ratio that passes."""
        return 1 + within / 100 + self.spread

    def holds(self, within: float) -> bool:
        """Return whether the new tree takes at most `within` percent more, plus the spread."""
        return self.ratio <= self.bound(within)


@dataclass(frozen=True, slots=True)
class Wish:
    """The older tree to compare with, and the effort.

    Attributes:
        commit: The older tree, as git names it.
        within: Percent that the new tree may take more.
        rounds: How often each request is measured.
        seconds: How long each server is under load with it in a round.
    """

    commit: str
    within: float = WITHIN
    rounds: int = ROUNDS
    seconds: float = SECONDS


def table(found: Sequence[Comparison], wish: Wish) -> str:
    """Return the ratios and the verdicts as Markdown."""
    head = (
        f"| CPU time of the server for a request | new / {wish.commit} | spread of the control "
        f"| at most | within {wish.within:g} % |\n|---|---|---|---|---|"
    )
    return "\n".join([head, *(_line(each, wish.within) for each in found)])


def _line(each: Comparison, within: float) -> str:
    rounds = f"({min(each.new):.3f} to {max(each.new):.3f}; {len(each.new)})"
    verdict = "yes" if each.holds(within) else "no"
    return (
        f"| {each.door} | **{each.ratio:.3f}** {rounds} | {each.spread:.3f} "
        f"| {each.bound(within):.3f} | {verdict} |"
    )
