"""Answers for features that this server does not have: empty lists, and refusals with reasons.

A refusal is a 501, a status without a special meaning to Wallaroo's clients. So the SDK raises an
error of its own, with the text where it shows texts.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, request

from drum_like.contracts.wallaroo.errors import api_response
from drum_like.contracts.wallaroo.management.context import read_fields
from drum_like.http.errors import ErrorForm, Failure
from drum_like.http.wire import json_response

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

_ASSAYS = "assays are not computed here"
_COMMENTS = "comments are not kept here"
_TAGS = "tags are not kept here"
_TASKS = "orchestrations and tasks are not run here"
USERS = "users are not kept here; the server's credentials decide who may do what"
_REASONS: dict[str, str] = {
    r"v[12]/api/assays/": _ASSAYS,
    r"v1/api/connections/": "connections are not kept here",
    r"v1/api/models/\w*registry": "registries of other products are not read here",
    r"v1/api/(orchestration|task)/": _TASKS,
    r"v1/api/pipelines/(\w*publish\w*|\w*edge\w*)": "pipelines are not published to edges here",
    r"v1/api/pipelines/get_sidekick": "models run in the server's workers; there are no pods",
    r"v1/api/pipelines/infer/.+/openai/": "the routes of OpenAI are not served below pipelines",
    r"v1/(api/pipelines/get_logs|logs/)": "inferences are not kept here, and so have no logs",
    r"v1/api/users/(de)?activate": USERS,
}
"""Reasons for refusals, by patterns of paths below the prefix, without the first slash."""

_OPERATIONS: dict[str, str] = {
    r"CreateTag|\w*ByTagId|TagById|\w+Tag(To|From)\w+": _TAGS,
    r"CommentById|\w+ForComment|\w+Comment(To|From)\w+": _COMMENTS,
    r"GetOrchestration": _TASKS,
    r"SetActive": _ASSAYS,
    r"ReplaceModel": (
        "a deployment keeps its models; replace the step of its pipeline, and deploy that again"
    ),
}


def views() -> dict[str, Callable[[], Response]]:
    """Return the views of the empty lists by path."""
    return {path: partial(_empty, content) for path, content in _LISTS.items()}


def refusing_form(errors: ErrorForm, prefix: str) -> ErrorForm:
    """Return the form of unknown paths, which gives the reason for those of other servers.

    Args:
        errors: The form of all other errors.
        prefix: Of all paths of the server.
    """

    def body(failure: Failure) -> Response:
        reason = _first(_REASONS, request.path.removeprefix(prefix).lstrip("/"))
        is_ours = failure.status == 404 and reason is not None
        return refusal(reason or "") if is_ours else errors.body(failure)

    return replace(errors, body=body)


def refusal(reason: str) -> Response:
    """Return the answer to a request for an absent feature."""
    return api_response(501, reason)


def operation(name: str) -> str:
    """Return the reason for refusing an operation of the SDK."""
    known = _first({f"({names})$": reason for names, reason in _OPERATIONS.items()}, name)
    return known or f"the operation {name[:100]!r} is not served here"


def _first(reasons: dict[str, str], text: str) -> str | None:
    return next((reason for start, reason in reasons.items() if re.match(start, text)), None)


def _empty(content: Any) -> Response:
    read_fields(request)
    return json_response(content)
