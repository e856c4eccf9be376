"""The rows of a case that are asked about, and what the library says to each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.oracle.case import Answers, Case, Random
from tests.oracle.rows import Cell, Column, Columns, Row, Spelled, columns_of, rows_of

TRAINED_ROWS = 14
FRESH_ROWS = 14
MOST_ODD_ROWS = 13
LACKING_ROWS = 4

ODD_NUMBERS = {
    "huge": 1e30,
    "larger-still": 1e300,
    "negative-zero": -0.0,
    "exponent": 1.5e-7,
    "negative": -3.25,
}
ODD_INTEGERS = {"big-integer": 2**53 + 1, "negative-integer": -7}
ODD_WORDS = {
    "word": "AB1",
    "digits": "12",
    "leading-zero": "01",
    "truth-word": "True",
    "decimal": "1.0",
    "spaces": "two words",
    "umlaut": "Zürich",
    "exponent-word": "1e5",
}
TYPED_WORDS = {"empty-text": "", "missing-word": "NA"}
"""Texts that are missing cells in formats whose cells are all text."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows with the library's answers.

    Attributes:
        columns: The columns of training.
        rows: All rows: those of training, fresh ones, odd ones.
        odd: What is odd about a row, by its place in `rows`.
        answers: A row of numbers for each row, in the model's own width.
        exact: Whether the library gives a row the same bits alone and in batches.
        bound: The largest difference where bits are not demanded.
    """

    columns: Columns
    rows: tuple[Row, ...]
    odd: dict[int, str]
    answers: Answers
    exact: bool
    bound: float

    @property
    def usual(self) -> list[int]:
        """The places of rows that are not odd."""
        return [place for place in range(len(self.rows)) if place not in self.odd]


def pool_of(case: Case, rng: Random) -> Pool:
    """Choose rows for a case and ask the library about them."""
    columns = columns_of(case.frame, case.gaps)
    trained = rows_of(case.frame)
    rows = [*_trained(trained, rng), *_fresh(columns, trained, rng)]
    rows = [row for row in rows if _is_answered(case, columns, row)]
    odd = [pair for pair in _odd(columns, rows) if _is_answered(case, columns, pair[1])]
    kept = _spread(odd, rng)
    names = {len(rows) + place: name for place, (name, _) in enumerate(kept)}
    everything = (*rows, *(row for _, row in kept))
    answers, same = ask_all(case, columns, everything)
    return Pool(
        columns, everything, names, answers, same and not case.bound, bound_of(case, answers)
    )


def ask_all(case: Case, columns: Columns, rows: Sequence[Row]) -> tuple[Answers, bool]:
    """Return the answers to each row alone, and whether batches give the same bits."""
    alone = np.concatenate([shaped(case.ask(columns.frame([row]))) for row in rows])
    batch = shaped(case.ask(columns.frame(rows)))
    back = shaped(case.ask(columns.frame(rows[::-1])))[::-1]
    few = np.concatenate(
        [
            shaped(case.ask(columns.frame([*rows[at : at + 8], *rows[:8]][:8])))
            for at in range(0, len(rows), 8)
        ]
    )[: len(rows)]
    return alone, all(np.array_equal(alone, one, equal_nan=True) for one in (batch, back, few))


def bound_of(case: Case, answers: Answers) -> float:
    """Return the bound of an answer's distance from the library's where bits are not constant."""
    unit = 1e-12 if answers.dtype == np.float64 else 1e-6
    if case.target.is_probability:
        return unit
    return unit * float(np.max(np.abs(answers[np.isfinite(answers)]), initial=0.0))


def shaped(answers: Answers) -> Answers:
    """Return a row of numbers for each answer."""
    return answers if answers.ndim == 2 else answers.reshape(-1, 1)


def _trained(rows: Sequence[Row], rng: Random) -> list[Row]:
    """Return rows of training: some that lack cells, and whole ones."""
    mixed = [rows[place] for place in rng.permutation(len(rows))]
    lacking = [row for row in mixed if None in row][:LACKING_ROWS]
    whole = [row for row in mixed if None not in row]
    return [*lacking, *whole][:TRAINED_ROWS]


def _fresh(columns: Columns, rows: Sequence[Row], rng: Random) -> list[Row]:
    """Return rows whose cells are those of training, mixed anew; other numbers between them."""
    whole = [row for row in rows if None not in row] or rows
    sources = [rows] * LACKING_ROWS + [whole] * (FRESH_ROWS - LACKING_ROWS)
    return [_mixed(columns, source, rng) for source in sources]


def _mixed(columns: Columns, rows: Sequence[Row], rng: Random) -> Row:
    drawn = [rows[place] for place in rng.integers(len(rows), size=len(columns.all))]
    return tuple(
        _moved(column, row[place], rng)
        for place, (column, row) in enumerate(zip(columns.all, drawn, strict=True))
    )


def _moved(column: Column, cell: Cell, rng: Random) -> Cell:
    if cell is None or not column.is_float:
        return cell
    moved = cell * rng.uniform(0.5, 1.5)
    # A float32 column among others is widened in training, which the text of a cell does not tell.
    return round(moved * 64) / 64 if column.dtype == np.float32 else moved


def _odd(columns: Columns, rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Yield rows with a cell that changes how a careless reader takes its column."""
    base = next((row for row in rows if None not in row), rows[0])
    if all(column.takes_gaps for column in columns.all):
        yield "all-missing", (None,) * len(base)
    for place, column in enumerate(columns.all):
        for name, cell in _odd_cells(column, base[place]):
            yield f"{name}:{column.name}", (*base[:place], cell, *base[place + 1 :])


def _odd_cells(column: Column, cell: Cell) -> Iterator[tuple[str, Cell]]:
    if column.takes_gaps:
        yield "missing", None
    if column.is_bool:
        yield "truth-as-1", Spelled(value=True, text="1")
    elif column.is_float:
        yield from ODD_NUMBERS.items()
        yield "whole-number", Spelled(2.0, "2")
    elif column.is_integer:
        yield from ODD_INTEGERS.items()
        if abs(cell) < 2**53:
            yield "integer-as-decimal", Spelled(cell, f"{cell}.0")
    elif column.is_text and isinstance(cell, str):
        yield from ODD_WORDS.items()
        for name, text in TYPED_WORDS.items():
            yield name, Spelled(text, None)


def _spread(odd: Sequence[tuple[str, Row]], rng: Random) -> list[tuple[str, Row]]:
    """Return some of the odd rows, of every kind at least one."""
    mixed = [odd[place] for place in rng.permutation(len(odd))]
    first = {name.partition(":")[0]: (name, row) for name, row in mixed}
    rest = [pair for pair in mixed if pair not in first.values()]
    return [*first.values(), *rest][:MOST_ODD_ROWS]


def _is_answered(case: Case, columns: Columns, row: Row) -> bool:
    """Whether the library itself takes a row."""
    try:
        answer = case.ask(columns.frame([row]))
    except Exception:  # noqa: BLE001 - whatever a library raises, it has refused
        return False
    # Classes whose chances are no numbers are no answer.
    return len(answer) == 1 and bool(np.isfinite(answer).all() or not case.target.labels)
