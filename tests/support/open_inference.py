"""Requests of the Open Inference Protocol, and the tensors of their answers."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from tests.support.http_calls import Reply
from tests.support.serving import Server

LENGTH = "Inference-Header-Content-Length"

DTYPES = {
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}
"""Datatypes as the protocol's specification says that their bytes are."""


NO_YES_OUTPUTS = (
    {"name": "predict", "datatype": "BYTES", "shape": [-1]},
    {
        "name": "predict_proba",
        "datatype": "FP64",
        "shape": [-1, 2],
        "parameters": {"class_labels": '["no","yes"]'},
    },
)
"""The outputs in the metadata of a classifier with the labels `no` and `yes`."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor to send.

    Attributes:
        name: Its name.
        datatype: The protocol's name of its datatype.
        values: Its values, of its shape.
        is_binary: Whether they follow the JSON.
    """

    name: str
    datatype: str
    values: NDArray[Any]
    is_binary: bool = False

    @property
    def content(self) -> bytes:
        """The values as bytes."""
        if self.datatype == "BYTES":
            return b"".join(map(_text, self.values.ravel()))
        return self.values.astype(DTYPES[self.datatype]).tobytes()

    @property
    def described(self) -> dict[str, Any]:
        """The tensor as JSON."""
        shape = {"name": self.name, "shape": list(self.values.shape), "datatype": self.datatype}
        if self.is_binary:
            return {**shape, "parameters": {"binary_data_size": len(self.content)}}
        return {**shape, "data": self.values.tolist()}


def _text(text: str) -> bytes:
    return struct.pack("<I", len(text.encode())) + text.encode()


def path(model: str, end: str = "/infer") -> str:
    """Return the path of a model."""
    return f"/v2/models/{quote(model)}{end}"


def post(server: Server, model: str, tree: Any, tail: bytes = b"", **headers: str) -> Reply:
    """Post JSON, with bytes behind it if there are some, to where a model infers."""
    body, length = framed(tree, tail)
    return server.post(path(model), body, **length, **headers)


def framed(tree: Any, tail: bytes = b"") -> tuple[bytes, dict[str, str]]:
    """Return a body of JSON and bytes behind it, and the header that it needs."""
    head = json.dumps(tree).encode()
    return head + tail, {LENGTH.replace("-", "_"): str(len(head))} if tail else {}


def infer(
    server: Server,
    model: str,
    *tensors: Tensor,
    outputs: Sequence[Mapping[str, Any]] = (),
    **members: Any,
) -> Reply:
    """Ask a model to infer."""
    chosen = {"outputs": outputs} if outputs else {}
    body, length = requested(*tensors, **members, **chosen)
    return server.post(path(model), body, **length)


def requested(*tensors: Tensor, **members: Any) -> tuple[bytes, dict[str, str]]:
    """Return the body of a request, and the header that it needs."""
    tree = {"inputs": [tensor.described for tensor in tensors], **members}
    return framed(tree, b"".join(tensor.content for tensor in tensors if tensor.is_binary))


def answered(reply: Reply) -> dict[str, Any]:
    """Return the values of the outputs of a good answer by their names, lists of them."""
    assert reply.status == 200, reply.text
    length = int(reply.headers.get(LENGTH, len(reply.body)))
    head, at, found = json.loads(reply.body[:length]), length, {}
    for output in head["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            found[output["name"]] = output["data"]
            continue
        part, at = reply.body[at : at + size], at + size
        found[output["name"]] = _values(part, output["datatype"])
    assert at == len(reply.body)
    return found


def _values(part: bytes, datatype: str) -> list[Any]:
    if datatype != "BYTES":
        values: list[Any] = np.frombuffer(part, DTYPES[datatype]).tolist()
        return values
    texts = []
    while part:
        end = 4 + struct.unpack_from("<I", part)[0]
        texts.append(part[4:end].decode())
        part = part[end:]
    return texts
