"""The Flask application: the models, the contracts that settings name, and their shared parts."""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from random import Random
from typing import Any
from uuid import UUID

from flask import Flask, Request, after_this_request, g, request
from flask.globals import request_ctx
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter
from werkzeug.wrappers import Request as HttpRequest

from drum_like import __version__, logs
from drum_like.codecs.json.text import NESTED
from drum_like.config.server_settings import ServerSettings
from drum_like.errors import NotLoadedError
from drum_like.http.accepted import ENCODING, compress
from drum_like.http.auth import ANYONE, Authenticator, Open, Principal, Scope
from drum_like.http.auth.authenticator import (
    CALLER,
    Admission,
    Caller,
    admitted,
    authenticator,
    sender,
)
from drum_like.http.auth.passphrases import CheckedWords
from drum_like.http.auth.web_pages import PageRules, page_rules, read_by_pages
from drum_like.http.contract import ContractContext
from drum_like.http.errors import drum_form
from drum_like.http.expansion import EXPANSION, Expansion, expand
from drum_like.http.json_body import BEFORE_WIDE, check_depth, json_part
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
from drum_like.system import audit
from drum_like.system.lifecycle import Background, Readiness
from drum_like.system.marks import MARKS
from drum_like.system.shared_text import SharedText
from drum_like.system.stats import Timings

MIB = 1024 * 1024
_NO_ROUTE = ""  # no endpoint has this name
_CODED, _FRAMED = "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"
_TRACE, _TIMING = "HTTP_TRACEPARENT", "HTTP_X_SERVER_TIMING"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


_NO_SESSION = NullSession()

_HOSTS = 64
_OF_HOST = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "SCRIPT_NAME")


class _Sessions(SecureCookieSessionInterface):
    """Sessions for custom_flask.py; without a secret key no request gets one of its own."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of a request; without a secret key, one that holds nothing."""
        keyed = app.config["SECRET_KEY"]
        return super().open_session(app, request) if keyed else _NO_SESSION


