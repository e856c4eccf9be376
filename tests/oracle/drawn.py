"""Rows that hypothesis draws, for what nobody has thought of; it names the smallest that fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from tests.oracle.case import Answers, Case
from tests.oracle.doorway import Doorway, Visit, asked
from tests.oracle.places import Request
from tests.oracle.pool import Pool, ask_all, bound_of, shaped
from tests.oracle.rows import Cell, Column, Row, rows_of
from tests.oracle.verdict import Tally

MOST_ROWS = 4
MISSING_IN_CSV = frozenset(
    [
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
"""pandas.read_csv's na_values; tables of training hold the words that are categories."""
STRANGE = "\0\r\n\t \"',;%\ufeff\u00a0\u2028éß東"
"""Characters that formats and languages treat in ways of their own."""


@dataclass(frozen=True, slots=True)
class Drawer:
    """Draws rows for a case, the same ones for each door.

    Attributes:
        case: The case.
        pool: Its usual rows.
        seed: What rows are drawn with.
        examples: How many requests are drawn for a door; 0 for none.
    """

    case: Case
    pool: Pool
    seed: int
    examples: int
    _known: dict[str, Answers | None] = field(default_factory=dict)

    def draw(self, visit: Visit, doorway: Doorway) -> None:
        """Send drawn rows through a door; keep the counts, or the smallest rows that fail."""
        if not self.examples:
            return
        trial = _Trial(self, visit, doorway)
        how = settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        try:
            # Not the method itself: hypothesis prints whose it is, with a whole model.
            smallest = find(
                self._rows(visit),
                lambda rows: trial.fails(rows),  # noqa: PLW0108
                settings=how,
                random=Random(self.seed),
            )
        except NoSuchExample:
            doorway.tally.add(trial.tally)
        else:
            trial = _Trial(self, visit, doorway)
            trial.fails(smallest)
            doorway.tally.add(trial.tally)
            doorway.findings += trial.findings

    def answers(self, rows: Sequence[Row]) -> Answers | None:
        """Return the library's answers to rows alone; None where it refuses one."""
        each = [self._alone(row) for row in rows]
        told = [one for one in each if one is not None]
        return np.concatenate(told) if len(told) == len(each) else None

    def _alone(self, row: Row) -> Answers | None:
        key = repr(row)
        if key not in self._known:
            self._known[key] = self._asked(row)
        return self._known[key]

    def _asked(self, row: Row) -> Answers | None:
        try:
            told = shaped(self.case.ask(self.pool.columns.frame([row])))
        except Exception:  # noqa: BLE001 - whatever a library raises, it has refused
            return None
        # Chances that are no numbers are no answer.
        return told if np.isfinite(told).all() or not self.case.target.labels else None

    def _rows(self, visit: Visit) -> st.SearchStrategy[list[Row]]:
        trained = rows_of(self.case.frame)
        cells = [
            _cells(column, _simplest_first({row[at] for row in trained} - {None}), self.pool)
            for at, column in enumerate(self.pool.columns.all)
        ]
        most = 1 if visit.door.alone else MOST_ROWS
        return st.lists(st.tuples(*cells), min_size=1, max_size=most)


@dataclass(slots=True)
class _Trial:
    """Tries rows at a door."""

    drawer: Drawer
    visit: Visit
    doorway: Doorway
    tally: Tally = field(init=False)
    findings: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tally = replace(self.doorway.tally, compared=0, wrong=0, refused=0, failed=0)

    def fails(self, rows: list[Row]) -> bool:
        """Whether an answer is not the library's, or there is none; a refusal is no failure."""
        columns = self.drawer.pool.columns
        if not all(self.visit.door.takes(columns, row) for row in rows):
            return False
        answers = self.drawer.answers(rows)
        if answers is None:
            return False
        tried = self._doorway(rows, answers)
        order = tuple(range(len(columns.all)))
        request = Request("drawn", tuple(range(len(rows))), order)
        tried.judge(request, asked(self.visit, tried, request))
        self.tally.add(tried.tally)
        self.findings += tried.findings
        return bool(tried.tally.differences)

    def _doorway(self, rows: list[Row], answers: Answers) -> Doorway:
        """Return the door with a pool of these rows only."""
        pool, case = self.drawer.pool, self.drawer.case
        # One row tells nothing of batches: the library is asked for it beside itself, too.
        exact = pool.exact and ask_all(case, pool.columns, rows)[1]
        held = replace(
            pool,
            rows=tuple(rows),
            odd={},
            answers=answers,
            exact=exact,
            bound=bound_of(case, answers),
        )
        tally = replace(self.tally, compared=0, wrong=0, refused=0, failed=0)
        tally.answered, tally.right_alone = set(), set()
        return Doorway(case, held, tally, self.doorway.own_width)


def _cells(column: Column, seen: list[Cell], pool: Pool) -> st.SearchStrategy[Cell]:
    """Return the cells that a column may have: those of training, and others of its type."""
    known = st.sampled_from(seen)
    others = _others(column, seen, pool)
    drawn = known if others is None else known | others
    return st.none() | drawn if column.takes_gaps else drawn


def _simplest_first(cells: set[Cell]) -> list[Cell]:
    """Return cells in the order in which hypothesis prefers them where rows fail."""
    return sorted(cells, key=lambda cell: (str(cell).startswith("-"), len(str(cell)), str(cell)))


def _others(column: Column, seen: list[Cell], pool: Pool) -> st.SearchStrategy[Cell] | None:
    if column.is_category or column.is_bool:
        return None
    if column.is_integer:
        kind = np.iinfo(getattr(column.dtype, "numpy_dtype", column.dtype))
        return st.integers(int(kind.min), int(kind.max))
    if column.is_float:
        return _floats(column, seen, pool)
    return _texts() if all(isinstance(cell, str) for cell in seen) else None


def _floats(column: Column, seen: list[Cell], pool: Pool) -> st.SearchStrategy[Cell]:
    if column.dtype == np.float32:
        # The text of a cell does not tell that training widened a narrow number.
        return st.integers(-640, 640).map(lambda number: number / 64)
    if not pool.exact:
        # Sums of huge numbers that cancel each other out keep no digits within a bound.
        return st.floats(min(seen), max(seen))
    return st.floats(allow_nan=False, allow_infinity=False)


def _texts() -> st.SearchStrategy[Cell]:
    """Return texts that no format takes for missing cells."""
    letters = st.characters(codec="utf-8") | st.sampled_from(STRANGE)
    return st.text(letters, min_size=1, max_size=12).filter(lambda text: text not in MISSING_IN_CSV)
