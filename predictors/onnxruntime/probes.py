"""Made-up rows to find out at load how a graph behaves and what its outputs mean."""

from itertools import cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Relative: type checkers know this package under its folder's name.
from .graph import Graph
from .inputs import Inputs

Values = NDArray[Any]

N_PROBES = 64
_SCALES = (0.0, 1.0, 0.1, 1.0, 3.0, 10.0, 0.5, 1.0, 2.0, 5.0, 100.0, 1000.0)
_INTEGERS = (0, 1, 2, 3, 5, 10, 0, 1)
_SEED = 20240229


def probes(inputs: Inputs, graph: Graph | None, turn: int = 0) -> dict[str, Values]:
    """Return arrays of 64 rows: numbers of many sizes, or beside thresholds of trees; known words.

    They are the same in every process: what is found out by them is the same in every worker.

    Args:
        inputs: What the rows are for.
        graph: Tells thresholds and categories.
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
