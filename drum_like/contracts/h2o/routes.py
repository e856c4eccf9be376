"""The routes of H2O MLOps' scorer, bare and below a segment that names a model.

Source: the public API files of the scorer, and its Python clients, observed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, UnsupportedMediaType
from werkzeug.routing import BaseConverter

from drum_like import logs, wire
from drum_like.auth import Scope
from drum_like.contracts.h2o import failures
from drum_like.contracts.h2o.deployments import DeploymentViews
from drum_like.contracts.h2o.description import (
    capabilities,
    check_scores,
    model_id,
    model_schema,
    sample_request,
)
from drum_like.contracts.h2o.media import read_form
from drum_like.contracts.h2o.rows import media_columns, wants_text
from drum_like.contracts.h2o.score_request import ScoreRequest, read
from drum_like.contracts.h2o.scores import answer, contributions_alone
from drum_like.errors import DrumLikeError, NotFoundError, PayloadError, UnsupportedError
from drum_like.payload import Limits
from drum_like.service import Service
from drum_like.services import Services, SingleService

_NAMES_IN_MESSAGE = 10

_OTHERS = "(?!(?:api|models|pipelines|v1|v2)/)"
"""First segments that begin the paths of other contracts, and name no model."""

_OWN = rf"{_OTHERS}(?:[^/]+/)?model(?:/|$)"
"""Where errors have this contract's form."""

_CONTROL_PLANE = (
    r"(?:deployer|storage|batch|monitoring|runtime)/(?:v\d|ai\.h2o)|"
    r"v1/(?:users|workspaces)(?:/|:|$)"
)
"""Where clients manage what a server of models does not have."""


class _Segment(BaseConverter):
    """The segment that names a model; goes before the probes' path of any depth."""

    regex = rf"{_OTHERS}[^/]+"
    part_isolating = False
    weight = 50


def blueprint(services: Services) -> Blueprint:
    """Return the scorer's routes."""
    settings = services.settings
    views = _Views(services, Limits(settings.max_columns, settings.max_cells))
    routes = Blueprint("h2o", __name__)
    fail = failures.responder(hide_errors=settings.hide_errors)
    routes.register_error_handler(DrumLikeError, fail)
    routes.register_error_handler(HTTPException, failures.http_error)
    routes.register_error_handler(Exception, failures.unexpected)
    routes.after_request(_with_request_id)
    routes.record_once(lambda state: state.app.url_map.converters.update(segment=_Segment))
    wire.mount(routes, _routes(views), services.scopes)
    services.forms.own(_OWN, failures.http_error)
    services.forms.own(_CONTROL_PLANE, failures.of_control_plane)
    return routes


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server; `segment` is the first part of the path, None on bare routes.

    Attributes:
        services: Where models come from.
        limits: The most fields of a request.
    """

    services: Services
    limits: Limits

    def ready(self, segment: str) -> Response:
        """Answer /{segment}/readyz: the bare text that clients compare."""
        if self.services.readiness.ready and self._service(segment).ready():
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
        return wire.json_response(answer(service, self._read(service, _json_body())))

    def contribution(self, segment: str | None = None) -> Response:
        """Answer POST /model/contribution."""
        service = self._scorer(segment)
        return wire.json_response(contributions_alone(service, self._read(service, _json_body())))

    def score_file(self, segment: str | None = None) -> Response:
        """Answer GET /model/score, which elsewhere reads a file of the server's disk."""
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
        return wire.json_response(answer(service, self._read(service, body), files))

    def _read(self, service: Service, body: bytes) -> ScoreRequest:
        return read(body, self.limits, literal=wants_text(service.inputs))

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
            return self.services.resolve()
        except NotFoundError as error:
            names = self.services.resolver.names()
            raise NotFoundError(
                f"this server has {len(names)} models and no default one; name one in the path, "
                f"as /NAME/model/score{_listed(names)}"
            ) from error

    def named(self, name: str) -> Service:
        """Return a model by name; any name does where there is one model only.

        Raises:
            NotFoundError: there is no such model.
        """
        if isinstance(self.services.resolver, SingleService):
            return self.services.resolve()
        return self.services.resolve(name)


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _NAMES_IN_MESSAGE else ""
    return f"; there are: {', '.join(names[:_NAMES_IN_MESSAGE])}{more}" if names else ""


def _routes(views: _Views) -> tuple[wire.Route, ...]:
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
        wire.Route("/<segment:segment>/readyz", "GET", "ready", views.ready, observe),
        *DeploymentViews(views.services, views.named).routes(),
        *(
            wire.Route(f"{start}/model/{path}", method, endpoint, view, scope)
            for start in ("", "/<segment:segment>")
            for path, method, endpoint, view, scope in below
        ),
    )


def _json_body() -> bytes:
    """Return the body of a request in JSON.

    Raises:
        UnsupportedMediaType: the Content-Type names something else.
    """
    if request.mimetype and not request.is_json:
        raise UnsupportedMediaType(
            "scoring takes a JSON body; send the header `Content-Type: application/json`"
        )
    return wire.read_body(request)


def _with_request_id(response: Response) -> Response:
    """Add the header that the client shows with an error."""
    response.headers["X-Request-ID"] = logs.get_request_id()
    return response
