"""The routes of the protocol, and its part of /invocations."""

from dataclasses import dataclass, replace

from flask import Request, Response
from flask.globals import request_ctx
from werkzeug.exceptions import NotImplemented as NotServed

from drum_like import __version__
from drum_like.contracts.open_inference.compression import compressed
from drum_like.contracts.open_inference.description import configuration, metadata
from drum_like.contracts.open_inference.errors import protocol_form
from drum_like.contracts.open_inference.infer_request import parse_infer_request
from drum_like.contracts.open_inference.infer_response import infer_response
from drum_like.contracts.open_inference.repository import RepositoryViews
from drum_like.contracts.open_inference.rows import frame_of
from drum_like.contracts.open_inference.statistics import counted, described
from drum_like.errors import EndpointError, NotLoadedError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm
from drum_like.http.json_body import JSON_LENGTH, Tree, holds
from drum_like.inference.named_rows import Scored
from drum_like.inference.service import Service
from drum_like.types.parameters import sending
from drum_like.types.payload import Limits

EXTENSIONS = (
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "model_repository_extension",
    "statistics",
)
"""Parts of the protocol that not every server has, by the names of Triton and KServe."""

_MEMBERS = frozenset({"name", "shape", "datatype"})
_VERSIONS = ("", "/versions/<version>")


_PATHS = r"v2(?:/(?!api/)|$)"
"""Beginnings of paths whose 404 and 405 have this contract's form; below /v2/api/ others manage."""


def contract(context: ContractContext) -> Contract:
    """Return the contract; /invocations is shared with others."""
    errors = protocol_form(hide_errors=context.settings.hide_errors)
    views = _Views(context, context.settings.payload.limits)
    return Contract(
        "open_inference",
        errors,
        (*_server_routes(views), *_model_routes(views), *RepositoryViews(context).routes()),
        _claims(views, errors),
        paths=((_PATHS, errors),),
        aliases=("oip",),
    )


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        context: Where models come from.
        limits: On rows and columns.
    """

    context: ContractContext
    limits: Limits

    def server(self) -> Response:
        """Answer /v2."""
        content = {"name": "drum-like", "version": __version__, "extensions": EXTENSIONS}
        return wire.json_response(content)

    def live(self) -> Response:
        """Answer /v2/health/live."""
        return wire.json_response({"live": True})

    def ready(self) -> Response:
        """Answer /v2/health/ready."""
        is_ready = self.context.ready()
        content = {"ready": is_ready, "live": True}
        if is_ready:
            return wire.json_response(content)
        return wire.json_response({**content, "error": "the server is not ready"}, 503)

    def models(self) -> Response:
        """Answer /v2/models."""
        return wire.json_response({"models": self.context.resolver.names()})

    def metadata(self, model: str, version: str | None = None) -> Response:
        """Answer /v2/models/{model}."""
        service = self._service(model, version)
        versions = self.context.resolver.index()
        return wire.json_response(metadata(service, versions[service.info.name]))

    def configuration(self, model: str, version: str | None = None) -> Response:
        """Answer /v2/models/{model}/config."""
        return wire.json_response(configuration(self._service(model, version)))

    def model_ready(self, model: str, version: str | None = None) -> Response:
        """Answer /v2/models/{model}/ready; the model is loaded if it is not in memory."""
        service = self._service(model, version)
        if not self.context.readiness.ready:
            raise NotLoadedError("the server is not ready", model)
        return wire.json_response({"name": service.info.name, "ready": True})

    def infer(self, model: str | None = None, version: str | None = None) -> Response:
        """Answer /v2/models/{model}/infer, and requests of this form on /invocations."""
        service = self._service(model, version)
        if not service.target.type.predicts_rows:
            kind = service.target.type.value
            raise EndpointError(f"a model of target type '{kind}' does not predict rows")
        with counted(self.context.timings.models, service.info) as watch:
            asked = parse_infer_request(request_ctx.request, self.limits)
            frame = frame_of(asked, service.inputs)
            watch.rows = frame.n_rows
            self.limits.check_answer(watch.rows, len(service.target.labels) or 1, asked.n_bytes)
            watch.lap()
            with sending(asked.parameters):
                scored = Scored(service.predict(frame), service.target)
            watch.lap()
            response = infer_response(asked, scored, service.info)
            return compressed(response, request_ctx.request.environ.get("HTTP_ACCEPT_ENCODING"))

    def statistics(self, model: str | None = None, version: str | None = None) -> Response:
        """Answer /v2/models/stats, and that of a model: all of its versions, or one."""
        counts, versions = self.context.timings.models, self.context.resolver.index()
        if model is not None:
            info = self._service(model, version).info
            known = versions[info.name] if version is None else (info.version,)
            versions = {info.name: known}
        found = [
            described(name, one, counts.of(name, one))
            for name in versions
            for one in versions[name]
        ]
        return wire.json_response({"model_stats": found})

    def no_shared_memory(self, kind: str, path: str) -> Response:
        """Refuse to share memory."""
        del kind, path
        raise NotServed(
            "shared memory is not served: this server may run on another machine; send tensors in "
            "the body, as JSON or binary"
        )

    def _service(self, model: str | None, version: str | None) -> Service:
        return self.context.resolve(model, version)


def _server_routes(views: _Views) -> tuple[Route, ...]:
    probe, observe = Scope.PROBE, Scope.OBSERVE
    shared = "/v2/<any(systemsharedmemory, cudasharedmemory):kind>/<path:path>"
    return (
        Route("/v2", "GET", "server", views.server, observe),
        Route("/v2/health/live", "GET", "live", views.live, probe),
        Route("/v2/health/ready", "GET", "ready", views.ready, probe),
        Route("/v2/models", "GET", "models", views.models, observe),
        Route("/v2/models/stats", "GET", "all_statistics", views.statistics, observe),
        Route(shared, "GET", "shared_memory_status", views.no_shared_memory, observe),
        Route(shared, "POST", "shared_memory", views.no_shared_memory, observe),
    )


def _model_routes(views: _Views) -> tuple[Route, ...]:
    observe = Scope.OBSERVE
    reads = (
        ("", "metadata", views.metadata),
        ("/ready", "model_ready", views.model_ready),
        ("/config", "configuration", views.configuration),
        ("/stats", "statistics", views.statistics),
    )
    return tuple(
        route
        for version in _VERSIONS
        for start in (f"/v2/models/<model>{version}",)
        for route in (
            *(Route(f"{start}{end}", "GET", name, view, observe) for end, name, view in reads),
            Route(
                f"{start}/infer",
                "POST",
                "infer",
                views.infer,
                Scope.PREDICT,
                takes_tensors=True,
            ),
        )
    )


def _claims(views: _Views, errors: ErrorForm) -> tuple[Claim, ...]:
    """Claim requests with binary tensors, JSON whose `inputs` are tensors, and callers' choices."""
    name, scope = "open_inference.invocations", Scope.PREDICT
    usual = Claim("/invocations", "POST", name, views.infer, scope, errors, is_choice=True)
    return (
        replace(usual, rank=5, fits=_has_tensors, takes_tensors=True),
        replace(usual, rank=20, fits=holds(_are_tensors)),
        replace(usual, rank=21, only_chosen=True),
    )


def _has_tensors(asked: Request) -> bool:
    return JSON_LENGTH in asked.environ


def _are_tensors(tree: Tree) -> bool:
    inputs = tree.get("inputs")
    return (
        isinstance(inputs, list)
        and bool(inputs)
        and all(isinstance(one, dict) and one.keys() >= _MEMBERS for one in inputs)
    )
