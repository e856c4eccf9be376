"""DataRobot DRUM 1.18's prediction server: its routes, shapes and statuses.

Source: observed behaviour of DRUM 1.18.1. Where this differs on purpose,
docs/differences-from-drum.md says so.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_hex
from time import perf_counter

from flask import Response, request
from flask.globals import request_ctx

from drum_like import codecs
from drum_like.codecs import multipart
from drum_like.codecs.json import datarobot
from drum_like.codecs.json import encode as json
from drum_like.errors import EndpointError
from drum_like.http import wire
from drum_like.http.accepted import FLAT
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, ContractContext, Route, not_found_unless_loaded
from drum_like.http.errors import ErrorForm, drum_form
from drum_like.inference.service import Service
from drum_like.system.stats import Timings, resources
from drum_like.types.codec import Encoder
from drum_like.types.payload import Limits
from drum_like.types.prediction import Prediction
from drum_like.types.target import TargetType

_BY_UNSTRUCTURED = frozenset({TargetType.UNSTRUCTURED, TargetType.TEXT_GENERATION})
_UNSTRUCTURED_ROUTES = "/predictUnstructured/ or /predictionsUnstructured/ endpoint"


def contract(context: ContractContext) -> Contract:
    """Return DRUM's routes, and its claims on those that other contracts know, too."""
    settings = context.settings
    encode: Encoder = json.predictions_json
    if settings.deployment_config is not None:
        encode = datarobot.encoder(datarobot.read_deployment_config(settings.deployment_config))
    timed = partial(_recorded, context.timings) if settings.show_perf else nullcontext
    accepted = codecs.installed().encoders
    views = _Views(context, settings.payload.limits, encode, accepted, timed)
    named = _named_routes(views) if context.serves_names else ()
    errors = drum_form(hide_errors=settings.hide_errors)
    return Contract(
        "drum",
        errors,
        routes=_routes(views) + named,
        claims=_claims(views, replace(views, accepted={**FLAT, **accepted}), errors),
        endpoints="model_api",
    )


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        context: Where the model comes from.
        limits: Sizes beyond which decoders refuse.
        encode: Predictions to the JSON of /predict/.
        accepted: Predictions to other formats, by the media types in Accept that ask for them.
        timed: Gives a context that records the time of a prediction, where --show-perf asks for it.
    """

    context: ContractContext
    limits: Limits
    encode: Encoder
    accepted: Mapping[str, Encoder]
    timed: Callable[[], AbstractContextManager[None]]

    def alive(self) -> Response:
        """Answer / and /ping/ and /health/."""
        self.context.check()
        return wire.json_response({"message": "OK"})

    def health(self, model: str) -> Response:
        """Answer /models/<model>/health/; the model is loaded if it is not in memory."""
        self.context.resolve(model)
        return wire.json_response({"message": "OK"})

    def info(self, model: str | None = None) -> Response:
        """Answer /info/ with the description of the model."""
        with not_found_unless_loaded():
            service = self.context.resolve(model)
        return wire.json_response(service.description())

    def capabilities(self, model: str | None = None) -> Response:
        """Answer /capabilities/."""
        with not_found_unless_loaded():
            service = self.context.resolve(model)
        return wire.json_response(service.capabilities())

    def stats(self) -> Response:
        """Answer /stats/; reading it changes nothing."""
        with not_found_unless_loaded():
            self.context.check()
        times = self.context.timings.summary()
        total = {"avg": times.avg, "max": times.max, "min": times.min, "total": times.total}
        used = resources(self.context.timings.pids())
        return wire.json_response({**used, "time_info": {"run_predictor_total": total}})

    def predict(self, model: str | None = None) -> Response:
        """Answer /predict/ and its aliases."""
        service = self.context.resolve(model)
        if not service.target.type.predicts_rows:
            raise _wrong_endpoint(service.target.type)
        with self.timed():
            asked = request_ctx.request  # each use of the proxy takes a microsecond
            payload = wire.read_payload(asked, self.limits, any_type=service.reads_any_type)
            accept = asked.environ.get("HTTP_ACCEPT", "")
            return self._encoded(service.predict(payload), service, accept)

    def transform(self, model: str | None = None) -> Response:
        """Answer /transform/ with a multipart body."""
        service = self.context.resolve(model)
        _require_transform(service.target.type)
        with self.timed():
            payload = wire.read_payload(request, self.limits, any_type=service.reads_any_type)
            y = wire.read_part(request, "y", self.limits)
            result = service.transform(payload, y if y is not None and y.body else None)
            parts = multipart.parts(result.x, result.y)
        boundary = token_hex(16)
        kind = f"multipart/form-data; boundary={boundary}"
        return Response(multipart.multipart(parts, boundary), content_type=kind)

    def predict_unstructured(self, model: str | None = None) -> Response:
        """Answer /predictUnstructured/ and its alias."""
        service = self.context.resolve(model)
        _require_unstructured(service)
        with self.timed():
            context = {"query": request.args, "headers": dict(request.headers)}
            answer = service.predict_unstructured(wire.read_untyped(request, self.limits), context)
        kind = answer.media_type or "text/html"
        charset = f"; charset={answer.charset}" if answer.charset else ""
        return Response(answer.body, content_type=f"{kind}{charset}")

    def forward(self, path: str) -> Response:
        """Answer DRUM's proxy routes, which need a predictor that is not served here."""
        del path
        message = "This endpoint is only supported by OpenAI based predictors"
        return wire.json_response({"message": message}, 400)

    def _encoded(self, prediction: Prediction, service: Service, accept: str) -> Response:
        encode = self.accepted.get(accept)
        if encode is None:
            return wire.json_response(self.encode(prediction, service.target))
        return Response(encode(prediction, service.target), content_type=accept)


