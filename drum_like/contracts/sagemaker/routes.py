"""The routes of a container of Amazon SageMaker, and those of boto3's runtime client."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Request, Response, request
from werkzeug.exceptions import NotImplemented as NotDone

from drum_like.contracts.sagemaker import scoring
from drum_like.contracts.sagemaker.errors import client_form, container_form, traced
from drum_like.contracts.sagemaker.event_stream import MEDIA_TYPE, parts
from drum_like.contracts.sagemaker.signs import (
    has_own_instances,
    is_array,
    is_of_own_type,
    is_ours_if_signed,
    is_signed,
)
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm
from drum_like.inference.service import Service
from drum_like.system import cgroup
from drum_like.system.cpus import share

_ENDPOINTS = "/endpoints/<endpoint>"
_TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
_STREAM_ACCEPT, _STREAM_TYPE = "X-Amzn-SageMaker-Accept", "X-Amzn-SageMaker-Content-Type"
_VARIANT, _ALL_TRAFFIC = "x-Amzn-Invoked-Production-Variant", "AllTraffic"

Loaded = Callable[[str], Service | None]
"""Finds a model that a caller has loaded by its name, None if there is none."""

_MOST_PAYLOAD_MB = 6
"""Largest body that a batch transform sends unless the container names another."""


def contract(context: ContractContext) -> Contract:
    """Return the contract; /invocations is shared with others."""
    if not context.settings.platform.multi_model:
        return _own(context, lambda _: None)
    # It brings the model store's database, which other servers need not import.
    from drum_like.contracts.sagemaker import models  # noqa: PLC0415

    named = models.named_models(context)
    own = _own(context, lambda name: named.service(name) if name in named.all() else None)
    return models.with_models(own, models.ModelViews(named, context.settings))


def _own(context: ContractContext, loaded: Loaded) -> Contract:
    hide = context.settings.hide_errors
    errors, client = container_form(hide_errors=hide), client_form(hide_errors=hide)
    views = _Views(context, loaded)
    routes, claims = _routes(views, client), tuple(_claims(views, errors))
    paths = ((r"endpoints(?:/|$)", client),)
    return Contract("sagemaker", errors, routes, claims, paths=paths)


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        context: Where models come from.
        loaded: Finds those that callers have loaded.
    """

    context: ContractContext
    loaded: Loaded

    def score(self) -> Response:
        """Answer the rows of a request that shows its form itself."""
        settings = self.context.settings
        signed = settings.platform.sagemaker or is_signed(request)
        return traced(self._answer(signed=signed, accept=request.headers.get("Accept", "")))

    def score_signed(self) -> Response:
        """Answer rows for callers who choose this contract."""
        return traced(self._answer(signed=True, accept=request.headers.get("Accept", "")))

    def invoke(self, endpoint: str) -> Response:
        """Answer boto3's invoke_endpoint; the endpoint may have any name."""
        del endpoint
        return self._invoked(self.score_signed())

    def invoke_in_parts(self, endpoint: str) -> Response:
        """Answer boto3's invoke_endpoint_with_response_stream."""
        del endpoint
        accept = request.headers.get(_STREAM_ACCEPT, "")
        whole = traced(self._answer(signed=True, accept=accept))
        streamed = Response(parts(whole.get_data()), content_type=MEDIA_TYPE)
        streamed.headers.extend(
            (name, value) for name, value in whole.headers if not name.startswith("Content-")
        )
        streamed.headers[_STREAM_TYPE] = whole.content_type or ""
        return self._invoked(streamed)

    def invoke_later(self, endpoint: str) -> Response:
        """Refuse boto3's invoke_endpoint_async, whose rows lie in S3.

        Raises:
            NotDone: always.
        """
        del endpoint
        raise NotDone("there is no queue and no S3 here; send the rows with invoke_endpoint")

    def execution_parameters(self) -> Response:
        """Answer /execution-parameters: what a batch transform may send at a time."""
        settings = self.context.settings
        n_workers = share(settings.max_workers, cgroup.cpus()).workers
        return wire.json_response(
            {
                "MaxConcurrentTransforms": n_workers * settings.threads,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": min(_MOST_PAYLOAD_MB, settings.max_body_mb or _MOST_PAYLOAD_MB),
            }
        )

    def _invoked(self, response: Response) -> Response:
        response.headers[_VARIANT] = _ALL_TRAFFIC
        return response

    def _answer(self, *, signed: bool, accept: str) -> Response:
        return scoring.answer(self._service(), self.context.settings, accept, signed=signed)

    def _service(self) -> Service:
        """Return the model that the caller names, among several; else the default one."""
        named = request.headers.get(_TARGET_MODEL) if self.context.serves_names else None
        found = None if named is None else self.loaded(named)
        return found or self.context.resolve(named)


def _claims(views: _Views, errors: ErrorForm) -> Iterator[Claim]:
    always = views.context.settings.platform.sagemaker
    kinds: tuple[tuple[int, Callable[[Request], bool]], ...] = (
        (40, lambda asked: (always or is_signed(asked)) and is_ours_if_signed(asked)),
        (41, is_of_own_type),
        (42, has_own_instances),
        (80, is_array),
    )
    ours: dict[str, Any] = {"errors": errors, "is_choice": True}
    name, scope = "sagemaker.invocations", Scope.PREDICT
    for rank, fits in kinds:
        yield Claim("/invocations", "POST", name, views.score, scope, rank=rank, fits=fits, **ours)
    yield Claim(
        "/invocations", "POST", name, views.score_signed, scope, rank=39, only_chosen=True, **ours
    )


def _routes(views: _Views, errors: ErrorForm) -> tuple[Route, ...]:
    predict = Scope.PREDICT
    calls = (
        ("invocations", views.invoke),
        ("invocations-response-stream", views.invoke_in_parts),
        ("async-invocations", views.invoke_later),
    )
    facade = tuple(
        Route(f"{_ENDPOINTS}/{path}", "POST", view.__name__, view, predict, errors)
        for path, view in calls
    )
    parameters = views.execution_parameters
    return (
        Route("/execution-parameters", "GET", "parameters", parameters, Scope.OBSERVE),
        *facade,
    )
