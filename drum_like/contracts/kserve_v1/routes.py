"""The routes of KServe's V1 protocol, and its part of `/` and `/v1/models`.

Source: KServe 0.21.0's ModelServer and InferenceRESTClient, observed. Where this differs on
purpose, docs/kserve.md says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from drum_like.codecs.json import forms
from drum_like.codecs.json.document import Document
from drum_like.codecs.json.encode import predictions_json
from drum_like.codecs.json.values import dumps
from drum_like.contracts.kserve_v1.cloud_events import answer, content_of
from drum_like.contracts.kserve_v1.explanations import explanations
from drum_like.errors import (
    LoadError,
    NotFoundError,
    NotLoadedError,
    PayloadError,
    RequestError,
    SettingsError,
    UnsupportedError,
    UserError,
)
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm, Failure, StatusTable, drum_form, user_response
from drum_like.http.json_body import checked_document
from drum_like.inference.service import Service
from drum_like.types.frame import Frame
from drum_like.types.parameters import parameters_at
from drum_like.types.payload import Limits
from drum_like.types.target import TargetType

_MODELS = "/v1/models"
_PATHS = r"v1/models(?:/|$)"
"""Beginnings of paths whose 404 and 405 have this contract's form."""

_STATUSES: StatusTable = {
    RequestError: 400,
    NotFoundError: 404,
    UnsupportedError: 501,
    LoadError: 503,
    SettingsError: 503,
}
_ROWS = ("instances", "inputs")


def contract(context: ContractContext) -> Contract:
    """Return the routes of models by name; `/` and `/v1/models` are shared with others."""
    hide = context.settings.hide_errors
    views, errors = _Views(context), ErrorForm(_STATUSES, _error, hide, counts_from_zero=True)
    model, predict = f"{_MODELS}/<model>", Scope.PREDICT
    # Others read `/`, too: its errors stay DRUM's.
    drums = drum_form(hide_errors=hide)
    return Contract(
        "kserve_v1",
        errors,
        routes=(
            Route(model, "GET", "model", views.model, Scope.OBSERVE),
            Route(f"{model}:predict", "POST", "predict", views.predict, predict),
            Route(f"{model}:explain", "POST", "explain", views.explain, predict),
        ),
        claims=(
            Claim("/", "GET", "kserve_v1.alive", views.alive, Scope.PROBE, drums, 50),
            Claim(_MODELS, "GET", "kserve_v1.models", views.models, predict, errors, 50),
            _invocations(views, errors),
        ),
        paths=((_PATHS, errors),),
        aliases=("kserve",),
    )


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server."""

    context: ContractContext

    def alive(self) -> Response:
        """Answer `/` for DRUM's callers and for KServe's at once."""
        self.context.check()
        return wire.json_response({"message": "OK", "status": "alive"})

    def models(self) -> Response:
        """List the names of the models; for OpenAI's clients, too, where there are their models."""
        names = self.context.resolver.names()
        return wire.json_response({**self._language_models(), "models": names})

    def model(self, model: str) -> Response:
        """Say whether a model is ready; it is loaded if it is not in memory."""
        self._service(model)
        return wire.json_response({"name": model, "ready": True})

    def predict(self, model: str) -> Response:
        """Answer rows with a prediction each."""
        return self._predicted(self._service(model))

    def invoke(self) -> Response:
        """Answer /invocations for callers who choose this contract."""
        return self._predicted(self.context.resolve())

    def explain(self, model: str) -> Response:
        """Answer rows with the contributions to each prediction."""
        service = self._service(model)
        found = explanations(service, self._rows(content_of(request, _document())))
        return answer(model, dumps({"explanations": found}), request)

    def _predicted(self, service: Service) -> Response:
        document = content_of(request, _document())
        rows, parameters = self._rows(document), parameters_at(document.tree, "parameters")
        if rows is None:
            body = b'{"predictions":[]}'
        else:
            found = wire.predict(service, rows, self._limits, parameters)
            body = predictions_json(found, service.target)
        return answer(service.info.name, body, request)

    def _service(self, name: str) -> Service:
        """Return the model of a path.

        Raises:
            NotFoundError: there is none of that name.
            LoadError: it does not load.
        """
        try:
            return self.context.resolve(name)
        except LoadError as error:
            raise LoadError(f"Model with name {name[:128]} is not ready.") from error
        except RequestError as error:
            raise NotFoundError(f"Model with name {name[:128]} does not exist.") from error

    @property
    def _limits(self) -> Limits:
        return self.context.settings.payload.limits

    def _rows(self, document: Document) -> Frame | None:
        """Return the rows of the request, None for none.

        Raises:
            PayloadError: the body is not in this form.
        """
        rows = forms.rows_at(document, _key_of_rows(document.tree))
        return forms.from_rows(rows, self._limits) if rows.tree else None

    def _language_models(self) -> dict[str, Any]:
        """Return OpenAI's list, as DRUM gives it for text generation; else nothing."""
        try:
            service = self.context.resolve()
        except (RequestError, NotLoadedError):  # none, several, or one that does not load
            return {}
        if service.target.type is not TargetType.TEXT_GENERATION:
            return {}
        return {"data": service.models(), "object": "list"}


def _invocations(views: _Views, errors: ErrorForm) -> Claim:
    """Claim the requests whose callers choose this contract: they are for the default model."""
    return Claim(
        "/invocations",
        "POST",
        "kserve_v1.invocations",
        views.invoke,
        Scope.PREDICT,
        errors,
        rank=62,
        is_choice=True,
        only_chosen=True,
    )


def _document() -> Document:
    try:
        return checked_document(request)
    except PayloadError as error:
        raise PayloadError(f"Unrecognized request format: {error}") from error


def _key_of_rows(tree: Any) -> str:
    """Return the one key of a body that holds rows.

    Raises:
        PayloadError: there is no such key, or two, or its value is no list.
    """
    keys = [key for key in _ROWS if key in tree] if isinstance(tree, Mapping) else []
    if len(keys) != 1:
        found = "both" if keys else "neither"
        raise PayloadError(
            'Expected a JSON object with "instances" or "inputs", a list with one item for each '
            f"row, but the body has {found}"
        )
    if not isinstance(tree[keys[0]], list):
        raise PayloadError(f'Expected "{keys[0]}" to be a list')
    return keys[0]


def _error(failure: Failure) -> Response:
    """Answer `{"error": ...}`; an answer that custom.py asked for is its own in every contract."""
    if isinstance(failure.error, UserError):
        return user_response(failure.error, failure.status)
    return wire.json_response({"error": failure.text}, failure.status)
