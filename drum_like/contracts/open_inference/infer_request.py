"""Requests to infer: tensors in JSON, or as bytes behind it, and the outputs that are wanted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from flask import Request
from numpy.typing import NDArray

from drum_like.codecs.json.document import read
from drum_like.contracts.open_inference.binary_values import read_binary
from drum_like.contracts.open_inference.datatypes import datatype_of
from drum_like.contracts.open_inference.json_values import Shape, read_json
from drum_like.contracts.open_inference.members import (
    Json,
    content_type_of,
    object_of,
    objects_of,
    parameters_of,
    truth_of,
)
from drum_like.errors import PayloadError
from drum_like.http.json_body import JSON_LENGTH
from drum_like.http.requests import whole_body
from drum_like.types.parameters import Parameters
from drum_like.types.payload import Limits

_MOST_SIZES = 8
"""Sizes of a shape; two of them are not one, at the most."""

_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_SIZE = "binary_data_size"
_TEXT, _WHOLE = frozenset({str}), frozenset({int})

_OF_SERVERS = frozenset(
    {
        *("binary_data_output", "content_type", "headers", "priority", "timeout"),
        *("sequence_id", "sequence_start", "sequence_end"),
    }
)
"""Parameters of requests that are meant for servers, Triton's or MLServer's, and not for models."""


@dataclass(frozen=True, slots=True)
class InputTensor:
    """A tensor of a request.

    Attributes:
        name: As sent.
        shape: Its sizes, that of the rows first.
        values: All values, one after the other.
    """

    name: str
    shape: Shape
    values: NDArray[Any]

    @property
    def n_rows(self) -> int:
        """The first size."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Values of a row."""
        return prod(self.shape[1:])


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """An output that a request names.

    Attributes:
        name: As sent.
        is_binary: Whether its values are wanted as bytes; None for the request's own word.
    """

    name: str
    is_binary: bool | None


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request to infer.

    Attributes:
        id: As sent, None without one.
        inputs: The tensors, at least one.
        outputs: Those that are wanted; empty for all.
        is_binary: Whether outputs are wanted as bytes where they do not say it themselves.
        are_columns: Whether each tensor is a column, as MLServer's content type `pd` has it.
        n_bytes: The bytes of the body.
        parameters: Those of the request that are not meant for the server.
    """

    id: str | None
    inputs: tuple[InputTensor, ...]
    outputs: tuple[WantedOutput, ...]
    is_binary: bool
    are_columns: bool
    n_bytes: int
    parameters: Parameters


def parse_infer_request(request: Request, limits: Limits) -> InferRequest:
    """Return the request that a body holds, whatever its Content-Type says.

    Args:
        request: Any.
        limits: On rows and columns; shapes are held to them before values are read.

    Raises:
        PayloadError: it is none, or asks for something that is not served.
        SizeError: its shapes are beyond the limits.
        BodyError: the body does not arrive as its headers say.
    """
    body = whole_body(request)
    head, start = _head(request, body)
    tree = read(head).tree
    if not isinstance(tree, dict):
        raise PayloadError("the body must be a JSON object with `inputs`, a list of tensors")
    parameters = object_of(tree.get("parameters"), "parameters")
    identity, outputs = tree.get("id"), tree.get("outputs")
    if not isinstance(identity, str | None):
        raise PayloadError("`id` must be text")
    return InferRequest(
        identity,
        tuple(_inputs(objects_of(tree.get("inputs"), "inputs"), body, start, limits)),
        () if outputs is None else tuple(map(_output, objects_of(outputs, "outputs"))),
        truth_of(parameters, "binary_data_output") or False,
        content_type_of(parameters) == "pd",
        len(body),
        {name: parameters[name] for name in parameters.keys() - _OF_SERVERS},
    )


def _head(request: Request, body: bytes) -> tuple[bytes, int]:
    """Return the JSON of a body, and where its binary tensors begin."""
    text = request.environ.get(JSON_LENGTH)
    if text is None:
        return body, len(body)
    length = int(text) if _LENGTH.fullmatch(text) else len(body) + 1
    if length > len(body):
        raise PayloadError(
            "Inference-Header-Content-Length must be the number of bytes of the JSON before the "
            f"binary tensors; the body has {len(body)} bytes"
        )
    return body[:length], length


def _inputs(
    found: Sequence[Json], body: bytes, start: int, limits: Limits
) -> Iterator[InputTensor]:
    """Read the tensors in turn; the bytes of each begin where those before it end."""
    if not found:
        raise PayloadError("`inputs` must hold a tensor, at least one")
    names = [one.get("name") for one in found]
    if not _TEXT.issuperset(map(type, names)):
        raise PayloadError("each tensor of `inputs` must have a `name`, a text")
    if len(set(names)) != len(names):
        raise PayloadError("two tensors of `inputs` have one name; send each name once")
    shapes = [_shape(one) for one in found]
    limits.check_rows(max(shape[0] for shape in shapes))
    limits.check_columns(sum(prod(shape[1:]) for shape in shapes))
    at = start
    for one, shape in zip(found, shapes, strict=True):
        size = _binary_size(one, len(body) - at)
        yield _input(one, shape, body, (at, size))
        at += size or 0
    if at != len(body):
        raise PayloadError(
            f"the body has {len(body) - at} bytes more than its JSON and the {_SIZE} of its tensors"
        )


def _input(one: Json, shape: Shape, body: bytes, place: tuple[int, int | None]) -> InputTensor:
    """Read a tensor, from its data or from its place in the body: the first byte, and how many."""
    name, n_values, (start, size) = one["name"], prod(shape), place
    datatype = datatype_of(one.get("datatype"), name[:100])
    try:
        if size is None:
            values = read_json(one.get("data"), datatype, shape, n_values)
        else:
            values = read_binary(body, start, size, datatype, n_values)
    except PayloadError as error:
        raise PayloadError(f"the tensor {name[:100]!r} cannot be read: {error}") from error
    return InputTensor(name, shape, values)


def _shape(one: Json) -> Shape:
    sizes = one.get("shape")
    if not isinstance(sizes, list) or not 0 < len(sizes) <= _MOST_SIZES:
        raise PayloadError(
            f"the shape of the tensor {one['name'][:100]!r} must be a list of 1 to {_MOST_SIZES} "
            "sizes, that of the rows first"
        )
    if not _WHOLE.issuperset(map(type, sizes)) or min(sizes) < 0:
        raise PayloadError(f"the sizes of the tensor {one['name'][:100]!r} must be whole numbers")
    return tuple(sizes)


def _binary_size(one: Json, left: int) -> int | None:
    """Return the bytes of a tensor behind the JSON, None for one in JSON."""
    if one.get("parameters") is None:
        return None
    parameters = parameters_of(one, "a tensor")
    content_type_of(parameters)
    size = parameters.get(_SIZE)
    if size is None:
        return None
    if type(size) is not int or not 0 <= size <= left or "data" in one:
        raise PayloadError(
            f"the tensor {one['name'][:100]!r} must have either `data`, or a {_SIZE} of bytes that "
            f"follow the JSON; {left} are left"
        )
    return size


def _output(one: Json) -> WantedOutput:
    parameters = parameters_of(one, "an output")
    if parameters.get("classification"):
        raise PayloadError("the classification extension is not served; ask for predict_proba")
    name = one.get("name")
    if not isinstance(name, str):
        raise PayloadError("each of `outputs` must have a `name`, a text")
    return WantedOutput(name, truth_of(parameters, "binary_data"))
