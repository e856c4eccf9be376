"""Lists of the SDK that are always empty on this kind of server."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Response, request

from drum_like.contracts.wallaroo.registry import read_fields
from drum_like.wire import json_response

_LISTS: dict[str, Any] = {
    "/v1/api/assays/list": [],
    "/v1/api/connections/list": {"connections": []},
    "/v1/api/models/list_registries": [],
    "/v1/api/orchestration/list": [],
    "/v1/api/orchestration/list_all": {"orchestrations": []},
    "/v1/api/pipelines/list_publishes_for_pipeline": {"publishes": [], "edges": []},
    "/v1/api/task/list": [],
    "/v2/api/assays/get": [],
}


def views() -> dict[str, Callable[[], Response]]:
    """Return the views of the empty lists by path."""
    return {path: partial(_empty, content) for path, content in _LISTS.items()}


def _empty(content: Any) -> Response:
    read_fields(request)
    return json_response(content)
