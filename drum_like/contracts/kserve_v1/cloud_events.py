"""CloudEvents: a request that comes as an event, and the headers of the event that answers it.

Source: the CloudEvents 1.0 HTTP binding; the answers of KServe 0.21.0, observed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import uuid4

from flask import Request

from drum_like.codecs.json.document import Document
from drum_like.errors import PayloadError
from drum_like.http.json_body import is_opened

_REQUIRED = ("ce-specversion", "ce-id", "ce-source", "ce-type")
_STRUCTURED = "application/cloudevents+json"


def is_event(request: Request) -> bool:
    """Return whether a request is an event: by its headers, or as one JSON object (structured)."""
    return request.mimetype == _STRUCTURED or all(name in request.headers for name in _REQUIRED)


def content_of(request: Request, document: Document) -> Document:
    """Return the JSON that a request is about: that of `data` in a structured event.

    Args:
        request: The request.
        document: The JSON of its body.

    Raises:
        PayloadError: an event has no `data`.
    """
    if request.mimetype != _STRUCTURED or is_opened():
        return document
    if not isinstance(document.tree, Mapping) or "data" not in document.tree:
        raise PayloadError(
            "a CloudEvent needs the rows as JSON in `data`, which is not there; `data_base64` is "
            "not read"
        )
    return document.at("data")


def answer_headers(model: str) -> dict[str, str]:
    """Return the headers of an event that answers another one.

    Args:
        model: Name of the model.
    """
    return {
        "ce-specversion": "1.0",
        "ce-id": str(uuid4()),
        "ce-source": f"io.kserve.inference.{quote(model)}",
        "ce-type": "io.kserve.inference.response",
        "ce-time": datetime.now(UTC).isoformat(),
    }
