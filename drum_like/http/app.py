"""The Flask application: the models, the contracts that settings name, and their shared parts."""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from random import Random
from typing import Any
from uuid import UUID

from flask import Flask, request

from drum_like import __version__, logs
from drum_like.config.server_settings import ServerSettings
from drum_like.errors import NotLoadedError
from drum_like.http.auth import ANYONE
from drum_like.http.auth.authenticator import (
    Admission,
    Caller,
    authenticator,
)
from drum_like.http.auth.passphrases import CheckedWords
from drum_like.http.auth.web_pages import page_rules, read_by_pages
from drum_like.http.contract import ContractContext
from drum_like.http.errors import drum_form
from drum_like.http.expansion import EXPANSION, Expansion
from drum_like.http.flask_app import QuickFlask
from drum_like.http.guard import (
    NO_ROUTE,
    admission_of,
    body_limit,
    everybody_of,
    guard_requests,
    page_methods,
    probes_of,
)
from drum_like.http.mounting import Mounted, extend, make_contracts, mount
from drum_like.http.refusals import REFUSAL
from drum_like.http.requests import (
    CHANGE,
    CONTRACT,
    OWN_TRACE,
    REQUEST_ID,
    ROUTE,
    WHOLE,
    CheckedRequest,
)
from drum_like.http.shared_routes import CHOICE, CHOSEN
from drum_like.inference.model_service import DRUM_VERSION
from drum_like.inference.service import Resolver
from drum_like.registry.open import open_sources
from drum_like.system.lifecycle import Background, Readiness
from drum_like.system.marks import MARKS
from drum_like.system.shared_text import SharedText
from drum_like.system.stats import Timings

MIB = 1024 * 1024
_TRACE, _TIMING = "HTTP_TRACEPARENT", "HTTP_X_SERVER_TIMING"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Application:
    """The application of a worker, with its background, limits and admission.

    Attributes:
        flask: The WSGI application.
        background: The parts that live as long as the worker, in the order of their start.
        lines: The lines for the operator at start: model, target, labels.
        body_limit: The most bytes of a request's body, by WSGI's variables and its caller; 0
            for callers who may not send it.
        admission: Finds out who sends a request; None if everybody is let in.
        is_probe: Whether a request, by WSGI's variables, needs no model.
        refuse: The WSGI application that answers what the server refuses.
    """

    flask: Flask
    background: tuple[Background, ...]
    lines: tuple[str, ...]
    body_limit: Callable[[Mapping[str, Any], Caller | None], int]
    admission: Admission | None
    is_probe: Callable[[Mapping[str, Any]], bool]
    refuse: Wsgi


def create_app(
    settings: ServerSettings,
    timings: Timings | None = None,
    checked: CheckedWords | None = None,
    named: SharedText | None = None,
) -> Application:
    """Load the model, or open the catalog, and return the application that serves it.

    Args:
        settings: All settings.
        timings: Shared with the other workers; None for a process of its own.
        checked: The same of words that callers showed.
        named: The same of models that callers loaded.

    Raises:
        LoadError: the model does not load, and settings do not ask for an error server.
        SettingsError: settings contradict the model, the credentials are wrong, or the store's
            database is none.
        StoreError: the store cannot be used.
    """
    # Before the model: wrong credentials need not wait for its load.
    authenticate = authenticator(
        settings.passphrase,
        settings.credentials,
        public=not settings.address.is_loopback,
        checked=checked,
        tries=settings.passphrase_tries,
    )
    sources = open_sources(settings, named)
    readiness = Readiness()
    context = ContractContext(
        sources.resolver,
        settings,
        timings or Timings(),
        readiness,
        parts=sources.parts,
        serves_names=sources.serves_names,
    )
    app = QuickFlask("drum_like", static_folder=None)
    app.request_class = CheckedRequest
    app.config.update(
        {
            "MAX_CONTENT_LENGTH": settings.max_body_mb * MIB,
            "MAX_FORM_PARTS": settings.max_form_parts,
            EXPANSION: _expansion(settings),
        }
    )
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    usual = drum_form(hide_errors=settings.hide_errors)
    mounted = mount(
        app, make_contracts(context), usual, settings.url_prefix, settings.invocations_contract
    )
    pages = page_rules(
        settings.host, settings.allowed_hosts, is_private=everybody_of(authenticate) is ANYONE
    )
    guard_requests(app, mounted, authenticate, pages, settings)
    finish = partial(_finished, app, mounted.for_pages, settings.cors_origins)
    app.wsgi_app = finish(app.wsgi_app)  # type: ignore[method-assign,assignment]
    is_extended = _has_own_model(sources.resolver) and extend(app, settings.model.code_dir)
    of_contracts = chain.from_iterable(one.background for one in mounted.contracts)
    background = (*sources.background, *of_contracts, readiness)
    most = settings.max_body_mb * MIB
    everybody = everybody_of(authenticate)
    # custom_flask.py may answer where there is no route.
    limits = {NO_ROUTE: most if is_extended else 0, **mounted.body_limits}
    limit = body_limit(app, replace(mounted, body_limits=limits), most, everybody, pages)
    admission = admission_of(app, mounted.scopes, authenticate)
    is_probe, refuse = probes_of(app, mounted.at_once), finish(_refusing(app, mounted))
    return Application(app, background, sources.lines, limit, admission, is_probe, refuse)


