"""Errors as answers: status, text, log line and headers by error; the body by contract.

DRUM's form is the one of unknown routes, too. Source of its texts: DRUM 1.18.1, observed; statuses
differ as docs/differences-from-drum.md says.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Response, request
from werkzeug.exceptions import BadRequest, HTTPException

from drum_like.errors import (
    BodyError,
    BusyError,
    CharsetError,
    ColumnsError,
    ConflictError,
    DrumLikeError,
    HookError,
    LoadError,
    NotFoundError,
    OutputSchemaError,
    RequestError,
    ScoringError,
    SettingsError,
    SizeError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    UnsupportedError,
    UploadError,
    UserError,
    lacks_memory,
)
from drum_like.http import wire
from drum_like.http.refusals import ServerRefusal
from drum_like.http.requests import LACKED_MEMORY
from drum_like.system.metrics import ERRORS, kind_of

logger = logging.getLogger(__name__)

StatusTable = Mapping[type[DrumLikeError], int]
"""HTTP status by class of error; the nearest ancestor counts."""

STATUSES: StatusTable = {
    BodyError: 400,
    CharsetError: 415,
    SizeError: 413,
    UnsupportedError: 404,
    NotFoundError: 404,
    ConflictError: 409,
    UploadError: 400,
    StoreError: 500,
    StoreBusyError: 503,
    StoreFullError: 507,
    ScoringError: 500,
    BusyError: 503,
}
"""Statuses of all contracts, unless their own tables say otherwise."""

RETRY_AFTER_S = 1
_HIDDEN = "The code of the model failed."


@dataclass(frozen=True, slots=True)
class Failure:
    """An error with the status and the text of its answer.

    Attributes:
        error: A DrumLikeError, one of Flask's, or a mistake of ours.
        status: HTTP status.
        text: The message for the caller; the class of the exception if the mistake is ours.
        is_hidden: Whether a text of custom.py was left out.
    """

    error: Exception
    status: int
    text: str
    is_hidden: bool = False

    @property
    def lacks_memory(self) -> bool:
        """True if there was no memory for the request; the same one may fail so again."""
        return lacks_memory(self.error)

    @property
    def is_unexpected(self) -> bool:
        """True for a mistake of ours."""
        return not isinstance(self.error, DrumLikeError | HTTPException)


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """The error answers of a contract.

    Attributes:
        statuses: The contract's own statuses; they go before STATUSES.
        body: Makes the response.
        hide_errors: Leave out the texts of custom.py's exceptions.
        counts_from_zero: Whether messages count rows from 0, as the contract's indices do.
    """

    statuses: StatusTable
    body: Callable[[Failure], Response]
    hide_errors: bool
    counts_from_zero: bool = False

    def answer(self, error: Exception) -> Response:
        """Return the response to an error, which is logged if it is not the caller's fault."""
        failure = self.note(error)
        response = self.body(failure)
        if isinstance(error, HTTPException):
            ours = ("Content-Type", "Content-Length")
            response.headers.extend((n, v) for n, v in error.get_headers() if n not in ours)
        is_busy = isinstance(error, StoreBusyError | BusyError)
        if is_busy or (failure.lacks_memory and response.status_code == 503):
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    def note(self, error: Exception) -> Failure:
        """Return an error with its status and text; log it if it is not the caller's fault.

        Errors of a load are not logged here: they are when the model is loaded.
        """
        failure = self._failure(error)
        if not isinstance(error, ServerRefusal):  # the server counts its own
            ERRORS.add("unexpected" if failure.is_unexpected else kind_of(type(error).__name__))
        if failure.lacks_memory:
            request.environ[LACKED_MEMORY] = True
        if isinstance(error, ScoringError | StoreError) or failure.is_unexpected:
            logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return failure

    def _failure(self, error: Exception) -> Failure:
        if isinstance(error, HTTPException):
            return Failure(error, error.code or 500, error.description or error.name)
        if not isinstance(error, DrumLikeError):
            return Failure(error, self._status(error), type(error).__name__)
        if isinstance(error, HookError) and self.hide_errors:
            return Failure(error, self._status(error), error.summary or _HIDDEN, is_hidden=True)
        if isinstance(error, ColumnsError) and self.counts_from_zero:
            return Failure(error, self._status(error), error.from_zero)
        return Failure(error, self._status(error), str(error) or _HIDDEN)

    def _status(self, error: Exception) -> int:
        if isinstance(error, UserError):
            return error.status if 200 <= error.status <= 599 else 500
        if lacks_memory(error):
            return 503
        tables = {**STATUSES, **self.statuses}
        return next((tables[c] for c in type(error).__mro__ if c in tables), 500)


def drum_form(*, hide_errors: bool) -> ErrorForm:
    """Return DRUM's form."""
    return ErrorForm(DRUM_STATUSES, drum_body, hide_errors)


DRUM_STATUSES: StatusTable = {
    RequestError: 422,
    LoadError: 513,
    SettingsError: 513,
}


def drum_body(failure: Failure) -> Response:
    """Return an error in DRUM's form."""
    error = failure.error
    if isinstance(error, UserError):
        return user_response(error, failure.status)
    bad = _bad_request(failure)
    if bad is not None:
        return wire.json_response({"error": bad.description}, 400)
    content: dict[str, object] = {"message": f"ERROR: {_drum_text(failure)}"}
    if isinstance(error, OutputSchemaError):
        content["is_schema_validation_error"] = True
    return wire.json_response(content, failure.status)


def user_response(error: UserError, status: int) -> Response:
    """Return the answer that custom.py asked for."""
    response = wire.json_response({"message": str(error)}, status)
    response.headers["X-Drum-User-Http-Error"] = "true"
    return response


def _bad_request(failure: Failure) -> BadRequest | None:
    """Return the error 400 of Flask's that was raised, also by a hook that we do not name."""
    error: BaseException | None = failure.error
    if isinstance(error, HookError) and not error.summary and not failure.is_hidden:
        error = error.__cause__
    return error if isinstance(error, BadRequest) else None


def _drum_text(failure: Failure) -> str:
    error = failure.error
    if isinstance(error, HTTPException) and not isinstance(error, ServerRefusal):
        return f"{error.code} {error.name}: {error.description}"
    return failure.text
