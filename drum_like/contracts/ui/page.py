"""The pages for people: that of the model at / and /ui/, and that of the API at /docs.

Everybody gets the files, which hold nothing of the model. A page asks for the rest with the
credential that its reader types in: below /ui/api/, where each route has its scope.
"""

from dataclasses import dataclass, replace

from flask import Request, Response, request

from drum_like.contracts.ui import about, live, static_files, trial
from drum_like.contracts.ui.callers import reader
from drum_like.errors import ColumnsError, PayloadError
from drum_like.http import wire
from drum_like.http.accepted import media_types
from drum_like.http.auth import STRANGER, Scope
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm, drum_form
from drum_like.http.json_body import checked_document
from drum_like.inference.service import Service

_API = "/ui/api"
_BASE = b'<head>\n<base href="ui/">'
_FIRST = 10
"""Rank of the page at /: before the answers for programs."""


def contract(context: ContractContext) -> Contract:
    """Return the pages; nothing with --no-ui."""
    errors = drum_form(hide_errors=context.settings.hide_errors)
    if context.settings.no_ui:
        return Contract("ui", errors)
    views, everybody = _Views(context, errors), Scope.PROBE
    observe, predict = Scope.OBSERVE, Scope.PREDICT
    routes = (
        Route("/docs/", "GET", "docs", _docs, everybody),
        Route("/ui/", "GET", "page", _page, everybody),
        Route("/ui/<name>", "GET", "file", static_files.answer, everybody),
        Route("/ui/vendor/<name>", "GET", "vendored", static_files.vendored, everybody),
        Route(f"{_API}/may/predict", "GET", "may_predict", views.caller, predict),
        Route(f"{_API}/may/observe", "GET", "may_observe", views.caller, observe),
        Route(f"{_API}/model", "GET", "model", views.model, observe),
        Route(f"{_API}/live", "GET", "live", views.live, observe, at_once=True),
        Route(f"{_API}/requests", "POST", "requests", views.requests, predict),
        Route(f"{_API}/try", "POST", "try", views.try_rows, predict),
        *_routes_of_models(context, views),
    )
    claim = Claim("/", "GET", "ui.front", _front, everybody, errors, _FIRST, _is_browser)
    return Contract("ui", errors, routes, (claim,), paths=((r"ui(/|$)", errors),))


def _routes_of_models(context: ContractContext, views: "_Views") -> tuple[Route, ...]:
    if not context.settings.needs_store:
        return (Route(f"{_API}/models", "GET", "models", views.models, Scope.OBSERVE),)
    from drum_like.contracts.ui import stored  # noqa: PLC0415 - SQL only where it is used

    return stored.routes(context)


def _is_browser(asked: Request) -> bool:
    """Return whether somebody reads the answer: programs do not name HTML."""
    return "text/html" in media_types(asked.environ.get("HTTP_ACCEPT", ""))


def _docs() -> Response:
    return _at_slash("docs.html")


def _page() -> Response:
    return _at_slash("index.html")


def _front() -> Response:
    """Answer with the page at a path above that of its files."""
    page = static_files.read("index.html")
    response = replace(page, content=page.content.replace(b"<head>", _BASE, 1)).answer()
    response.headers["Vary"] = "Accept"
    return response


def _at_slash(name: str) -> Response:
    """Answer with a page at a path that ends with a slash: its links are relative to that."""
    last = request.path.rpartition("/")[2]
    if last:
        return Response(status=308, headers={"Location": f"{last}/"})
    return static_files.answer(name)


@dataclass(frozen=True, slots=True)
class _Views:
    """The views behind the page.

    Attributes:
        context: Where models come from.
        errors: The form of errors.
    """

    context: ContractContext
    errors: ErrorForm

    def caller(self) -> Response:
        """Answer with the scopes of the caller; the route's own scope lets it in or not."""
        who, settings = reader(), self.context.settings
        return wire.json_response(
            {
                "name": who.name,
                "scopes": sorted(scope.value for scope in who.scopes),
                "asks": settings.asks_who_calls,
                "contracts": [name for name in settings.contracts if name != "ui"],
                "has_store": settings.needs_store,
                "is_known": who is not STRANGER,
            }
        )

    def model(self) -> Response:
        """Answer with the facts of a model."""
        limits = self.context.settings.payload.limits
        return wire.json_response(about.facts(self._service(), limits))

    def models(self) -> Response:
        """Answer with the names and versions of all models."""
        index = self.context.resolver.index()
        return wire.json_response(
            {"models": [about.unstored(name, index[name]) for name in sorted(index)]}
        )

    def live(self) -> Response:
        """Answer with the figures of all workers."""
        return wire.json_response(live.figures())

    def requests(self) -> Response:
        """Answer with the requests of all contracts for the row in the body."""
        row = checked_document(request).tree
        if not isinstance(row, dict):
            raise PayloadError("the body must be a row, as a JSON object")
        settings = self.context.settings
        found = about.requests_for(self._service(), row, settings.contracts, settings.url_prefix)
        return wire.json_response({"requests": found})

    def try_rows(self) -> Response:
        """Answer with all that a model tells of the rows in the body."""
        service = self._service()
        payload = wire.read_payload(
            request, self.context.settings.payload.limits, any_type=service.reads_any_type
        )
        frame = trial.read(service, payload)
        try:
            found = trial.answered(service, payload, frame, explain="explain" in request.args)
        except ColumnsError as error:
            if frame is None:
                raise
            failure = self.errors.note(error)
            place = {"row": error.row, "column": error.column}
            refused = {"message": failure.text, **place, **trial.table(frame)}
            return wire.json_response(refused, failure.status)
        return wire.json_response(found)

    def _service(self) -> Service:
        """Return the model that the query names; the default one if it names none."""
        asked = request.args
        return self.context.resolve(asked.get("model") or None, asked.get("version") or None)
