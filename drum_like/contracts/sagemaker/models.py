"""The routes of a multi-model endpoint: models that the platform loads, lists, asks and unloads.

Source: Amazon's guide, "Build your own container for SageMaker multi-model endpoints".
"""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, request

from drum_like.config.server_settings import ServerSettings
from drum_like.contracts.sagemaker.errors import (
    CapacityError,
    container_form,
    loading_form,
    traced,
)
from drum_like.contracts.sagemaker.named_models import NamedModel, NamedModels
from drum_like.contracts.sagemaker.scoring import answer
from drum_like.errors import PayloadError, lacks_memory
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.auth.web_pages import check_page
from drum_like.http.contract import Claim, Contract, ContractContext, Route
from drum_like.http.json_body import checked_document
from drum_like.registry.loader import Loader
from drum_like.system import audit
from drum_like.system.lifecycle import PeriodicTask
from drum_like.system.shared_text import SharedText

_LOOK_S = 0.25
"""Time between two looks whether another worker has unloaded models."""

_LONGEST_NAME = 1024
_MOST_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class ModelViews:
    """The views of models by name.

    Attributes:
        models: The models that are loaded.
        settings: All settings.
    """

    models: NamedModels
    settings: ServerSettings

    def load(self) -> Response:
        """Load the model of a directory.

        Raises:
            CapacityError: there is no memory for it.
        """
        check_page(request.environ)
        name, url = _named()
        try:
            model = self.models.load(name, url)
        except Exception as error:
            if lacks_memory(error):
                raise CapacityError("there is no memory for this model; unload one") from None
            raise
        return wire.json_response(_shown(model))

    def listed(self) -> Response:
        """Answer what is loaded, by name, from a token on and at most `limit` of them."""
        after, most, loaded = _token(), _limit(), self.models.all()
        names = sorted(name for name in loaded if after is None or name > after)
        content: dict[str, Any] = {"models": [_shown(loaded[name]) for name in names[:most]]}
        if len(names) > most:
            content["nextPageToken"] = urlsafe_b64encode(names[most - 1].encode()).decode()
        return wire.json_response(content)

    def one(self, name: str) -> Response:
        """Answer one that is loaded."""
        return wire.json_response(_shown(self.models.find(name)))

    def unload(self, name: str) -> Response:
        """Unload a model."""
        check_page(request.environ)
        return wire.json_response(_shown(self.models.unload(name)))

    def invoke(self, name: str) -> Response:
        """Answer rows with a model."""
        accept = request.headers.get("Accept", "")
        return traced(answer(self.models.service(name), self.settings, accept, signed=True))


def named_models(context: ContractContext) -> NamedModels:
    """Return the models that callers load."""
    root, most = context.settings.platform.multi_model_dir, context.settings.max_models
    return NamedModels(context.part(SharedText), context.part(Loader).named, root, most)


def with_models(own: Contract, views: ModelViews) -> Contract:
    """Return a contract with the routes of a multi-model endpoint."""
    return replace(
        own,
        routes=own.routes + _routes(views),
        claims=own.claims + _claims(views),
        paths=(*own.paths, (r"models(?:/|$)", own.errors)),
        background=(PeriodicTask("the look at loaded models", views.models.drop, _LOOK_S),),
    )


def _claims(views: ModelViews) -> tuple[Claim, ...]:
    """Return the claim on the list of models, which is another one elsewhere."""
    errors = container_form(hide_errors=views.settings.hide_errors)
    name = "sagemaker.listed"
    return (Claim("/models", "GET", name, views.listed, Scope.OBSERVE, errors, rank=10),)


def _routes(views: ModelViews) -> tuple[Route, ...]:
    """Return the routes of models by name.

    The platform shows no credential; where callers have some, these changes ask for theirs.
    """
    changes = Scope.ADMIN if views.settings.asks_who_calls else Scope.PREDICT
    loading = loading_form(hide_errors=views.settings.hide_errors)
    one = "/models/<path:name>"
    return (
        Route("/models", "POST", "load", views.load, changes, loading, change="load model"),
        Route(one, "GET", "one", views.one, Scope.OBSERVE),
        Route(one, "DELETE", "unload", views.unload, changes, change="unload model"),
        Route(f"{one}/invoke", "POST", "invoke_model", views.invoke, Scope.PREDICT),
    )


def _shown(model: NamedModel) -> dict[str, str]:
    return {"modelName": model.name, "modelUrl": model.url}


def _named() -> tuple[str, str]:
    """Return the name and the url of the body.

    Raises:
        PayloadError: it has none.
    """
    tree = checked_document(request).tree
    found = [tree.get(key) if isinstance(tree, dict) else None for key in ("model_name", "url")]
    name, url = [text if isinstance(text, str) else "" for text in found]
    audit.about(model=name)
    if not name or not url or len(name) > _LONGEST_NAME:
        raise PayloadError(
            "the body must have `model_name` and `url`, the directory of the model, as texts; the "
            f"name has at most {_LONGEST_NAME} characters"
        )
    return name, url


def _token() -> str | None:
    """Return the last name of the page before, None for the first page.

    Raises:
        PayloadError: the token is none of ours.
    """
    token = request.args.get("next_page_token")
    try:
        return None if token is None else b64decode(token.encode(), b"-_", validate=True).decode()
    except (Base64Error, UnicodeError) as error:
        raise PayloadError("next_page_token must be the nextPageToken of a list") from error


def _limit() -> int:
    text = request.args.get("limit", str(_MOST_LISTED))
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 0 < limit <= _MOST_LISTED:
        raise PayloadError(f"limit must be a number from 1 to {_MOST_LISTED}")
    return limit
