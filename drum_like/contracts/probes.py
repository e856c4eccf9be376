"""Probes for orchestrators: is the process alive, may traffic come.

Both answer at the root and below URL_PREFIX, touch no disk and take no credential.
"""

from flask import Response

from drum_like.http.auth import Scope
from drum_like.http.contract import Contract, ContractContext, Route
from drum_like.http.errors import drum_form


def contract(context: ContractContext) -> Contract:
    """Return /livez and /readyz."""

    def live() -> Response:
        return Response("Alive", content_type="text/plain")

    def ready() -> Response:
        if context.ready():
            return Response("Ready", content_type="text/plain")
        return Response("Not ready", 503, content_type="text/plain")

    routes = (
        Route("/livez", "GET", "livez", live, Scope.PROBE),
        Route("/readyz", "GET", "readyz", ready, Scope.PROBE),
        Route("/<path:_>/livez", "GET", "livez_below", lambda _: live(), Scope.PROBE),
        Route("/<path:_>/readyz", "GET", "readyz_below", lambda _: ready(), Scope.PROBE),
    )
    errors = drum_form(hide_errors=context.settings.hide_errors)
    return Contract("probes", errors, routes, below_prefix=False)
