"""Answers of a server to rows: numbers by label, or a refusal."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import pandas as pd
import pyarrow as pa

from tests.oracle.case import Target

Told = Mapping[str, float | None]
"""The numbers of a row by label, under "" where there are none; None is a null."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to all rows of a request, in order."""

    rows: Sequence[Told]


@dataclass(frozen=True, slots=True)
class Refused:
    """The reason why a request got no answer.

    Attributes:
        status: The status; 0 where there was none.
        reason: What the server said.
    """

    status: int
    reason: str


Answer = Answered | Refused


class UnreadableError(Exception):
    """An answer with status 200 that has not the form of its contract."""


class DeclinedError(Exception):
    """A refusal that its contract answers with status 200."""


def of_predict(body: bytes, target: Target) -> list[Told]:
    """Read an answer of DRUM's routes."""
    return [_told(item, target) for item in json.loads(body)["predictions"]]


def of_list(body: bytes, target: Target) -> list[Told]:
    """Read an answer of Azure ML's form `input_data`: the predictions alone."""
    return [_told(item, target) for item in json.loads(body)]


def of_h2o(body: bytes, target: Target) -> list[Told]:
    """Read an answer of H2O's scorer, whose cells are text."""
    answer = json.loads(body)
    names = [_label(field, target) for field in answer["fields"]]
    return [
        {name: _number(cell) for name, cell in zip(names, row, strict=True)}
        for row in answer["score"]
    ]


def of_instances(body: bytes, target: Target) -> list[Told]:
    """Read an answer of ecosystem.ai's model server."""
    found: list[Told] = []
    for item in json.loads(body)["predictions"]:
        if "probability" in item:
            found.append({target.positive: _number(item["probability"])})
        else:
            found.append(_told(item.get("probabilities", item.get("prediction")), target))
    return found


def of_decision(body: bytes, target: Target) -> list[Told]:
    """Read a decision of ecosystem.ai's runtime."""
    answer = json.loads(body)
    if "final_result" not in answer or not answer["final_result"]:
        raise DeclinedError(str(answer.get("ErrorMessage", answer))[:300])
    full = answer["final_result"][0]["result_full"]
    if target.labels:
        return [_told(full["offer_details"], target)]
    return [{"": _number(full["score"])}]


def of_tensors(body: bytes, target: Target) -> list[Told]:
    """Read an answer of the Open Inference Protocol, all of it JSON."""
    outputs = {output["name"]: output for output in json.loads(body)["outputs"]}
    if not target.labels:
        return [{"": _number(cell)} for cell in outputs["predict"]["data"]]
    output = outputs["predict_proba"]
    labels = json.loads(output["parameters"]["class_labels"])
    if output["shape"][1:] != [len(labels)]:
        raise UnreadableError(f"{len(labels)} labels for the shape {output['shape']}")
    numbers = iter(output["data"])
    return [{label: _number(next(numbers)) for label in labels} for _ in range(output["shape"][0])]


def of_records(body: bytes, target: Target, output: str) -> list[Told]:
    """Read Wallaroo's records."""
    return [_listed(row["out"][output], target) for row in json.loads(body)]


def of_arrow(body: bytes, target: Target, output: str) -> list[Told]:
    """Read Wallaroo's Arrow file."""
    table = pa.ipc.open_file(pa.py_buffer(body)).read_all()
    return [_listed(row[output], target) for row in table["out"].to_pylist()]


def of_score(text: str, target: Target) -> list[Told]:
    """Read the CSV that `score` writes."""
    frame = pd.read_csv(io.StringIO(text), float_precision="round_trip")
    if not target.labels:
        return [{"": _number(cell)} for cell in frame.iloc[:, 0].tolist()]
    return [
        {label: _number(cell) for label, cell in zip(frame.columns, row, strict=True)}
        for row in frame.to_numpy().tolist()
    ]


def _told(item: Any, target: Target) -> Told:
    if not target.labels:
        return {"": _number(item)}
    return {str(label): _number(cell) for label, cell in dict(item).items()}


def _listed(cells: Any, target: Target) -> Told:
    """Return a row of Wallaroo's: of two classes the negative one first."""
    flat = _flat(cells)
    names = target.labels or ("",)
    if target.positive:
        names = (target.negative, target.positive)
    if len(flat) != len(names):
        raise UnreadableError(f"{len(flat)} numbers where {len(names)} were expected")
    return dict(zip(names, flat, strict=True))


def _flat(cells: Any) -> list[float | None]:
    if isinstance(cells, list):
        return [number for cell in cells for number in _flat(cell)]
    return [_number(cells)]


def _label(field: str, target: Target) -> str:
    return field.partition(".")[2] if target.labels else ""


def _number(cell: Any) -> float | None:
    number = None if cell is None else float(cell)
    return number if number is not None and isfinite(number) else None
