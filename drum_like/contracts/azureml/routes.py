"""The routes of Azure ML's inference server, and its part of `/invocations`.

Source: azureml-inference-server-http 1.5.1, observed. Where this differs on purpose,
docs/azureml.md says so.
"""

from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException, NotFound

from drum_like.codecs.json.document import Document
from drum_like.codecs.json.encode import predictions_json
from drum_like.contracts.azureml import headers, swagger
from drum_like.contracts.azureml.rows import DATA, INPUT_DATA, Rows, of_query, rows_of
from drum_like.errors import (
    LoadError,
    PayloadError,
    RequestError,
    ScoringError,
    SettingsError,
    UserError,
)
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm, Failure, StatusTable, user_response
from drum_like.http.json_body import Tree, checked_document, holds
from drum_like.http.refusals import ServerRefusal
from drum_like.inference.service import Service
from drum_like.types.payload import Limits

_PATHS = r"(?:score|swagger\.json)(?:/|$)"
"""Beginnings of paths whose 404 and 405 have this contract's form."""

_STATUSES: StatusTable = {RequestError: 400, LoadError: 503, SettingsError: 503}
_FAILED, _TIME = "x-ms-run-function-failed", "x-ms-run-fn-exec-ms"
_BEFORE, _AFTER = b'{"predictions":', b"}"


def contract(context: ContractContext) -> Contract:
    """Return `/score`, `/swagger.json`, and the claims on bodies of `/score` elsewhere."""
    views = _Views(context)
    errors = ErrorForm(_STATUSES, _error, context.settings.hide_errors, counts_from_zero=True)
    claim = Claim(
        "/invocations",
        "POST",
        "azureml.invocations",
        views.score,
        Scope.PREDICT,
        errors,
        rank=70,
        fits=holds(_is_ours),
        is_choice=True,
    )
    return Contract(
        "azureml",
        errors,
        routes=(
            # Before the others: these answer OPTIONS with what Flask knows of them.
            Route("/score", "OPTIONS", "preflight", views.preflight, Scope.PROBE, for_pages=True),
            Route("/score", "POST", "score", views.score, Scope.PREDICT),
            Route("/score", "GET", "score_query", views.score_query, Scope.PREDICT),
            Route("/swagger.json", "GET", "swagger", views.swagger, Scope.OBSERVE, for_pages=True),
        ),
        claims=(
            claim,
            replace(claim, rank=71, fits=lambda _: True, only_chosen=True),
        ),
        paths=((_PATHS, errors),),
        finish=views.finish,
        aliases=("azure",),
    )


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server."""

    context: ContractContext

    def preflight(self) -> Response:
        """Answer the question of a browser whether a page may ask; the server adds the headers."""
        headers.check_ids(request)
        return Response("", content_type="text/html; charset=utf-8")

    def score(self) -> Response:
        """Answer the rows of a body."""
        headers.check_ids(request)
        return self._scored(checked_document(request))

    def score_query(self) -> Response:
        """Answer the rows of a query."""
        headers.check_ids(request)
        if not request.args:
            raise PayloadError(
                f"the query holds no rows; send ?{DATA}=[[...]], or POST them as JSON"
            )
        return self._scored(of_query(request.args, self.context.settings.max_json_depth))

    def swagger(self) -> Response:
        """Answer the document of the model, in the version that the query names."""
        headers.check_ids(request)
        version = request.args.get("version", "2")
        if version not in swagger.VERSIONS:
            known = ", ".join(swagger.VERSIONS)
            raise NotFound(f"Swagger version is not valid. Supported versions: [{known}].")
        return wire.json_response(swagger.document(self.context.resolve(), version))

    def finish(self, response: Response) -> Response:
        """Add the headers that every answer of these routes has."""
        response.headers.setdefault(_FAILED, "False")
        response.headers.update(headers.ids(request))
        return response

    def _scored(self, document: Document) -> Response:
        service = self.context.resolve()
        limits = self.context.settings.payload.limits
        rows = rows_of(document, limits)
        started = perf_counter()
        body = _predictions(service, rows, limits)
        response = wire.json_response(body)
        response.headers[_TIME] = f"{(perf_counter() - started) * 1000:.3f}"
        return response


def _predictions(service: Service, rows: Rows, limits: Limits) -> bytes:
    """Return the JSON of predictions, as the value of a key or alone."""
    if rows.frame is None:
        return b"[]" if rows.is_bare else _BEFORE + b"[]" + _AFTER
    prediction = wire.predict(service, rows.frame, limits)
    if not rows.is_bare:
        return predictions_json(prediction, service.target)
    body = predictions_json(replace(prediction, extra=None), service.target)
    return body[len(_BEFORE) : -len(_AFTER)]


def _is_ours(tree: Tree) -> bool:
    """Return whether keys are ours; a CloudEvent, which has `data` as well, is not."""
    return INPUT_DATA in tree or (isinstance(tree.get(DATA), list) and "specversion" not in tree)


def _error(failure: Failure) -> Response:
    """Answer `{"message": ...}`, and whether the model is what failed."""
    error: Any = failure.error
    is_late = isinstance(error, ServerRefusal) and error.limit_s > 0
    if isinstance(error, UserError):
        response = user_response(error, failure.status)
    elif is_late:  # in the words and with the status of Azure's server
        text = f"Scoring timeout after {error.limit_s * 1000:.0f} ms"
        response = wire.json_response({"message": text}, 500)
    else:
        response = wire.json_response({"message": failure.text}, failure.status)
    is_ours = failure.is_unexpected and not isinstance(error, HTTPException)
    response.headers[_FAILED] = str(isinstance(error, ScoringError) or is_ours or is_late)
    return response
