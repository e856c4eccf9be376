"""Ids of a request, which Azure ML's answers have as headers.

Source: azureml-inference-server-http 1.5.1, observed.
"""

from collections.abc import Mapping

from flask import Request
from werkzeug.exceptions import RequestHeaderFieldsTooLarge

from drum_like import logs

_MOST = 100
"""Characters of an id."""

_ID, _CLIENT, _LEGACY, _TRACE = (
    "x-request-id",
    "x-ms-client-request-id",
    "x-ms-request-id",
    "TraceId",
)
_CLIENTS = (_LEGACY, _CLIENT)


def check_ids(asked: Request) -> None:
    """Refuse ids that are too long.

    Raises:
        RequestHeaderFieldsTooLarge: one is.
    """
    if _is_long(asked, _ID):
        raise RequestHeaderFieldsTooLarge(f"{_ID} must not exceed {_MOST} characters")
    if any(_is_long(asked, name) for name in _CLIENTS):
        raise RequestHeaderFieldsTooLarge(
            f"{' and '.join(_CLIENTS)} must not exceed {_MOST} characters"
        )


def ids(asked: Request) -> Mapping[str, str]:
    """Return the ids for the answer to a request: those that it has, else a new one."""
    sent = asked.headers
    if _is_long(asked, _ID):
        return {}
    found = {_ID: sent.get(_ID) or logs.get_request_id()}
    if any(_is_long(asked, name) for name in _CLIENTS):
        return found
    client = sent.get(_CLIENT) or sent.get(_LEGACY)
    found[_LEGACY] = sent.get(_LEGACY) or client or found[_ID]
    if client:
        found[_CLIENT] = client
    if sent.get(_TRACE):
        found[_TRACE] = sent[_TRACE]
    return found


def _is_long(asked: Request, name: str) -> bool:
    return len(asked.headers.get(name, "")) > _MOST
