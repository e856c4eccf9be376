"""CloudEvents: a request that comes as an event, and the event that answers it.

Source: the CloudEvents 1.0 HTTP binding; the answers of KServe 0.21.0, observed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import uuid4

from flask import Request, Response

from drum_like.codecs.json.document import Document
from drum_like.codecs.json.values import dumps
from drum_like.errors import PayloadError
from drum_like.http.json_body import is_opened
from drum_like.http.wire import json_response

_REQUIRED = ("ce-specversion", "ce-id", "ce-source", "ce-type")
_STRUCTURED = "application/cloudevents+json"


def _is_binary(request: Request) -> bool:
    """Return whether the headers of a request say that it is an event."""
    return all(name in request.headers for name in _REQUIRED)


def content_of(request: Request, document: Document) -> Document:
    """Return the JSON that a request is about: that of `data` in a structured event.

    Args:
        request: The request.
        document: The JSON of its body.

    Raises:
        PayloadError: an event has no `data`.
    """
    if request.mimetype != _STRUCTURED or is_opened(request):
        return document
    if not isinstance(document.tree, Mapping) or "data" not in document.tree:
        raise PayloadError(
            "a CloudEvent needs the rows as JSON in `data`, which is not there; `data_base64` is "
            "not read"
        )
    return document.at("data")


def answer(model: str, body: bytes, request: Request) -> Response:
    """Return the answer to a request: an event if the request is one, of the same form.

    Args:
        model: Name of the model.
        body: JSON.
        request: The request.
    """
    if request.mimetype == _STRUCTURED:
        head = dumps(_attributes(model))
        response = json_response(head[:-1] + b',"data":' + body + b"}")
        response.content_type = _STRUCTURED
        return response
    response = json_response(body)
    if _is_binary(request):
        named = {f"ce-{name}": text for name, text in _attributes(model).items()}
        response.headers.extend(named)
    return response


def _attributes(model: str) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": f"io.kserve.inference.{quote(model)}",
        "type": "io.kserve.inference.response",
        "time": datetime.now(UTC).isoformat(),
    }