class _Routes(Map):
    """Routes that look at the name of a host once, not at every request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._of_host = lru_cache(maxsize=_HOSTS)(self._adapter_of_host)

    def bind_to_environ(
        self,
        environ: dict[str, Any] | HttpRequest,
        server_name: str | None = None,
        subdomain: str | None = None,
    ) -> MapAdapter:
        """Return the adapter that finds the route of a request; see werkzeug.

        Raises:
            HTTPException: there can be no such host.
        """
        told = environ if isinstance(environ, dict) else environ.environ
        if "HTTP_UPGRADE" in told:
            return super().bind_to_environ(told, server_name, subdomain)
        query = told.get("QUERY_STRING")
        alike = self._of_host(server_name, subdomain, *map(told.get, _OF_HOST))
        return MapAdapter(
            self,
            alike.server_name,
            alike.script_name,
            alike.subdomain,
            alike.url_scheme,
            told.get("PATH_INFO", "/").encode("latin-1").decode(errors="replace"),
            told["REQUEST_METHOD"],
            query and query.encode("latin-1").decode(errors="replace"),
        )

    def _adapter_of_host(
        self, server_name: str | None, subdomain: str | None, *values: str | None
    ) -> MapAdapter:
        told = zip(_OF_HOST, values, strict=True)
        environ = {name: value for name, value in told if value is not None}
        return super().bind_to_environ({**environ, "REQUEST_METHOD": "GET"}, server_name, subdomain)


class _Flask(Flask):
    """Flask that finds out once, not at every request, which functions are coroutines."""

    session_interface = _Sessions()
    url_map_class = _Routes

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ensure_sync = lru_cache(maxsize=None)(super().ensure_sync)  # type: ignore[method-assign]


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
    app = _Flask("drum_like", static_folder=None)
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
        settings.host, settings.allowed_hosts, is_private=_everybody(authenticate) is ANYONE
    )
    _guard(app, mounted, authenticate, pages, settings)
    finish = partial(_finished, app, mounted.for_pages, settings.cors_origins)
    app.wsgi_app = finish(app.wsgi_app)  # type: ignore[method-assign,assignment]
    is_extended = _has_own_model(sources.resolver) and extend(app, settings.model.code_dir)
    of_contracts = chain.from_iterable(one.background for one in mounted.contracts)
    background = (*sources.background, *of_contracts, readiness)
    most = settings.max_body_mb * MIB
    everybody = _everybody(authenticate)
    # custom_flask.py may answer where there is no route.
    limits = {_NO_ROUTE: most if is_extended else 0, **mounted.body_limits}
    limit = _body_limit(app, replace(mounted, body_limits=limits), most, everybody, pages)
    admission = None if everybody is not None else _admission(app, mounted.scopes, authenticate)
    probes, refuse = _probes(app, mounted.at_once), finish(_refusing(app, mounted))
    return Application(app, background, sources.lines, limit, admission, probes, refuse)


def _has_own_model(resolver: Resolver) -> bool:
    """Return whether the server was started for a model, and it loaded."""
    try:
        return resolver.default() is not None
    except NotLoadedError:
        return False


def _expansion(settings: ServerSettings) -> Expansion:
    most_mb = min(settings.max_expanded_mb, settings.max_body_mb or settings.max_expanded_mb)
    return Expansion(most_mb * MIB, settings.max_expansion)


def _guard(
    app: Flask,
    mounted: Mounted,
    authenticate: Authenticator,
    pages: PageRules,
    settings: ServerSettings,
) -> None:
    """Ask who sends a request, for which page; then expand its body, and look how deep it is."""
    scopes, owners, with_tensors = mounted.scopes, mounted.owners, mounted.with_tensors
    changes = mounted.changes
    # Without credentials the headers need no look, and Flask need not make an object of them.
    everybody = _everybody(authenticate)

    def guard() -> None:
        asked = request_ctx.request  # each use of the proxy takes a microsecond
        environ, endpoint = asked.environ, asked.endpoint
        if ENCODING in environ:
            after_this_request(compress)
        # A route of custom_flask.py names no scope: it counts as one that predicts.
        needed = None if endpoint is None else scopes.get(endpoint, Scope.PREDICT)
        environ[CONTRACT] = owners.get(endpoint or _NO_ROUTE)
        environ[ROUTE] = asked.url_rule and asked.url_rule.rule
        if not pages.answers_for(environ.get("HTTP_HOST")):
            pages.check(environ, needed)
        if needed is None or needed is Scope.PROBE:
            return
        if everybody is not None and endpoint not in changes:
            g.principal = everybody
        else:
            g.principal = _admit(asked, needed, changes, everybody, authenticate)
            pages.check(environ, needed)
        # A route of custom_flask.py decides itself how it reads bodies.
        if (_CODED in environ or _FRAMED in environ) and endpoint in scopes:
            expand(asked, app.config[EXPANSION])
        # JSON, as it seems, in UTF-8 or in wider letters; a function of its own would be a call.
        if (body := environ.get(WHOLE)) is not None and body.lstrip(BEFORE_WIDE)[:1] in NESTED:
            check_depth(
                json_part(environ, body) if endpoint in with_tensors else body,
                settings.max_json_depth,
                settings.payload.limits,
            )

    app.before_request(guard)


_SUBJECTS = {"name": "model", "configuration_id": "configuration"}
"""Kinds of subjects in the audit log, by the parameters of rules that are named otherwise."""


def _admit(
    asked: Request,
    needed: Scope,
    changes: Mapping[str, str],
    everybody: Principal | None,
    authenticate: Authenticator,
) -> Principal:
    """Return the caller of a request; begin its line in the audit log if it makes a change.

    Raises:
        HTTPException: the caller is not let in, or could not be found out.
    """
    environ, action = asked.environ, changes.get(asked.endpoint or _NO_ROUTE)
    change = None
    if action is not None and environ["REQUEST_METHOD"] != "OPTIONS":
        change = environ[CHANGE] = audit.begin(action, None, environ[CONTRACT] or "")
        named = asked.view_args or {}
        audit.about(**{_SUBJECTS.get(name, name): value for name, value in named.items()})
    caller = sender(everybody, environ) or _caller(authenticate)
    if caller is not None and change is not None:
        change.who = caller.name
    return admitted(caller, needed)


def _everybody(authenticate: Authenticator) -> Principal | None:
    """Return the principal of every caller, None where callers are asked for credentials."""
    return authenticate.principal if isinstance(authenticate, Open) else None


def _caller(authenticate: Authenticator) -> Principal | None:
    """Return the caller of the request, as the server found it out, or by its headers.

    Raises:
        HTTPException: it could not be found out.
    """
    known = request.environ.get(CALLER)
    if known is None or not known.answers_for(request.environ):
        return authenticate(request.headers, request.remote_addr or "")
    if known.refusal is not None:
        raise known.refusal
    principal: Principal | None = known.principal
    return principal


def _admission(app: Flask, scopes: Mapping[str, Scope], authenticate: Authenticator) -> Admission:
    def asks(environ: Mapping[str, Any]) -> bool:
        endpoint = _endpoint(app, environ)
        return endpoint is not None and scopes.get(endpoint) is not Scope.PROBE

    return Admission(authenticate, asks)


def _probes(app: Flask, at_once: Container[str | None]) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that says whether a request is for a route that needs no model."""

    def is_probe(environ: Mapping[str, Any]) -> bool:
        return _endpoint(app, environ) in at_once

    return is_probe