def _has_own_model(resolver: Resolver) -> bool:
    """Return whether the server was started for a model, and it loaded."""
    try:
        return resolver.default() is not None
    except NotLoadedError:
        return False


def _expansion(settings: ServerSettings) -> Expansion:
    most_mb = min(settings.max_expanded_mb, settings.max_body_mb or settings.max_expanded_mb)
    return Expansion(most_mb * MIB, settings.max_expansion)


def _finished(
    app: Flask, for_pages: Container[str], origins: tuple[str, ...], application: Wsgi
) -> Wsgi:
    """Return an application whose answers have the headers that they share.

    Args:
        app: Knows the routes.
        for_pages: Endpoints whose answers web pages of `origins` may read.
        origins: Empty where no page may; then no request is looked at for that.
        application: Makes the answers.
    """
    if origins:
        application = read_by_pages(application, origins, page_methods(app, for_pages))
    return _signed(application)


def _refusing(app: Flask, mounted: Mounted) -> Wsgi:
    """Return the application that answers the refusals of the server, by the path alone.

    A request that its contract has begun to answer has the form of that one. Nothing of
    custom_flask.py is asked: it may be what the request waits for. So the contexts of these answers
    are of another app, which has none of its functions, also not those of the end of a context.
    """
    own = QuickFlask("drum_like", static_folder=None)
    own.url_map, own.config, own.request_class = app.url_map, app.config, CheckedRequest
    finish = {one.name: one.finish for one in mounted.contracts}

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if (begun := environ.get(CONTRACT)) is not None:
            environ[CHOSEN] = begun
        environ[WHOLE] = b""
        with own.request_context(environ):
            environ[CONTRACT] = mounted.owners.get(request.endpoint or NO_ROUTE)
            environ[ROUTE] = request.url_rule and request.url_rule.rule
            response = mounted.answer(environ[REFUSAL])
            finished = finish.get(environ[CONTRACT] or "")
            return (response if finished is None else finished(response))(environ, start_response)

    return answer


def _signed(application: Wsgi) -> Wsgi:
    """Return the application with an id for every request and the headers of every answer.

    Around Flask, not in it: an `after_request` that sets three headers takes 30 us of its own.
    """
    # An id protects nothing, so a cheap random number does; the system's would cost a call.
    random = Random()  # noqa: S311
    versions = (("X-Drum-Version", DRUM_VERSION), ("X-Drum-Like-Version", __version__))

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        sent = environ.get(REQUEST_ID) or environ.get("HTTP_X_REQUEST_ID", "")
        request_id = (
            sent
            if _REQUEST_ID.fullmatch(sent)
            else str(UUID(int=random.getrandbits(128), version=4))
        )
        logs.set_request_id(request_id)
        named = logs.trace_in(environ[_TRACE]) if _TRACE in environ else None
        logs.set_trace(named or environ.get(OWN_TRACE))
        environ[REQUEST_ID] = request_id

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            signed = [*headers, ("X_Request_ID", request_id), *versions]
            if environ.get(CONTRACT) is not None:
                signed.append((CHOICE, environ[CONTRACT]))
            if _TIMING in environ and (timing := MARKS.get().timing()):
                signed.append(("Server-Timing", timing))
            if CHANGE in environ:
                environ[CHANGE].answer(int(status[:3]))
            return start_response(status, signed, exc_info)

        return application(environ, start)

    return answer
