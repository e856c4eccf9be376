"""The Flask application: one service, the contracts that settings name, and what they share."""

import re
from dataclasses import dataclass
from uuid import uuid4

from flask import Flask, Response, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized

from drum_like import __version__, custom_flask, drum_errors, logs, plugins
from drum_like.auth import Authenticator, Principal, Scope
from drum_like.auth.gate import authenticator
from drum_like.body import CheckedRequest
from drum_like.broken_service import BrokenService
from drum_like.errors import DrumLikeError, LoadError, SettingsError
from drum_like.lifecycle import Background, Readiness
from drum_like.loading import MODEL_VERSION, open_service
from drum_like.model_service import DRUM_VERSION
from drum_like.service import ModelInfo, Service
from drum_like.services import Services, SingleService
from drum_like.settings import Settings
from drum_like.stats import Timings

MIB = 1024 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class Application:
    """What a worker serves.

    Attributes:
        flask: The WSGI application.
        background: What lives as long as the worker, in the order of its start.
        lines: What the operator is told at start: model, target, labels.
    """

    flask: Flask
    background: tuple[Background, ...]
    lines: tuple[str, ...]


def create_app(settings: Settings, timings: Timings | None = None) -> Application:
    """Load the model and return the application that serves it.

    Args:
        settings: Every knob.
        timings: Shared with the other workers; None for a process of its own.

    Raises:
        LoadError: the model does not load, and settings do not ask for an error server.
        SettingsError: settings contradict the model, or the credentials are wrong.
    """
    # Before the model: whoever cannot be let in need not wait for it.
    authenticate = authenticator(
        settings.passphrase, settings.credentials, public=not settings.address.is_loopback
    )
    service, lines = _open(settings)
    readiness = Readiness()
    services = Services(SingleService(service), settings, timings or Timings(), readiness)
    app = Flask("drum_like", static_folder=None)
    app.request_class = CheckedRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_mb * MIB
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    scopes = _mount(app, services)
    _guard(app, scopes, authenticate)
    _share(app, services)
    if service.ready():
        custom_flask.extend(app, settings.code_dir)
    return Application(app, (readiness,), lines)


def _open(settings: Settings) -> tuple[Service, tuple[str, ...]]:
    """Return the service and what the operator is told about it."""
    try:
        service = open_service(settings)
    except (LoadError, SettingsError) as error:
        if not settings.with_error_server:
            raise
        name = settings.code_dir.name
        broken = BrokenService(error, ModelInfo(name, MODEL_VERSION, None, None, "target"))
        return broken, (f"the model did not load; every request is answered 513: {error}",)
    return service, service.notes


def _mount(app: Flask, services: Services) -> dict[str, Scope]:
    """Add every contract that the settings name; return the scope of each endpoint."""
    prefix = services.settings.url_prefix
    for name in services.settings.contracts:
        blueprint = plugins.load(plugins.CONTRACTS, name)(services)
        app.register_blueprint(blueprint, url_prefix=blueprint.url_prefix or prefix or None)
    return services.scopes | services.forms.mount(app, prefix)


def _guard(app: Flask, scopes: dict[str, Scope], authenticate: Authenticator) -> None:
    """Give every request an id and ask who sends it, before its body is read."""

    def guard() -> None:
        sent = request.headers.get("X-Request-ID", "")
        g.request_id = sent if _REQUEST_ID.fullmatch(sent) else str(uuid4())
        logs.set_request_id(g.request_id)
        if request.endpoint is None:
            return
        # A route of custom_flask.py says nothing: it is held to be one that predicts.
        needed = scopes.get(request.endpoint, Scope.PREDICT)
        if needed is not Scope.PROBE:
            g.principal = _admitted(authenticate(request.headers), needed)

    app.before_request(guard)


def _admitted(caller: Principal | None, needed: Scope) -> Principal:
    """Return a caller who may do what a route needs.

    Raises:
        Unauthorized: nobody knows the caller.
        Forbidden: the caller may do other things only.
    """
    if caller is None:
        challenge = WWWAuthenticate("bearer", {"realm": "drum-like server"})
        raise Unauthorized("Unauthorized", www_authenticate=challenge)
    if needed not in caller.scopes:
        raise Forbidden(f"this credential does not allow to {needed.value}")
    return caller


def _share(app: Flask, services: Services) -> None:
    """Add the headers and the forms of errors that belong to no contract."""
    settings = services.settings

    def http_error(error: HTTPException) -> Response:
        below = request.path.removeprefix(settings.url_prefix)
        return (services.forms.owner(below) or drum_errors.http_error)(error)

    fail = drum_errors.responder(hide_errors=settings.hide_errors)
    app.after_request(_sign)
    app.register_error_handler(DrumLikeError, fail)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, drum_errors.unexpected)


def _sign(response: Response) -> Response:
    """Add the headers that every answer carries."""
    response.headers["X_Request_ID"] = g.get("request_id", "")
    response.headers["X-Drum-Version"] = DRUM_VERSION
    response.headers["X-Drum-Like-Version"] = __version__
    return response
