"""Probes for orchestrators: is the process alive, may traffic come.

Both answer at the root and below URL_PREFIX, touch no disk and take no credential.
"""

from flask import Blueprint, Response

from drum_like import wire
from drum_like.auth import Scope
from drum_like.services import Services


def blueprint(services: Services) -> Blueprint:
    """Return /livez and /readyz."""

    def live() -> Response:
        return Response("Alive", content_type="text/plain")

    def ready() -> Response:
        if services.ready():
            return Response("Ready", content_type="text/plain")
        return Response("Not ready", 503, content_type="text/plain")

    routes = Blueprint("probes", __name__, url_prefix="/")
    wire.mount(
        routes,
        (
            wire.Route("/livez", "GET", "livez", live, Scope.PROBE),
            wire.Route("/readyz", "GET", "readyz", ready, Scope.PROBE),
            wire.Route("/<path:_>/livez", "GET", "livez_below", lambda _: live(), Scope.PROBE),
            wire.Route("/<path:_>/readyz", "GET", "readyz_below", lambda _: ready(), Scope.PROBE),
        ),
        services.scopes,
    )
    return routes