def _body_limit(
    app: Flask,
    mounted: Mounted,
    usual: int,
    everybody: Principal | None,
    pages: PageRules,
) -> Callable[[Mapping[str, Any], Caller | None], int]:
    """Return a function that gives the limit of a body: 0 if its sender may not send it.

    Args:
        app: Knows the routes.
        mounted: Their scopes, and the most bytes of a body, for some.
        usual: The most bytes for all others.
        everybody: Who every caller is, None where callers are asked for credentials.
        pages: The rules for requests of web pages.
    """

    def limit(environ: Mapping[str, Any], caller: Caller | None) -> int:
        endpoint = _endpoint(app, environ) or _NO_ROUTE
        needed = mounted.scopes.get(endpoint, Scope.PREDICT)
        known = sender(everybody, environ) or (caller.principal if caller is not None else None)
        if known is None or needed not in known.scopes or pages.refusal(environ, needed):
            return 0
        return mounted.body_limits.get(endpoint, usual)

    return limit


def _endpoint(app: Flask, environ: Mapping[str, Any]) -> str | None:
    """Return the name of the route that answers a request, None if there is none."""
    try:
        endpoint, _ = app.url_map.bind_to_environ(dict(environ)).match()
    except HTTPException:
        return None
    return str(endpoint)


_METHODS = ("GET", "POST", "PUT", "OPTIONS")
_PATHS = 256
_OWN_HOST = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
"""WSGI variables to find a route with: every host has the same ones."""


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

    @lru_cache(maxsize=_PATHS)
    def methods(path: str) -> tuple[str, ...]:
        asked = ({**_OWN_HOST, "PATH_INFO": path, "REQUEST_METHOD": name} for name in _METHODS)
        *found, options = (_endpoint(app, environ) for environ in asked)
        names = tuple(n for n, at in zip(_METHODS, found, strict=False) if at in for_pages)
        # Flask answers OPTIONS of paths without a route for it: with the endpoint of another one.
        has_own = options in for_pages and options not in found
        return (*names, "OPTIONS") if has_own else names

    return _signed(read_by_pages(application, origins, methods) if origins else application)


def _refusing(app: Flask, mounted: Mounted) -> Wsgi:
    """Return the application that answers the refusals of the server, by the path alone.

    A request that its contract has begun to answer has the form of that one. Nothing of
    custom_flask.py is asked: it may be what the request waits for. So the contexts of these answers
    are of another app, which has none of its functions, also not those of the end of a context.
    """
    own = _Flask("drum_like", static_folder=None)
    own.url_map, own.config, own.request_class = app.url_map, app.config, CheckedRequest
    finish = {one.name: one.finish for one in mounted.contracts}

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if (begun := environ.get(CONTRACT)) is not None:
            environ[CHOSEN] = begun
        environ[WHOLE] = b""
        with own.request_context(environ):
            environ[CONTRACT] = mounted.owners.get(request.endpoint or _NO_ROUTE)
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
