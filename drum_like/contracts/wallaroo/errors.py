"""The contract's two forms of an error: that of the API, and that of the engine that infers."""

from flask import Response
from werkzeug.exceptions import HTTPException

from drum_like.errors import LoadError, MediaTypeError, RequestError, SettingsError
from drum_like.http import wire
from drum_like.http.errors import ErrorForm, Failure, StatusTable

STATUSES: StatusTable = {
    RequestError: 400,
    MediaTypeError: 415,
    LoadError: 500,
    SettingsError: 500,
}

_PREFIX = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Payload too large",
    415: "Unsupported media type",
    500: "Internal Server Error",
    501: "Not implemented",
    503: "Service unavailable",
    507: "Insufficient storage",
}

NO_TOKEN = "Jwt is missing"  # noqa: S105 - the text of an answer
_ENGINE = "engine"
_PLATFORM = "platform"


def api_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of the API: the text starts with the reason, the code is the status."""
    return ErrorForm(STATUSES, _api, hide_errors)


def engine_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of inference: source `platform` for 401, 403 and 404, else `engine`."""
    return ErrorForm(STATUSES, _engine, hide_errors)


def _api(failure: Failure) -> Response:
    return api_response(failure.status, _text(failure))


def api_response(status: int, text: str) -> Response:
    """Return an error of the API."""
    prefix = _PREFIX.get(status)
    if status in (401, 403):
        message = NO_TOKEN if status == 401 else text
    elif prefix is None or text.startswith(prefix):
        message = text
    else:
        message = f"{prefix}: {text}" if text else prefix
    return wire.json_response({"msg": message, "code": status}, status)


def _engine(failure: Failure) -> Response:
    status = failure.status
    source = _PLATFORM if status in (401, 403, 404) else _ENGINE
    message = NO_TOKEN if status == 401 else _text(failure) or _PREFIX.get(status, "")
    content = {"code": status, "status": "error", "error": message, "source": source}
    return wire.json_response(content, status)


def _text(failure: Failure) -> str:
    """Return the text of an error; unknown routes have none."""
    is_route = isinstance(failure.error, HTTPException) and failure.status == 404
    return "" if is_route else failure.text
