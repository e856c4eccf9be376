"""The routes of H2O MLOps' scorer, bare and below a segment that names a model.

Source: the public API files of the scorer, and its Python clients, observed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from drum_like import logs
from drum_like.contracts.h2o.deployments import DeploymentViews, is_loaded
from drum_like.contracts.h2o.description import (
    capabilities,
    check_scores,
    model_id,
    model_schema,
    sample_request,
)
from drum_like.contracts.h2o.errors import control_plane_form, scorer_form
from drum_like.contracts.h2o.rows import media_columns, read_form
from drum_like.contracts.h2o.score_request import ScoreRequest, parse_score_request
from drum_like.contracts.h2o.score_response import contributions_alone, score_response
from drum_like.errors import NotFoundError, PayloadError, UnsupportedError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import FREE_SEGMENT, Contract, ContractContext, Route
from drum_like.http.json_body import json_text
from drum_like.inference.service import Service, SingleService
from drum_like.types.payload import Limits

_NAMES_IN_MESSAGE = 10

_PATHS = rf"(?:{FREE_SEGMENT}/)?model(?:/|$)"
"""Beginnings of paths whose 404 and 405 have this contract's form."""

_CONTROL_PLANE = (
    r"(?:deployer|storage|batch|monitoring|runtime)/(?:v\d|ai\.h2o)|"
    r"v1/(?:users|workspaces)(?:/|:|$)"
)
"""The routes of management features that a server of models does not have."""


def contract(context: ContractContext) -> Contract:
    """Return the scorer's contract."""
    settings, hide = context.settings, context.settings.hide_errors
    views = _Views(context, settings.payload.limits)
    errors = scorer_form(hide_errors=hide)
    control_plane = control_plane_form(hide_errors=hide)
    return Contract(
        "h2o",
        errors,
        _routes(views),
        paths=((_PATHS, errors), (_CONTROL_PLANE, control_plane)),
        finish=_with_request_id,
    )


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server; `segment` is the first part of the path, None on bare routes.

    Attributes:
        context: Where models come from.
        limits: The most fields of a request.
    """

    context: ContractContext
    limits: Limits

    def ready(self, segment: str) -> Response:
        """Answer /{segment}/readyz: the bare text that clients compare."""
        if self.context.readiness.ready and is_loaded(self._service, segment):
            return Response("Ready", content_type="text/plain; charset=utf-8")
        return Response("Not ready", 503, content_type="text/plain; charset=utf-8")

    def id(self, segment: str | None = None) -> Response:
        """Answer /model/id."""
        return Response(model_id(self._scorer(segment)), content_type="text/plain; charset=utf-8")

    def capabilities(self, segment: str | None = None) -> Response:
        """Answer /model/capabilities."""
        return wire.json_response(capabilities(self._scorer(segment)))

    def schema(self, segment: str | None = None) -> Response:
        """Answer /model/schema."""
        return wire.json_response(model_schema(self._scorer(segment)))

    def sample(self, segment: str | None = None) -> Response:
        """Answer /model/sample_request."""
        return wire.json_response(sample_request(self._scorer(segment)))

    def score(self, segment: str | None = None) -> Response:
        """Answer POST /model/score."""
        service = self._scorer(segment)
        return wire.json_response(score_response(service, self._read(service, _json_body())))

    def contribution(self, segment: str | None = None) -> Response:
        """Answer POST /model/contribution."""
        service = self._scorer(segment)
        return wire.json_response(contributions_alone(service, self._read(service, _json_body())))

    def score_file(self, segment: str | None = None) -> Response:
        """Answer GET /model/score, which in H2O's scorer reads a file of the server's disk."""
        self._scorer(segment)
        raise PayloadError("this server scores no files of its own; POST the rows as JSON")

    def media_score(self, segment: str | None = None) -> Response:
        """Answer POST /model/media-score."""
        service = self._scorer(segment)
        if not media_columns(service.inputs):
            raise UnsupportedError(
                "score media files is not implemented: this model has no column of type Bytes"
            )
        body, files = read_form(request)
        return wire.json_response(score_response(service, self._read(service, body), files))

    def _read(self, service: Service, body: bytes) -> ScoreRequest:
        asked = parse_score_request(body, self.limits)
        width = 0 if service.inputs is None else len(service.inputs.names)
        self.limits.check_filled(len(asked.rows), width, len(asked.rows) * len(asked.fields))
        return asked

    def _scorer(self, segment: str | None) -> Service:
        """Return the model that a path names, which gives a score a row."""
        service = self._service(segment)
        check_scores(service)
        return service

    def _service(self, segment: str | None) -> Service:
        """Return the model that a path names: any name does where there is one model only.

        A client that was given a bare URL takes its `model` for the segment.

        Raises:
            NotFoundError: there is no such model, or the path names none of several.
        """
        if segment not in (None, "model"):
            return self.named(segment)
        try:
            return self.context.resolve()
        except NotFoundError as error:
            names = self.context.resolver.names()
            raise NotFoundError(
                f"this server has {len(names)} models and no default one; name one in the path, "
                f"as /NAME/model/score{_listed(names)}"
            ) from error

    def named(self, name: str) -> Service:
        """Return a model by name; any name does where there is one model only.

        Raises:
            NotFoundError: there is no such model.
        """
        if isinstance(self.context.resolver, SingleService):
            return self.context.resolve()
        return self.context.resolve(name)


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _NAMES_IN_MESSAGE else ""
    return f"; there are: {', '.join(names[:_NAMES_IN_MESSAGE])}{more}" if names else ""


def _routes(views: _Views) -> tuple[Route, ...]:
    observe, predict = Scope.OBSERVE, Scope.PREDICT
    below = (
        ("id", "GET", "id", views.id, observe),
        ("capabilities", "GET", "capabilities", views.capabilities, observe),
        ("schema", "GET", "schema", views.schema, observe),
        ("sample_request", "GET", "sample_request", views.sample, observe),
        ("score", "POST", "score", views.score, predict),
        ("score", "GET", "score_file", views.score_file, predict),
        ("contribution", "POST", "contribution", views.contribution, predict),
        ("media-score", "POST", "media_score", views.media_score, predict),
    )
    return (
        Route("/<free:segment>/readyz", "GET", "ready", views.ready, observe),
        *DeploymentViews(views.context, views.named).routes(),
        *(
            Route(f"{start}/model/{path}", method, endpoint, view, scope)
            for start in ("", "/<free:segment>")
            for path, method, endpoint, view, scope in below
        ),
    )


def _json_body() -> bytes:
    """Return the body of a request in JSON, in UTF-8.

    Raises:
        UnsupportedMediaType: the Content-Type names something else.
        CharsetError: its charset is none that is read.
        PayloadError: the body is not in that charset.
    """
    if request.mimetype and not request.is_json:
        raise UnsupportedMediaType(
            "scoring takes a JSON body; send the header `Content-Type: application/json`"
        )
    return json_text(request)


def _with_request_id(response: Response) -> Response:
    """Add the header that the client shows with an error."""
    response.headers["X-Request-ID"] = logs.get_request_id()
    return response
