"""The requests of a crowd: good and bad rows, through several doors of several models."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tests.crowds.directories import COLUMNS, rows

DEFAULT = "pipeline"
"""The model that routes without a name ask."""

_SIZES = (1,) * 24 + (2, 3, 7, 16, 40, 1500)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        kind: Model, door and what is wrong with the rows, if something is.
        path: Where it goes.
        media_type: Of its body.
        body: The rows.
    """

    kind: str
    path: str
    media_type: str
    body: bytes


def _csv(data: pd.DataFrame) -> tuple[str, bytes]:
    return "text/csv", data.to_csv(index=False).encode()


def _records(data: pd.DataFrame) -> tuple[str, bytes]:
    return "application/json", data.to_json(orient="records").encode()


def _instances(data: pd.DataFrame) -> tuple[str, bytes]:
    body = {"instances": json.loads(data.to_json(orient="records"))}
    return "application/json", json.dumps(body).encode()


def _fields(data: pd.DataFrame) -> tuple[str, bytes]:
    cells = [[str(cell) for cell in row] for row in data.to_numpy(dtype=object)]
    return "application/json", json.dumps({"fields": list(data), "rows": cells}).encode()


Write = Callable[[pd.DataFrame], tuple[str, bytes]]

DOORS: tuple[tuple[str, Write], ...] = (
    ("/models/{name}/predict/", _csv),
    ("/models/{name}/predict/", _records),
    ("/v1/models/{name}:predict", _instances),
)
"""Doors of every model: path, and writer of the body."""

DEFAULT_DOORS: tuple[tuple[str, Write], ...] = (
    ("/predict/", _csv),
    ("/model/score", _fields),
    ("/invocations", _csv),
)
"""Doors of the default model alone."""


def _spoilt(data: pd.DataFrame, fault: str) -> pd.DataFrame:
    """Return rows of which the last one has a fault."""
    whole, at = data.astype(object), len(data) - 1
    if fault == "lacks":
        return data.drop(columns="f0", errors="ignore")
    column, cell = {
        "text": ("f1", "many"),
        "gap": ("f2", None),
        "unknown": ("place", "nowhere"),
        "infinite": ("f3", "1e400"),
    }[fault]
    if column in whole:
        whole.loc[whole.index[at], column] = cell
    return whole


def draw(seed: int, count: int) -> Iterator[Asked]:
    """Yield requests, each other than the rest."""
    rng = np.random.default_rng(seed)
    faults = ("", "", "", "", "", "", "text", "gap", "unknown", "infinite", "lacks")
    for number in range(count):
        name = str(rng.choice(list(COLUMNS)))
        data = rows(int(rng.choice(_SIZES)), seed=1000 * seed + number)[list(COLUMNS[name])]
        fault = str(rng.choice(faults))
        doors = DOORS + (DEFAULT_DOORS if name == DEFAULT else ())
        path, write = doors[int(rng.integers(len(doors)))]
        media_type, body = write(_spoilt(data, fault) if fault else data)
        kind = f"{name} {path.format(name=name)} {write.__name__.strip('_')} {fault or 'good'}"
        yield Asked(kind, path.format(name=name), media_type, body)
