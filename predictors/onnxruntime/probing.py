"""Trial runs of a graph: on made-up rows once, at load; on single cells after a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import ColumnsError, Frame

# Relative: type checkers know this package under its folder's name.
from .batching import (
    Axes,
    BatchPlan,
    Bits,
    candidate_plans,
    find_plan,
    plan_runner,
    run_by_plan,
    take_rows,
)
from .graph import Graph
from .inputs import Inputs
from .outputs import Output, declared_outputs, row_axis
from .session import Feeds, Run, accepts, quiet_runner, session_runner

Values = NDArray[Any]

N_PROBES = 64
_SCALES = (0.0, 1.0, 0.1, 1.0, 3.0, 10.0, 0.5, 1.0, 2.0, 5.0, 100.0, 1000.0)
_INTEGERS = (0, 1, 2, 3, 5, 10, 0, 1)
_SEED = 20240229
_FEW, _MORE = 3, 5

_TURNS = 16
"""How often other rows are made up, until a graph takes one: encoders may refuse most words."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Behaviour of a graph, as made-up rows showed it.

    Attributes:
        run: Runs outputs for any number of rows; each gets the same bits in any company.
        bits: How that is brought about: "equal" of itself, "padded" with copies of the last row,
            in "blocks", or not at all: "bound".
        outputs: In the graph's order.
        accepted: Made-up rows that the graph takes; None if it took none, or none could be made.
        refused: Whether rows could be made, and the graph took none.
    """

    run: Run
    bits: Bits
    outputs: tuple[Output, ...]
    accepted: Feeds | None = None
    refused: bool = False


def probe_graph(session: ort.InferenceSession, inputs: Inputs, graph: Graph | None) -> ProbeResult:
    """Return how a session behaves; by its declarations alone where no rows can be made."""
    shared = _has_one_thread(session) and graph is not None and graph.has_trees_only
    outputs = declared_outputs(session.get_outputs())
    can_be_made = bool(inputs.n_columns)
    made = (probe_rows(inputs, graph, turn) for turn in range(_TURNS if can_be_made else 0))
    good = next(filter(None, (_accepted_rows(session, inputs, rows_) for rows_ in made)), None)
    if good is None:
        run = plan_runner(
            session, candidate_plans(inputs.batch)[0], _declared_axes(outputs, inputs.batch)
        )
        return ProbeResult(run, "bound", tuple(outputs), refused=can_be_made)
    batch = inputs.batch if _takes_any_number(session, inputs, good) else 1
    axes = _row_axes(session, good, batch)
    plan = find_plan(session, good, batch, axes)
    chosen = plan or candidate_plans(batch)[0]
    run = plan_runner(session, chosen, axes, shared=shared and chosen == BatchPlan())
    samples = run([output.name for output in outputs], good)
    known = (
        replace(output, axis=axes[output.name], sample=sample)
        for output, sample in zip(outputs, samples, strict=True)
    )
    return ProbeResult(run, plan.bits if plan else "bound", tuple(known), good)


def _accepted_rows(session: ort.InferenceSession, inputs: Inputs, made: Feeds) -> Feeds | None:
    """Return made-up rows that a graph takes, repeated to their usual number."""
    taken = _accepted(session, inputs, made)
    if not taken:
        return None
    good = take_rows(made, list(islice(cycle(taken), N_PROBES)))
    if len(taken) == N_PROBES:
        return good
    # Encoders refuse most words and whole numbers: those that they take go with any other numbers.
    mixed = {name: made[name] if made[name].dtype.kind == "f" else good[name] for name in made}
    taken = _accepted(session, inputs, mixed)
    return take_rows(mixed, list(islice(cycle(taken), N_PROBES))) if taken else good


def _accepted(session: ort.InferenceSession, inputs: Inputs, made: Feeds) -> list[int]:
    """Return which rows a graph takes, alone."""
    names = [str(output.name) for output in session.get_outputs()]
    alone = candidate_plans(inputs.batch)[-1]
    run = partial(run_by_plan, quiet_runner(session), alone, dict.fromkeys(names))
    return [at for at in range(N_PROBES) if accepts(run, names, take_rows(made, [at]))]


def probe_rows(inputs: Inputs, graph: Graph | None, turn: int = 0) -> dict[str, Values]:
    """Return arrays of 64 rows: numbers of many sizes, or beside thresholds of trees; known words.

    They are the same in every process, so every worker comes to the same findings.

    Args:
        inputs: Inputs that the rows are for.
        graph: Source of thresholds and categories.
        turn: Others for each.
    """
    rng = np.random.default_rng((_SEED, turn))
    thresholds = graph.thresholds if graph is not None else {}
    words = ("", *(graph.words if graph is not None else ()), "text")
    integers = (*_INTEGERS, *(graph.integers if graph is not None else ()))
    columns = []
    for at in range(inputs.n_columns):
        kind = inputs.dtype(at).kind
        if kind == "O":
            columns.append(_texts(rng, words))
        elif kind == "f":
            columns.append(_numbers(rng, thresholds.get(at, [])))
        else:
            columns.append(rng.choice((0, 1) if kind == "b" else integers, size=N_PROBES))
    return inputs.shaped(columns)


def _numbers(rng: np.random.Generator, thresholds: list[float]) -> Values:
    scales = np.array(list(islice(cycle(_SCALES), N_PROBES)))
    numbers: Values = rng.normal(size=N_PROBES) * scales
    if thresholds:  # every other row stands beside one
        beside = rng.choice(thresholds, size=N_PROBES // 2)
        numbers[1::2] = beside + rng.normal(size=len(beside)) * (np.std(thresholds) or 1.0)
    return numbers


def _texts(rng: np.random.Generator, words: tuple[str, ...]) -> Values:
    cells = np.empty(N_PROBES, dtype=object)
    cells[:] = [words[at] for at in rng.integers(len(words), size=N_PROBES)]
    return cells


def _declared_axes(outputs: list[Output], batch: int | None) -> Axes:
    return {
        output.name: 0 if output.shape and output.shape[0] in (batch, None) else None
        for output in outputs
    }


def _takes_any_number(session: ort.InferenceSession, inputs: Inputs, good: Feeds) -> bool:
    """Whether the graph keeps what its inputs declare: some do not, and take one row only."""
    if inputs.batch is not None:
        return True
    names = [str(output.name) for output in session.get_outputs()]
    return accepts(quiet_runner(session), names, take_rows(good, range(_MORE)))


def _row_axes(session: ort.InferenceSession, good: Feeds, batch: int | None) -> Axes:
    names = [str(output.name) for output in session.get_outputs()]
    few, more = (batch, batch) if batch else (_FEW, _MORE)
    found = [
        session_runner(session)(names, take_rows(good, [at % N_PROBES for at in range(n)]))
        for n in (few, more)
    ]
    return {
        name: row_axis(one, other, few, more)
        for name, one, other in zip(names, *found, strict=True)
    }


def _has_one_thread(session: ort.InferenceSession) -> bool:
    return bool(session.get_session_options().intra_op_num_threads == 1)


def find_bad_cell(
    run: Run, names: list[str], feeds: Feeds, accepted: Feeds, frame: Frame
) -> ColumnsError | None:
    """Return an error that names the first cell that a graph does not take, None if it is no cell.

    Args:
        run: Raises for `feeds`, and not for `accepted`.
        names: The outputs that were asked for.
        feeds: The rows of the request.
        accepted: Rows that the graph takes.
        frame: The request, for the names of its columns.
    """
    runs = partial(accepts, run, names, is_made_up=False)
    n_rows = len(next(iter(feeds.values())))
    row = _first_failing(n_rows, lambda many: runs(take_rows(feeds, range(many))))
    bad, fine = take_rows(feeds, [row]), take_rows(accepted, [0])
    if runs(bad) or not runs(fine):
        return None
    column = _first_failing(frame.n_columns, lambda many: runs(_mixed(bad, fine, many)))
    name = str(column) if frame.columns is None else frame.columns[column]
    return ColumnsError(
        f"column {name[:100]!r} holds something that the model does not take, such as a category "
        f"or a position that it was not trained on, in row {row + 1}",
        row,
        name,
    )


def _first_failing(number: int, runs: Callable[[int], bool]) -> int:
    """Return the first of some things with which a run fails, by halving."""
    low, high = 0, number  # with `low` of them it runs, with `high` it does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if runs(middle) else (low, middle)
    return low


def _mixed(bad: Feeds, fine: Feeds, many: int) -> Feeds:
    """Return a row with its first `many` columns from the bad row, the rest from the fine one."""
    if len(bad) > 1:
        return {
            name: values if at < many else fine[name]
            for at, (name, values) in enumerate(bad.items())
        }
    ((name, values),) = bad.items()
    mixed = fine[name].copy()
    flat, bad_flat = mixed.reshape(-1), values.reshape(-1)
    flat[:many] = bad_flat[:many]
    return {name: flat.reshape(values.shape)}
