"""Answers: the tensors that a model's prediction becomes, in JSON or as bytes behind it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
from flask import Response
from numpy.typing import NDArray

from drum_like.codecs.json.values import column, dumps, floats
from drum_like.contracts.open_inference.binary_values import binary_texts
from drum_like.contracts.open_inference.datatypes import BYTES, FP64, INT64
from drum_like.contracts.open_inference.infer_request import InferRequest, WantedOutput
from drum_like.errors import PayloadError
from drum_like.http.wire import JSON
from drum_like.inference.named_rows import Scored
from drum_like.inference.service import ModelInfo
from drum_like.types.names import Names, listed
from drum_like.types.target import Target, TargetType, typed_label

Values = NDArray[np.float64] | NDArray[np.int64] | list[Any]
"""The values of an output: numbers, or texts."""

PREDICT, PROBABILITIES = "predict", "predict_proba"
FIRST = "output-0"
"""Another name for the first output: KServe's helpers have it."""

BINARY = "application/octet-stream"
_HEAD = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a model.

    Attributes:
        name: Its name.
        datatype: FP64, INT64 or BYTES.
        sizes: Its sizes behind that of the rows.
        labels: Of the columns of probabilities; empty for all else.
    """

    name: str
    datatype: str
    sizes: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Labels as JSON text: a parameter of the protocol is a scalar."""
        return {"class_labels": orjson.dumps(self.labels).decode()} if self.labels else {}


def outputs_of(target: Target) -> tuple[Output, ...]:
    """Return the outputs of a model for a target, the usual one first."""
    if not target.type.is_classification:
        return (Output(PREDICT, FP64 if target.type.is_numeric else BYTES),)
    labels = target.order
    chances = Output(PROBABILITIES, FP64, (len(labels),), labels)
    if target.type is TargetType.MULTILABEL:
        return (chances,)
    return Output(PREDICT, INT64 if _are_whole(labels) else BYTES), chances


@lru_cache(maxsize=256)
def _are_whole(labels: Names) -> bool:
    """Return whether all labels spell whole numbers, which answers hold as such."""
    return all(type(typed_label(label)) is int for label in labels)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An output as it goes into an answer.

    Attributes:
        output: The output.
        name: The name by which it was asked for.
        is_binary: Whether its values follow the JSON.
    """

    output: Output
    name: str
    is_binary: bool


def infer_response(asked: InferRequest, scored: Scored, info: ModelInfo) -> Response:
    """Return the answer to a request.

    Raises:
        PayloadError: it asks for an output that the model does not have.
        TargetError: a value of the model is not a number where it has to be.
    """
    wanted = tuple(_wanted(asked, outputs_of(scored.target), info))
    values = _values(scored, {one.output.name for one in wanted})
    described, parts = [], []
    for one in wanted:
        found = values[one.output.name]
        binary = _bytes(found) if one.is_binary else None
        described.append(_described(one, scored.prediction.n_rows, found, binary))
        parts += [] if binary is None else [binary]
    content = {
        "model_name": info.name,
        "model_version": info.version,
        "id": str(uuid4()) if asked.id is None else asked.id,
        "outputs": described,
    }
    head = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    if not any(one.is_binary for one in wanted):
        return Response(head, content_type=JSON)
    response = Response(b"".join((head, *parts)), content_type=BINARY)
    response.headers[_HEAD] = str(len(head))
    return response


def _wanted(asked: InferRequest, known: Sequence[Output], info: ModelInfo) -> Iterator[_Asked]:
    """Return the outputs that a request asks for; all if it names none.

    The description of another product has a name of its own for the last: numbers, or chances.
    """
    by_name = {FIRST: known[0], **{output.name: output for output in known}}
    if info.output is not None:
        by_name = {info.output: known[-1], **by_name}
    named = asked.outputs or tuple(WantedOutput(output.name, None) for output in known)
    for one in named:
        if one.name not in by_name:
            raise PayloadError(
                f"Unexpected inference output {one.name[:100]!r} for model {info.name!r}; it has "
                f"{listed([output.name for output in known])}"
            )
        is_binary = asked.is_binary if one.is_binary is None else one.is_binary
        yield _Asked(by_name[one.name], one.name, is_binary)


def _values(scored: Scored, names: set[str]) -> Mapping[str, Values]:
    """Return the values of the outputs of some names: float64, int64, or texts."""
    target, prediction = scored.target, scored.prediction
    if not target.type.is_classification:
        is_numeric = target.type.is_numeric
        return {PREDICT: floats(prediction.column) if is_numeric else _texts(prediction.column)}
    chances = scored.chances
    found: dict[str, Values] = {PROBABILITIES: chances}
    if PREDICT in names:
        found[PREDICT] = _likeliest(chances, target.order)
    return found


def _likeliest(chances: NDArray[np.float64], labels: Names) -> Values:
    """Return the likeliest label of each row; of several the first, as the frameworks do."""
    places = np.argmax(chances, axis=1) if len(chances) else np.zeros(0, np.intp)
    if _are_whole(labels):
        whole: NDArray[np.int64] = np.array(list(map(int, labels)), dtype=np.int64)[places]
        return whole
    return [labels[at] for at in places.tolist()]


def _texts(values: NDArray[Any]) -> list[Any]:
    """Return values as texts, None for missing ones; lists and objects are JSON."""
    return [
        value if isinstance(value, str | None) else dumps(value).decode()
        for value in column(values)
    ]


def _bytes(values: Values) -> bytes:
    if isinstance(values, list):
        return binary_texts([value or "" for value in values])
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _described(one: _Asked, n_rows: int, values: Values, binary: bytes | None) -> dict[str, Any]:
    """Return an output as JSON, its values in it or as bytes behind it."""
    parameters = one.output.parameters
    if binary is not None:
        parameters["binary_data_size"] = len(binary)
    is_list = isinstance(values, list)
    data = orjson.Fragment(dumps(values)) if is_list else np.ravel(values)
    return {
        "name": one.name,
        "datatype": one.output.datatype,
        "shape": [n_rows, *one.output.sizes],
        **({"parameters": parameters} if parameters else {}),
        **({"data": data} if binary is None else {}),
    }
