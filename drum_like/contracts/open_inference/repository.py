"""Triton's extension for a repository of models, over the models of the server.

Models are loaded when they are asked for, and leave memory when others need the room; so loading
one only does it beforehand, and unloading would change nothing for callers.
"""

from typing import Any

from flask import Response, request
from werkzeug.exceptions import NotImplemented as NotServed

from drum_like.codecs.json.text import loads
from drum_like.contracts.open_inference.members import truth_of
from drum_like.errors import NotLoadedError, PayloadError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import ContractContext, Route
from drum_like.http.requests import whole_body
from drum_like.inference.service import Resolver
from drum_like.system import audit

READY, UNAVAILABLE = "READY", "UNAVAILABLE"


class RepositoryViews:
    """The views of the extension.

    Args:
        context: Where models come from.
    """

    def __init__(self, context: ContractContext) -> None:
        self._context = context

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of the extension."""
        models = "/v2/repository/models/<model>"
        return (
            Route("/v2/repository/index", "POST", "repository", self.index, Scope.OBSERVE),
            *(
                Route(f"{models}/{verb}", "POST", verb, view, Scope.PREDICT, change=f"{verb} model")
                for verb, view in (("load", self.load), ("unload", self.unload))
            ),
        )

    def index(self) -> Response:
        """Answer /v2/repository/index: one entry for each version that can be asked for.

        Raises:
            PayloadError: `ready` is neither true nor false.
        """
        only_ready = truth_of(_tree(), "ready")
        entries = index(self._context.resolver)
        found = [one for one in entries if not only_ready or one["state"] == READY]
        return wire.json_response(found)

    def load(self, model: str) -> Response:
        """Load a model, where it is not in memory.

        Raises:
            PayloadError: the request brings a configuration or files.
        """
        if _tree().get("parameters"):
            raise PayloadError(
                "models are loaded as they are stored here; leave out the parameters of the load"
            )
        service = self._context.resolve(model)
        audit.about(model=service.info.name, version=service.info.version)
        return wire.json_response({"name": service.info.name, "load": True})

    def unload(self, model: str) -> Response:
        """Refuse to drop a model.

        Raises:
            NotServed: always, for a model that is there.
        """
        self._context.resolve(model)
        raise NotServed(
            "models are not unloaded: they leave the memory when others need the room, and are "
            "loaded again when they are asked for; see --max-models"
        )


def index(resolver: Resolver) -> list[dict[str, Any]]:
    """Return the versions of all models, each with its state."""
    failed = _failed(resolver)
    return [
        {
            "name": name,
            "version": version,
            "state": READY if name not in failed else UNAVAILABLE,
            "reason": failed.get(name, ""),
        }
        for name, versions in sorted(resolver.index().items())
        for version in versions
    ]


def _failed(resolver: Resolver) -> dict[str, str]:
    """Return why the model that the server was started for did not load, by its name."""
    try:
        resolver.default()
    except NotLoadedError as error:
        return {error.model: "it did not load"}
    return {}


def _tree() -> dict[str, Any]:
    """Return the JSON object of a request, an empty one for an empty body.

    Raises:
        PayloadError: the body is something else.
    """
    body = whole_body(request)
    tree = loads(body) if body.strip() else {}
    if not isinstance(tree, dict):
        raise PayloadError("the body must be empty, or a JSON object")
    return tree
