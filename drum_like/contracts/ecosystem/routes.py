"""The routes of ecosystem.ai's model server and runtime."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import HTTPException

from drum_like import wire
from drum_like.auth import Scope
from drum_like.contracts.ecosystem import campaigns, failures, instances
from drum_like.contracts.ecosystem.decisions import SUCCESS, Decisions
from drum_like.contracts.ecosystem.requests import tree_of
from drum_like.contracts.invocations import (
    Shape,
    belongs_to,
    invocation,
    is_chosen,
    share,
    whole_body,
)
from drum_like.decisions.opening import open_log
from drum_like.errors import DrumLikeError, PayloadError
from drum_like.forms import Form
from drum_like.payload import Limits
from drum_like.services import Services

_OWN = r"(?:invocate|response|responseResult|refresh|offerRecommendations)(?:/|$)"
"""Where errors of Flask's have this contract's form."""

_RANKS = {Shape.INSTANCES: 10, Shape.ACCEPTED: 11, Shape.CAMPAIGN: 12}
_PING_RANK = 10

Reply = Callable[[Any, int], dict[str, Any]]
"""From a body and its size to an answer."""


def blueprint(services: Services) -> Blueprint:
    """Return the routes; /invocations and /ping/ are shared with other contracts."""
    settings = services.settings
    table = None if settings.campaigns is None else campaigns.read(settings.campaigns)
    log = open_log(settings)
    if log is not None:
        services.background.append(log)
    found = campaigns.Campaigns(services, table)
    decisions = Decisions(found, log, settings.hide_errors)
    views = _Views(services, Limits(settings.max_columns, settings.max_cells), decisions)
    routes = Blueprint("ecosystem", __name__)
    told = failures.told(hide_errors=settings.hide_errors)
    routes.register_error_handler(DrumLikeError, told)
    routes.register_error_handler(HTTPException, failures.http_error)
    wire.mount(routes, _routes(views), services.scopes)
    services.forms.own(_OWN, failures.http_error)
    _share(services, views, told)
    return routes


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        services: Where models come from.
        limits: The most fields of a row.
        decisions: Answers a runtime's calls.
    """

    services: Services
    limits: Limits
    decisions: Decisions

    def instances(self) -> Response:
        """Answer a model server's call: predictions of the model that the body names."""
        tree = _claimed()
        return wire.json_response(instances.answer(self.services, tree, self.limits))

    def decide(self) -> Response:
        """Answer /invocate."""
        return _replied(self.decisions.decide)

    def accept(self) -> Response:
        """Answer /response."""
        return _replied(self.decisions.accept)

    def refuse(self) -> Response:
        """Refuse a body that none of this contract's calls has."""
        tree_of(whole_body(request))
        raise PayloadError(
            "the body must have `model_id` and `instances`, or `campaign` and `in_params`, or "
            "`uuid` and `offers_accepted`"
        )

    def accept_known(self) -> Response:
        """Answer /responseResult."""
        return _replied(self.decisions.accept_known)

    def offer(self) -> Response:
        """Answer GET /offerRecommendations: a call whose fields stand in the query."""
        size = len(request.query_string)
        return wire.json_response(self.decisions.decide(request.args.to_dict(), size))

    def offer_accepted(self) -> Response:
        """Answer PUT /offerRecommendations: what was accepted, as JSON in the query."""
        document = request.args.get("document")
        if document is None:
            raise PayloadError("`document` must be JSON in the query: what was accepted")
        body = document.encode(errors="replace")
        return wire.json_response(self.decisions.accept(tree_of(body), len(body)))

    def refresh(self) -> Response:
        """Answer /refresh; what a store has learned is served within a second without it."""
        return wire.json_response({"message": SUCCESS})

    def ping(self) -> Response:
        """Answer /ping?message=."""
        self.services.check()
        text = request.args.get("message", "")
        return wire.json_response({"message": "Ping successful", "pong": text})


def _routes(views: _Views) -> tuple[wire.Route, ...]:
    predict, observe = Scope.PREDICT, Scope.OBSERVE
    offers = "/offerRecommendations"
    return (
        wire.Route("/response", "POST", "response", views.accept, predict),
        wire.Route("/responseResult", "POST", "response_result", views.accept_known, predict),
        wire.Route("/refresh", "GET", "refresh", views.refresh, observe),
        wire.Route(offers, "GET", "offer", views.offer, predict),
        wire.Route(offers, "PUT", "offer_accepted", views.offer_accepted, predict),
    )


def _share(services: Services, views: _Views, told: failures.Fail) -> None:
    """Answer /invocations and /invocate, which take the same bodies, and /ping/."""
    detailed = failures.detailed(hide_errors=services.settings.hide_errors)
    for shape, answer, fail in (
        (Shape.INSTANCES, views.instances, detailed),
        (Shape.ACCEPTED, views.accept, told),
        (Shape.CAMPAIGN, views.decide, told),
    ):
        form = _form(shape.name.lower(), answer, fail)
        form = replace(form, rank=_RANKS[shape], claims=belongs_to(shape))
        share(services.forms, "ecosystem", form)
        if shape is not Shape.CAMPAIGN:
            form = replace(form, claims=belongs_to(shape, any_type=True))
            services.forms.add("/invocate", "POST", form)
    # All else on /invocate is a call for a decision: each of its fields may be left out.
    services.forms.add("/invocate", "POST", _form("invocate", views.decide, told))
    chosen = replace(
        _form("chosen", views.refuse, detailed), rank=13, claims=is_chosen("ecosystem")
    )
    share(services.forms, "ecosystem", chosen)
    ping = Form(views.ping, told, "ecosystem.ping", Scope.PROBE, _PING_RANK, _has_message)
    services.forms.add("/ping/", "GET", ping)


def _form(name: str, answer: Callable[[], Response], fail: failures.Fail) -> Form:
    endpoint = f"ecosystem.{name}"
    return Form(answer, fail, endpoint, Scope.PREDICT, fail_http=failures.http_error)


def _has_message(asked: Request) -> bool:
    return "message" in asked.args


def _claimed() -> Any:
    found = invocation(request)  # decided already, by the form that claims it
    return {} if found is None else found.tree


def _replied(reply: Reply) -> Response:
    """Answer a body that is JSON, whatever its Content-Type says."""
    body = whole_body(request)
    return wire.json_response(reply(tree_of(body), len(body)))
