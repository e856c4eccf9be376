"""OpenAI-shaped chat completions and model lists, as DRUM 1.18 serves them.

A server of several models lists these on /models, where no chat is to be had.

Source: observed behaviour of DRUM 1.18.1.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from drum_like.errors import LoadError, PayloadError, RequestError, UnsupportedError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, ContractContext, not_found_unless_loaded
from drum_like.http.errors import drum_form
from drum_like.inference.chat import ChunkStream
from drum_like.inference.service import Service
from drum_like.types.target import TargetType

_TEXT_TYPES = frozenset({TargetType.TEXT_GENERATION, TargetType.AGENTIC_WORKFLOW})


def contract(context: ContractContext) -> Contract:
    """Return the chat routes; all are shared with other contracts that speak OpenAI's API."""
    views = _Views(context)
    errors = drum_form(hide_errors=context.settings.hide_errors)
    chat = ("model_api.chat", views.chat, Scope.PREDICT, errors)
    models = ("model_api.get_supported_llm_models", views.models, Scope.PREDICT, errors)
    claims = (
        (
            Claim(f"{prefix}/chat/completions", "POST", *chat),
            Claim(f"{prefix}/models", "GET", *models),
        )
        for prefix in ("", "/v1")
    )
    named = Claim(
        "/models",
        "GET",
        "chat.named_models",
        views.named_models,
        Scope.PREDICT,
        errors,
        rank=900,
        fits=lambda _: views.has_several(),
    )
    return Contract("chat", errors, claims=(named, *chain.from_iterable(claims)))


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server."""

    context: ContractContext

    def chat(self) -> Response:
        """Answer a chat completion, whole or streamed."""
        params = _json_object()
        service = self._service()
        if not service.can_chat:
            reason = (
                "chat() is not implemented."
                if service.target.type in _TEXT_TYPES
                else "chat is not supported."
            )
            raise UnsupportedError(f"This model's chat interface was called, but {reason}")
        reply = service.chat(params, request.headers)
        if isinstance(reply, ChunkStream):
            return Response(reply, content_type="text/event-stream; charset=utf-8")
        return wire.json_response(reply)

    def models(self) -> Response:
        """List the models behind a text generation directory."""
        service = self._service()
        if service.target.type is not TargetType.TEXT_GENERATION:
            raise UnsupportedError("get_supported_llm_models is supported only for TextGen models")
        return wire.json_response({"data": service.models(), "object": "list"})

    def has_several(self) -> bool:
        """Return whether there are several models, and the default one writes no text."""
        if len(self.context.resolver.names()) < 2:
            return False
        try:
            service = self.context.resolve()
        except (RequestError, LoadError):  # none is the default, or it does not load
            return True
        return service.target.type is not TargetType.TEXT_GENERATION

    def named_models(self) -> Response:
        """List all models by their names: framework and target of those that are in memory."""
        resolver = self.context.resolver
        listed = [
            _facts(name, versions[-1], resolver.in_memory(name))
            for name, versions in sorted(resolver.index().items())
            if versions
        ]
        return wire.json_response({"models": listed})

    def _service(self) -> Service:
        with not_found_unless_loaded():
            return self.context.resolve()


def _facts(name: str, newest: str, service: Service | None) -> dict[str, str | None]:
    if service is None:
        return {"name": name, "version": newest, "framework": None, "target": None}
    info = service.info
    return {
        "name": name,
        "version": info.version,
        "framework": info.framework,
        "target": info.target,
    }


def _json_object() -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        UnsupportedMediaType: the Content-Type is not JSON's; answered with 415.
        BadRequest: the body is not JSON; answered with 400 in DRUM's words.
        PayloadError: the JSON is not an object.
    """
    if not request.is_json:
        raise UnsupportedMediaType(
            "chat takes a JSON body; send the header `Content-Type: application/json`"
        )
    try:
        content = request.get_json()
    except RecursionError as error:
        raise BadRequest("the JSON is nested too deeply") from error
    if not isinstance(content, dict):
        raise PayloadError(f"chat takes a JSON object, but the body holds {_name(content)}")
    return content


def _name(content: object) -> str:
    return "null" if content is None else f"a {type(content).__name__}"
