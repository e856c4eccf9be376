"""The routes of ecosystem.ai's model server and runtime."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from flask import Request, Response, request
from werkzeug.exceptions import HTTPException

from drum_like.codecs.json.document import Document
from drum_like.contracts.ecosystem import campaigns, instances
from drum_like.contracts.ecosystem.decision_log.log import open_log
from drum_like.contracts.ecosystem.invoke import SUCCESS, Decisions
from drum_like.contracts.ecosystem.requests import SUB_CAMPAIGN, object_in
from drum_like.errors import PayloadError, UserError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.auth.web_pages import check_page
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.errors import DRUM_STATUSES, ErrorForm, Failure, user_response
from drum_like.http.json_body import Tree, checked_document, holds, json_text
from drum_like.types.payload import Limits

_PATHS = r"(?:invocate|response|responseResult|refresh|offerRecommendations)(?:/|$)"
"""Beginnings of paths whose 404 and 405 have this contract's form."""

Reply = Callable[[Document, int], dict[str, Any]]
"""Makes the answer to a JSON object from a body of this size."""


def contract(context: ContractContext) -> Contract:
    """Return the contract; /invocations and /ping/ are shared with others."""
    settings = context.settings
    table = None if settings.campaigns is None else campaigns.read(settings.campaigns)
    log = open_log(settings)
    errors = runtime_form(hide_errors=settings.hide_errors)
    limits = settings.payload.limits
    decisions = Decisions(campaigns.Campaigns(context, table), limits, log, errors)
    views = _Views(context, limits, decisions)
    return Contract(
        "ecosystem",
        errors,
        _routes(views),
        (*_ping(views, errors), *_invocations(views, errors), *_invocate(views, errors)),
        paths=((_PATHS, errors),),
        background=() if log is None else (log,),
    )


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        context: Where models come from.
        limits: On the columns and cells of rows.
        decisions: Answers a runtime's calls.
    """

    context: ContractContext
    limits: Limits
    decisions: Decisions

    def instances(self) -> Response:
        """Answer a model server's call: predictions of the model that the body names."""
        return wire.json_response(
            instances.answer(self.context, checked_document(request), self.limits)
        )

    def decide(self) -> Response:
        """Answer /invocate."""
        return _replied(self.decisions.decide)

    def accept(self) -> Response:
        """Answer /response."""
        check_page(request.environ)
        return _replied(self.decisions.accept)

    def refuse(self) -> Response:
        """Refuse a body that fits none of this contract's calls."""
        object_in(json_text(request))
        raise PayloadError(
            "the body must have `model_id` and `instances`, or `campaign` and `in_params`, or "
            "`uuid` and `offers_accepted`"
        )

    def accept_known(self) -> Response:
        """Answer /responseResult."""
        check_page(request.environ)
        return _replied(self.decisions.accept_known)

    def offer(self) -> Response:
        """Answer GET /offerRecommendations: a call whose fields stand in the query."""
        size = len(request.query_string)
        call = Document(request.args.to_dict(), request.args.to_dict)
        return wire.json_response(self.decisions.decide(call, size))

    def offer_accepted(self) -> Response:
        """Answer PUT /offerRecommendations: an acceptance, as JSON in the query."""
        check_page(request.environ)
        document = request.args.get("document")
        if document is None:
            raise PayloadError("`document` must be JSON in the query: what was accepted")
        body = document.encode(errors="replace")
        return wire.json_response(self.decisions.accept(object_in(body), len(body)))

    def refresh(self) -> Response:
        """Answer /refresh; changes of a store are served within a second without it."""
        return wire.json_response({"message": SUCCESS})

    def actuator(self) -> Response:
        """Answer /actuator/health, where probes of Spring's programs look."""
        if self.context.ready():
            return wire.json_response({"status": "UP"})
        return wire.json_response({"status": "DOWN"}, 503)

    def ping(self) -> Response:
        """Answer /ping?message=."""
        self.context.check()
        text = request.args.get("message", "")
        return wire.json_response({"message": "Ping successful", "pong": text})


