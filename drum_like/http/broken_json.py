"""Bodies of /invocations that say they are JSON and are none: refused as MLflow does.

Their keys name no contract, and most JSON on this route comes from MLflow's clients.
"""

from flask import Request, Response, request
from werkzeug.exceptions import HTTPException

from drum_like.errors import BodyError, DrumLikeError, NotLoadedError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.context import ContractContext
from drum_like.http.contract import LAST, Claim
from drum_like.http.errors import ErrorForm, Failure, drum_body
from drum_like.http.json_body import is_broken, whole_body
from drum_like.http.shared_routes import chosen
from drum_like.types.target import TargetType

_OTHER_ROUTES = frozenset({TargetType.UNSTRUCTURED, TargetType.TRANSFORM})


def claim(context: ContractContext) -> Claim:
    """Return the claim on such bodies, unless a hook waits for them or a contract is chosen."""

    def fits(asked: Request) -> bool:
        return chosen(asked) is None and is_broken(asked) and not _has_reader(context)

    errors = ErrorForm({}, _bad_request, context.settings.hide_errors)
    endpoint = "broken_json.invocations"
    return Claim("/invocations", "POST", endpoint, _refuse, Scope.PREDICT, errors, LAST - 1, fits)


def _has_reader(context: ContractContext) -> bool:
    """Return whether the model reads bodies itself, or answers otherwise for any body."""
    try:
        service = context.resolve()
    except NotLoadedError:
        return True
    except DrumLikeError:  # no default model, or one of a catalog that does not load
        return _is_started_for_one(context)
    return service.reads_any_type or service.target.type in _OTHER_ROUTES


def _is_started_for_one(context: ContractContext) -> bool:
    try:
        return context.resolver.default() is not None
    except NotLoadedError:
        return True


def _refuse() -> Response:
    found = "broken" if whole_body(request).strip() else "empty"
    raise BodyError(f"the body is {found}: its Content-Type says JSON; send a JSON object in UTF-8")


def _bad_request(failure: Failure) -> Response:
    if isinstance(failure.error, HTTPException):  # a stranger, unknown to every contract
        return drum_body(failure)
    content = {"error_code": "BAD_REQUEST", "message": failure.text}
    return wire.json_response(content, failure.status)