@contextmanager
def _recorded(timings: Timings) -> Iterator[None]:
    """Record how long a prediction took, errors included."""
    started = perf_counter()
    try:
        yield
    finally:
        timings.record(perf_counter() - started)


def _claims(views: _Views, invoked: _Views, errors: ErrorForm) -> tuple[Claim, ...]:
    predict, alive = (invoked.predict, Scope.PREDICT, errors), (views.alive, Scope.PROBE, errors)
    return (
        Claim("/", "GET", "model_api.ping", *alive),
        Claim("/ping/", "GET", "model_api.ping", *alive),
        Claim("/invocations", "POST", "model_api.invocations", *predict, is_choice=True),
    )


def _routes(views: _Views) -> tuple[Route, ...]:
    predict, observe = Scope.PREDICT, Scope.OBSERVE
    own = (
        Route("/health/", "GET", "health", views.alive, Scope.PROBE),
        Route("/info/", "GET", "info", views.info, observe),
        Route("/capabilities/", "GET", "capabilities", views.capabilities, observe),
        Route("/stats/", "GET", "stats", views.stats, observe),
        Route("/predict/", "POST", "predict", views.predict, predict),
        Route("/predictions/", "POST", "predict", views.predict, predict),
        Route("/transform/", "POST", "transform", views.transform, predict),
    )
    unstructured = tuple(
        Route(rule, "POST", "predict_unstructured", views.predict_unstructured, predict)
        for rule in ("/predictUnstructured/", "/predictionsUnstructured/")
    )
    proxy = tuple(
        Route(f"/{name}/<path:path>", method, "forward_request", views.forward, predict)
        for name in ("directAccess", "nim")
        for method in ("GET", "POST", "PUT")
    )
    return own + unstructured + proxy


def _named_routes(views: _Views) -> tuple[Route, ...]:
    """Return the routes of models by name: DRUM's, below /models/NAME or /models/NAME@VERSION."""
    observe, predict = Scope.OBSERVE, Scope.PREDICT
    unstructured = views.predict_unstructured
    verbs = (
        ("health", "GET", views.health, observe),
        ("info", "GET", views.info, observe),
        ("capabilities", "GET", views.capabilities, observe),
        ("predict", "POST", views.predict, predict),
        ("predictions", "POST", views.predict, predict),
        ("transform", "POST", views.transform, predict),
        ("predictUnstructured", "POST", unstructured, predict),
        ("predictionsUnstructured", "POST", unstructured, predict),
    )
    return tuple(
        Route(f"/models/<model>/{verb}/", method, f"named_{view.__name__}", view, scope)
        for verb, method, view, scope in verbs
    )


def _wrong_endpoint(found: TargetType) -> EndpointError:
    """Return the error for rows that are sent to a model of another route."""
    unstructured = found is TargetType.UNSTRUCTURED
    route = _UNSTRUCTURED_ROUTES if unstructured else "/transform/ endpoint"
    return EndpointError(f"This model has target type '{found.value}', use the {route}.")


def _require_transform(found: TargetType) -> None:
    if found is not TargetType.TRANSFORM:
        right = "predictUnstructured" if found is TargetType.UNSTRUCTURED else "predict"
        raise EndpointError(f"This model has target type {found}, use the /{right}/ endpoint.")


def _require_unstructured(service: Service) -> None:
    found = service.target.type
    if found not in _BY_UNSTRUCTURED:
        raise EndpointError(
            f"This model has target type {found}, use either /predict/ or /predictions/ endpoint."
        )
    if not service.is_unstructured:
        raise EndpointError(
            f"This model has target type '{found.value}' and no score_unstructured hook, "
            "use either /predict/ or /predictions/ endpoint."
        )
