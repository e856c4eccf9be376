"""Vertex AI's custom containers: a health check and a route for predictions, where it names them.

`instances` in, `predictions` out. Whatever else comes to the route for predictions, as `rawPredict`
passes it on, is answered as DRUM answers it.

Source: Vertex AI "Custom container requirements"; CprModelServer and LocalEndpoint of
google-cloud-aiplatform 2.7.0, observed. Where this differs on purpose, docs/vertex.md says so.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from drum_like import codecs
from drum_like.codecs.json import forms
from drum_like.codecs.json.document import Document
from drum_like.codecs.json.encode import predictions_json
from drum_like.errors import (
    LoadError,
    PayloadError,
    RequestError,
    SettingsError,
    UserError,
)
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm, Failure, StatusTable, drum_form, user_response
from drum_like.http.json_body import checked_document, json_document
from drum_like.http.requests import whole_body
from drum_like.inference.service import Service
from drum_like.types.codec import Encoder
from drum_like.types.parameters import parameters_at
from drum_like.types.prediction import Prediction

_DEPLOYED = "/v1/endpoints/<endpoint>/deployedModels/<deployed>"
"""The routes of a deployment that names none of its own."""

_SHARED = "/invocations"
"""The route that every contract answers already, Vertex AI's form among others."""

_DRUMS = ("/predict", "/predictions")
"""Routes that a read_input_data hook has to itself, whatever the body holds."""

_STATUSES: StatusTable = {RequestError: 400, LoadError: 503, SettingsError: 503}
_ROWS, _PARAMETERS = "instances", "parameters"
_CONTENT = "b64"


def contract(context: ContractContext) -> Contract:
    """Return the routes that the platform names, and those that it has if nobody names any."""
    settings = context.settings
    errors = ErrorForm(_STATUSES, _error, settings.hide_errors, counts_from_zero=True)
    drums = drum_form(hide_errors=settings.hide_errors)
    views = _Views(context, drums, codecs.installed().encoders)
    named = tuple(path for path in (settings.health_route, settings.predict_route) if path)
    invocations = Claim(
        _SHARED,
        "POST",
        "vertex.invocations",
        views.predict,
        Scope.PREDICT,
        errors,
        rank=61,
        is_choice=True,
        only_chosen=True,
    )
    return Contract(
        "vertex",
        errors,
        routes=tuple(_routes(views, settings.health_route, settings.predict_route)),
        claims=(invocations,),
        paths=tuple((_beginning(path), errors) for path in (r"/v1/endpoints/", *named)),
        goes_first=True,
    )


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server; a path's own parts change nothing.

    Attributes:
        context: Where the model comes from.
        drums: DRUM's form of errors, for bodies in DRUM's forms.
        accepted: Predictions to formats other than JSON, by the media types that ask for them.
    """

    context: ContractContext
    drums: ErrorForm
    accepted: Mapping[str, Encoder]

    def health(self, **_: str) -> Response:
        """Answer 200 if requests may come, else 503."""
        if self.context.ready():
            return wire.json_response({"message": "OK"})
        return wire.json_response({"error": "the model is not ready"}, 503)

    def predict(self, **_: str) -> Response:
        """Answer `instances`, or any body that DRUM's routes take."""
        service = self.context.resolve()
        document = json_document(request)
        if _is_for_hook(service, document) or not (request.is_json or document):
            return self._raw(service)
        return self._json(service)

    def _json(self, service: Service) -> Response:
        document, limits = checked_document(request), self.context.settings.payload.limits
        if not isinstance(document.tree, dict) or _ROWS not in document.tree:
            frame = forms.frame_of(document, limits)
            return self._answer(wire.predict(service, frame, limits), service)
        rows, parameters = forms.rows_at(document, _ROWS), parameters_at(document.tree, _PARAMETERS)
        if rows.tree == []:
            return wire.json_response({"predictions": []})
        if _CONTENT.encode() in whole_body(request):
            rows = rows.map(_with_contents)
        frame = forms.from_rows(rows, limits)
        return self._answer(wire.predict(service, frame, limits, parameters), service)

    def _raw(self, service: Service) -> Response:
        """Answer a body as DRUM does, errors included."""
        limits = self.context.settings.payload.limits
        try:
            payload = wire.read_payload(request, limits, any_type=service.reads_any_type)
            return self._answer(service.predict(payload), service)
        except Exception as error:  # noqa: BLE001 - answered in DRUM's form, and logged
            return self.drums.answer(error)

    def _answer(self, prediction: Prediction, service: Service) -> Response:
        accept = request.headers.get("Accept", "")
        encode = self.accepted.get(accept)
        if encode is None:
            return wire.json_response(predictions_json(prediction, service.target))
        return Response(encode(prediction, service.target), content_type=accept)


def _routes(views: _Views, health: str, predict: str) -> Iterator[Route]:
    """Return the routes; a path that all contracts share already has none of its own."""
    for name, path in (("deployed", _DEPLOYED), ("deployed_predict", f"{_DEPLOYED}:predict")):
        yield Route(path, "GET", f"{name}_health", views.health, Scope.PROBE)
    yield Route(f"{_DEPLOYED}:predict", "POST", "deployed", views.predict, Scope.PREDICT)
    if health:
        yield Route(health, "GET", "health", views.health, Scope.PROBE)
    if predict not in ("", _SHARED):
        yield Route(predict, "POST", "predict", views.predict, Scope.PREDICT)


def _beginning(path: str) -> str:
    """Return the pattern of a path and all that goes on from it."""
    return re.escape(path.lstrip("/"))


def _is_for_hook(service: Service, document: Document | None) -> bool:
    """Return whether a read_input_data hook takes a body that may be JSON."""
    if not service.reads_any_type:
        return False
    has_rows = document is not None and isinstance(document.tree, dict) and _ROWS in document.tree
    return not has_rows or request.path.rstrip("/").endswith(_DRUMS)


def _with_contents(rows: Any) -> Any:
    """Return rows with bytes in the place of `{"b64": "..."}`, as rows and as their cells.

    Raises:
        PayloadError: such a text is not base64.
    """
    return [_row(row) for row in rows] if isinstance(rows, list) else rows


def _row(row: Any) -> Any:
    if isinstance(row, list):
        return [_content(cell) for cell in row]
    if isinstance(row, dict) and row.keys() != {_CONTENT}:
        return {name: _content(cell) for name, cell in row.items()}
    return _content(row)


def _content(cell: Any) -> Any:
    if not isinstance(cell, dict) or cell.keys() != {_CONTENT}:
        return cell
    try:
        return b64decode(cell[_CONTENT], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise PayloadError(
            f'the text of {{"{_CONTENT}": ...}} must be base64, without line breaks'
        ) from error


def _error(failure: Failure) -> Response:
    """Answer `{"error": ...}`; an answer that custom.py asked for is its own in every contract."""
    if isinstance(failure.error, UserError):
        return user_response(failure.error, failure.status)
    return wire.json_response({"error": failure.text}, failure.status)
