"""Breaks what a server reads, in five ways, and tells whether the oracle notices each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.oracle.running import Order
from tests.oracle.verdict import CaseReport

BROKEN: Mapping[str, tuple[str, str]] = {
    "columns-swapped": ("sk-numbers-logistic", ".pkl"),
    "sign-dropped": ("sk-numbers-logistic", ".pkl"),
    "float32": ("sk-numbers-logistic", ".pkl"),
    "words-are-missing": ("sk-words-for-missing", ".pkl"),
    "next-category": ("lgbm-text-categories", ".txt"),
}
"""The case and the file on which each way to break a decoder has to be noticed."""

DOORS = ("csv", "arrow-stream", "h2o", "instances", "score")


@dataclass(frozen=True, slots=True)
class Noticed:
    """The oracle's findings about a broken decoder.

    Attributes:
        mutant: The way in which it was broken.
        doors: How many answers differed, by door.
    """

    mutant: str
    doors: Mapping[str, int]

    @property
    def everywhere(self) -> bool:
        """Whether it was noticed at every door."""
        return set(self.doors) == set(DOORS) and all(self.doors.values())

    def __str__(self) -> str:
        """Return a line for the terminal."""
        told = ", ".join(f"{door} {count}" for door, count in self.doors.items())
        return f"{self.mutant}: {'noticed' if self.everywhere else 'NOT NOTICED'}: {told}"


def broken_orders(seed: int) -> list[Order]:
    """Return the orders that show whether each break is noticed."""
    return [
        Order(name, seed, DOORS, mutant=mutant, files=(file,))
        for mutant, (name, file) in BROKEN.items()
    ]


def noticed(order: Order, report: CaseReport) -> Noticed:
    """Return the findings of a run with a broken decoder."""
    return Noticed(order.mutant, {t.door: t.differences for t in report.tallies})


def all_noticed(orders: Sequence[Order], reports: Sequence[CaseReport]) -> list[Noticed]:
    """Return the findings about each break."""
    return [noticed(order, report) for order, report in zip(orders, reports, strict=True)]
