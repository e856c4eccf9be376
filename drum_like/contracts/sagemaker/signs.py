"""Signs that a request comes from Amazon SageMaker, or is in a form that only it has."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flask import Request
from werkzeug.http import parse_options_header

from drum_like.http.json_body import json_document
from drum_like.types.payload import CSV

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"

_HEADERS = "HTTP_X_AMZN_SAGEMAKER_"
_OWN_TYPES = frozenset(
    {"application/jsonlines", "application/x-jsonlines", "application/x-npy", "application/x-npz"}
)
_WRAPPERS = frozenset({"features", "data"})


def is_signed(asked: Request) -> bool:
    """Return whether a request has a header of SageMaker."""
    return any(name.startswith(_HEADERS) for name in asked.environ)


def is_ours_if_signed(asked: Request) -> bool:
    """Return whether the body of a request with a sign is in a form of SageMaker.

    A form of multipart is DRUM's, and the keys of an object may be those of another contract.
    """
    if asked.mimetype == "multipart/form-data":
        return False
    value = _tree(asked)
    if isinstance(value, dict):
        return "instances" in value
    return isinstance(value, list) or not asked.is_json


def is_of_own_type(asked: Request) -> bool:
    """Return whether the Content-Type is one that only SageMaker's clients send."""
    media_type, parameters = media_type_of(asked)
    if media_type == CSV:
        return parameters.get("header") == "absent" or "label_size" in parameters
    return media_type in _OWN_TYPES


def has_own_instances(asked: Request) -> bool:
    """Return whether the rows of a JSON body are wrapped as SageMaker's algorithms have them."""
    value = _tree(asked)
    rows = value.get("instances") if isinstance(value, dict) else None
    return isinstance(rows, list) and bool(rows) and is_wrapped(rows[0])


def is_wrapped(row: Any) -> bool:
    """Return whether a row is `{"features": ...}` or `{"data": {"features": ...}}`."""
    if not isinstance(row, dict) or len(row) != 1:
        return False
    key, value = next(iter(row.items()))
    return key in _WRAPPERS and isinstance(value, (list, dict) if key == "features" else dict)


def is_array(asked: Request) -> bool:
    """Return whether the body is a list of JSON."""
    return isinstance(_tree(asked), list)


def _tree(asked: Request) -> Any:
    """Return the JSON object or list that a request holds, None if it holds something else."""
    document = json_document(asked)
    return None if document is None else document.tree


def media_type_of(asked: Request) -> tuple[str, Mapping[str, str]]:
    """Return the media type, lower-case and empty without one, and its parameters."""
    return _parsed(asked.environ.get("CONTENT_TYPE", ""))


@lru_cache(maxsize=256)  # callers repeat theirs, and parsing takes 10 us
def _parsed(content_type: str) -> tuple[str, Mapping[str, str]]:
    media_type, parameters = parse_options_header(content_type)
    return media_type.lower(), {name: text.lower() for name, text in parameters.items()}
