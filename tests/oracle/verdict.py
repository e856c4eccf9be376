"""Whether an answer is the library's, and what is kept of one that is not."""

from dataclasses import dataclass, field

import numpy as np

from tests.oracle.answers import Told
from tests.oracle.case import Target
from tests.oracle.pool import Pool


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer that is not the library's.

    Attributes:
        case: Name of the case.
        file: Suffix of the model file.
        door: Name of the door.
        place: Where the row stood.
        odd: What was odd about the row, or about its neighbour.
        row: The row, as a record.
        expected: The library's answer by label.
        got: The server's: numbers, or status and reason.
        outcome: wrong, refused, failed, or start.
        kind: A guess at what is broken.
    """

    case: str
    file: str
    door: str
    place: str
    odd: str
    row: str
    expected: str
    got: str
    outcome: str
    kind: str = ""


@dataclass(slots=True)
class Tally:
    """The counts of a file behind a door.

    Attributes:
        compared: Answers that were demanded.
        wrong: Numbers that are not the library's.
        refused: Rows that were refused with a reason.
        failed: Rows that the server failed on, or answered unreadably.
        answered: Places of rows that were answered at least once.
        right_alone: Places of rows that were answered rightly alone.
        moved: Whether the bits of a row were not the same in all requests.
    """

    case: str
    file: str
    door: str
    compared: int = 0
    wrong: int = 0
    refused: int = 0
    failed: int = 0
    answered: set[int] = field(default_factory=set)
    right_alone: set[int] = field(default_factory=set)
    moved: bool = False

    def add(self, other: "Tally") -> None:
        """Count what was compared elsewhere, too."""
        self.compared += other.compared
        self.wrong += other.wrong
        self.refused += other.refused
        self.failed += other.failed

    @property
    def differences(self) -> int:
        """The number of answers that were not right."""
        return self.wrong + self.failed


@dataclass(frozen=True, slots=True)
class CaseReport:
    """All that was found out about a case.

    Attributes:
        name: Name of the case.
        plugin: The framework.
        exact: Whether equal bits were demanded.
        why_bound: Why not.
        columns: How the columns are typed.
        tallies: The counts.
        findings: What was not right.
        refused_start: The reasons of files that were rightly refused.
        seconds: How long it took.
    """

    name: str
    plugin: str = ""
    exact: bool = False
    why_bound: str = ""
    columns: str = ""
    tallies: tuple[Tally, ...] = ()
    findings: tuple[Finding, ...] = ()
    refused_start: tuple[str, ...] = ()
    seconds: float = 0.0


def expected_of(pool: Pool, target: Target, row: int) -> Told:
    """Return the library's answer to a row, by label."""
    numbers = [float(number) for number in pool.answers[row]]
    told = [number if np.isfinite(number) else None for number in numbers]
    return dict(zip(target.labels or ("",), told, strict=True))


def is_right(pool: Pool, expected: Told, got: Told, *, own_width: bool) -> bool:
    """Whether all numbers that were told are the library's."""
    if not got or not set(got) <= set(expected):
        return False
    return all(_same(pool, expected[label], number, own_width) for label, number in got.items())


def _same(
    pool: Pool,
    expected: float | None,
    got: float | None,
    own_width: bool,  # noqa: FBT001 - passed on
) -> bool:
    if expected is None or got is None:
        return expected is got
    if not pool.exact:
        return abs(expected - got) <= pool.bound
    if own_width:
        kind = pool.answers.dtype.type
        return bool(kind(got) == kind(expected))
    return got == expected
