"""How a graph behaves: found out once, at load, by running made-up rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .graph import Graph
from .inputs import Inputs
from .outputs import Output, axis_of, described
from .rows import Axes, Bits, Plan, agreed_plan, by_plan, plans, rows, runner
from .session import Feeds, Run, quiet_run_of, run_of

Values = NDArray[Any]

N_PROBES = 64
_SCALES = (0.0, 1.0, 0.1, 1.0, 3.0, 10.0, 0.5, 1.0, 2.0, 5.0, 100.0, 1000.0)
_INTEGERS = (0, 1, 2, 3, 5, 10, 0, 1)
_SEED = 20240229


def probes(inputs: Inputs, graph: Graph | None, turn: int = 0) -> dict[str, Values]:
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


logger = logging.getLogger(__name__)

_FEW, _MORE = 3, 5
_WIDEST = 512
"""Columns up to which the width of a matrix is tried out."""

_TURNS = 16
"""How often other rows are made up, until a graph takes one: encoders may refuse most words."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Behaviour of a graph, as made-up rows showed it.

    Attributes:
        run: Runs outputs for any number of rows; each gets the same bits in any company.
        bits: How that is brought about: "equal" of itself, "padded" with copies of the last row,
            in "blocks", or not at all: "bound".
        outputs: In the graph's order.
        good: Made-up rows that the graph takes; None if it took none, or none could be made.
        refused: Whether rows could be made, and the graph took none.
    """

    run: Run
    bits: Bits
    outputs: tuple[Output, ...]
    good: Feeds | None = None
    refused: bool = False


def width_by_trial(session: ort.InferenceSession, inputs: Inputs) -> int | None:
    """Return how wide a matrix of open width has to be: the one width that a graph takes.

    One column counts only where there is no other: it goes with constants of any width. None if
    there is no such width, or if several are taken.
    """
    names = [str(output.name) for output in session.get_outputs()]
    run = quiet_run_of(session)
    one = np.zeros((inputs.batch or 1, 1))
    widths = (
        width
        for width in range(1, _WIDEST + 1)
        if _runs(run, names, inputs.shaped([one[:, 0]] * width))
    )
    found = list(islice(widths, 3))  # a graph that takes any width is done with soon
    wide = [width for width in found if width > 1] or found
    return wide[0] if len(wide) == 1 else None


def observed(session: ort.InferenceSession, inputs: Inputs, graph: Graph | None) -> Behaviour:
    """Return how a session behaves; by its declarations alone where no rows can be made."""
    shared = _has_one_thread(session) and graph is not None and graph.has_trees_only
    outputs = described(session.get_outputs())
    can_be_made = bool(inputs.n_columns)
    made = (probes(inputs, graph, turn) for turn in range(_TURNS if can_be_made else 0))
    good = next(filter(None, (_good(session, inputs, rows_) for rows_ in made)), None)
    if good is None:
        run = runner(session, plans(inputs.batch)[0], _axes_of_declared(outputs, inputs.batch))
        return Behaviour(run, "bound", tuple(outputs), refused=can_be_made)
    batch = inputs.batch if _takes_any_number(session, inputs, good) else 1
    axes = _axes(session, good, batch)
    plan = agreed_plan(session, good, batch, axes)
    chosen = plan or plans(batch)[0]
    run = runner(session, chosen, axes, shared=shared and chosen == Plan())
    samples = run([output.name for output in outputs], good)
    known = (
        replace(output, axis=axes[output.name], sample=sample)
        for output, sample in zip(outputs, samples, strict=True)
    )
    return Behaviour(run, plan.bits if plan else "bound", tuple(known), good)


def _good(session: ort.InferenceSession, inputs: Inputs, made: Feeds) -> Feeds | None:
    """Return made-up rows that a graph takes, repeated to their usual number."""
    taken = _taken(session, inputs, made)
    if not taken:
        return None
    good = rows(made, list(islice(cycle(taken), N_PROBES)))
    if len(taken) == N_PROBES:
        return good
    # Encoders refuse most words and whole numbers: those that they take go with any other numbers.
    mixed = {name: made[name] if made[name].dtype.kind == "f" else good[name] for name in made}
    taken = _taken(session, inputs, mixed)
    return rows(mixed, list(islice(cycle(taken), N_PROBES))) if taken else good


def _taken(session: ort.InferenceSession, inputs: Inputs, made: Feeds) -> list[int]:
    """Return which rows a graph takes, alone."""
    names = [str(output.name) for output in session.get_outputs()]
    alone = plans(inputs.batch)[-1]
    run = partial(by_plan, quiet_run_of(session), alone, dict.fromkeys(names))
    return [at for at in range(N_PROBES) if _runs(run, names, rows(made, [at]))]


def _axes_of_declared(outputs: list[Output], batch: int | None) -> Axes:
    return {
        output.name: 0 if output.shape and output.shape[0] in (batch, None) else None
        for output in outputs
    }


def _takes_any_number(session: ort.InferenceSession, inputs: Inputs, good: Feeds) -> bool:
    """Whether the graph keeps what its inputs declare: some do not, and take one row only."""
    if inputs.batch is not None:
        return True
    names = [str(output.name) for output in session.get_outputs()]
    return _runs(quiet_run_of(session), names, rows(good, range(_MORE)))


def _axes(session: ort.InferenceSession, good: Feeds, batch: int | None) -> Axes:
    names = [str(output.name) for output in session.get_outputs()]
    few, more = (batch, batch) if batch else (_FEW, _MORE)
    found = [
        run_of(session)(names, rows(good, [at % N_PROBES for at in range(n)])) for n in (few, more)
    ]
    return {
        name: axis_of(one, other, few, more) for name, one, other in zip(names, *found, strict=True)
    }


def _runs(run: Any, names: list[str], feeds: Feeds) -> bool:
    try:
        run(names, feeds)
    except Exception as error:  # noqa: BLE001 - what onnxruntime raises has no class in common
        logger.debug("a made-up row could not be run: %s", error)
        return False
    return True


def _has_one_thread(session: ort.InferenceSession) -> bool:
    return bool(session.get_session_options().intra_op_num_threads == 1)