def _routes(views: _Views) -> tuple[Route, ...]:
    predict, observe = Scope.PREDICT, Scope.OBSERVE
    offers = "/offerRecommendations"
    return (
        Route("/response", "POST", "response", views.accept, predict),
        Route("/responseResult", "POST", "response_result", views.accept_known, predict),
        Route("/refresh", "GET", "refresh", views.refresh, observe),
        Route("/actuator/health", "GET", "actuator", views.actuator, Scope.PROBE),
        Route(offers, "GET", "offer", views.offer, predict),
        Route(offers, "PUT", "offer_accepted", views.offer_accepted, predict),
    )


def _ping(views: _Views, errors: ErrorForm) -> Iterator[Claim]:
    name = "ecosystem.ping"
    yield Claim("/ping/", "GET", name, views.ping, Scope.PROBE, errors, 10, _has_message)


def _invocations(views: _Views, errors: ErrorForm) -> Iterator[Claim]:
    """Claim JSON bodies whose keys are this contract's, and all for callers who choose it."""
    claims = _bodies("/invocations", views, errors, any_type=False)
    yield from (replace(claim, is_choice=True) for claim in claims)
    yield Claim(
        "/invocations",
        "POST",
        "ecosystem.chosen",
        views.refuse,
        Scope.PREDICT,
        _server_form(views),
        rank=14,
        is_choice=True,
        only_chosen=True,
    )


def _invocate(views: _Views, errors: ErrorForm) -> Iterator[Claim]:
    """Claim the same bodies with any Content-Type, and all others as calls."""
    yield from _bodies("/invocate", views, errors, any_type=True)
    # Each field of a call for a decision may be left out.
    name = "ecosystem.invocate"
    yield Claim("/invocate", "POST", name, views.decide, Scope.PREDICT, errors)


def _bodies(rule: str, views: _Views, errors: ErrorForm, *, any_type: bool) -> Iterator[Claim]:
    """Claim each body of the contract by its keys; the first that fits decides."""
    kinds = (
        (10, views.instances, _server_form(views), _is_instances),
        # Before calls: the answer to a call, sent back as accepted, repeats in_params.
        (11, views.accept, errors, _is_accepted),
        (12, views.decide, errors, _is_call),
        # Half of the first kind: its view names the missing key. After the contracts that have
        # other keys for rows, to which a name of a model means nothing.
        (60, views.instances, _server_form(views), _names_model),
    )
    for rank, view, form, fits in kinds:
        name = f"ecosystem.{view.__name__}"
        fitting = holds(fits, any_type=any_type)
        yield Claim(rule, "POST", name, view, Scope.PREDICT, form, rank, fitting)


def _server_form(views: _Views) -> ErrorForm:
    return server_form(hide_errors=views.context.settings.hide_errors)


def _is_instances(body: Tree) -> bool:
    return "model_id" in body and "instances" in body


def _is_accepted(body: Tree) -> bool:
    return "uuid" in body and ("offers_accepted" in body or "final_result" in body)


def _is_call(body: Tree) -> bool:
    names_campaign = any(name in body for name in ("campaign", *SUB_CAMPAIGN))
    return names_campaign or ("in_params" in body and "instances" not in body)


def _names_model(body: Tree) -> bool:
    return "model_id" in body


def _has_message(asked: Request) -> bool:
    return "message" in asked.args


def _replied(reply: Reply) -> Response:
    """Answer a body as JSON, with any Content-Type."""
    body = json_text(request)
    return wire.json_response(reply(object_in(body), len(body)))


def server_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of a model server: `{"detail": ...}` and a status."""
    return ErrorForm(DRUM_STATUSES, _detail, hide_errors, counts_from_zero=True)


def runtime_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of a runtime: 200 and `{"ErrorMessage": ...}`."""
    return ErrorForm(DRUM_STATUSES, _message, hide_errors, counts_from_zero=True)


def _detail(failure: Failure) -> Response:
    """Answer with a status; an answer that custom.py asked for is its own in every contract."""
    if isinstance(failure.error, UserError):
        return user_response(failure.error, failure.status)
    return wire.json_response({"detail": failure.text}, failure.status)


def _message(failure: Failure) -> Response:
    """Answer 200; wrong routes and credentials keep their status, and our mistakes get 500."""
    if isinstance(failure.error, HTTPException):
        return _detail(failure)
    status = 500 if failure.is_unexpected else 200
    return wire.json_response({"ErrorMessage": failure.text}, status)
