"""Bodies of /invocations that say they are JSON and are none: refused as MLflow does.

Their keys name no contract, and MLflow's clients are the ones who send JSON to this route at most.
"""

from flask import Request, Response, request

from drum_like import wire
from drum_like.auth import Scope
from drum_like.contracts.invocations import is_broken, whole_body
from drum_like.errors import DrumLikeError
from drum_like.forms import LAST, Form
from drum_like.services import Services
from drum_like.target_type import TargetType

_OTHER_ROUTES = frozenset({TargetType.UNSTRUCTURED, TargetType.TRANSFORM})


def form(services: Services) -> Form:
    """Return the claim on such bodies, unless a hook waits for them."""

    def claims(asked: Request) -> bool:
        return is_broken(asked) and not _has_reader(services)

    return Form(_refuse, _fail, "broken_json.invocations", Scope.PREDICT, LAST - 1, claims)


def _has_reader(services: Services) -> bool:
    """Return whether the model reads bodies itself, or answers otherwise whatever they hold."""
    try:
        service = services.resolve()
        service.check()
    except DrumLikeError:  # no default model, or a broken one
        return services.resolver.default() is not None
    return service.reads_any_type or service.target.type in _OTHER_ROUTES


def _refuse() -> Response:
    found = "broken" if whole_body(request).strip() else "empty"
    return _bad(f"the body is {found}: its Content-Type says JSON; send a JSON object in UTF-8")


def _fail(error: DrumLikeError) -> Response:
    return _bad(str(error))


def _bad(message: str) -> Response:
    return wire.json_response({"error_code": "BAD_REQUEST", "message": message}, 400)
