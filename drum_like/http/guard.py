"""The guard before the routes: who sends a request, for which page, and how deep its body is.

The server asks some of it by the head alone, before the body is read.
"""

from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from typing import Any

from flask import Flask, Request, after_this_request, g, request
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException

from drum_like.codecs.json.text import NESTED
from drum_like.config.server_settings import ServerSettings
from drum_like.http.accepted import ENCODING, compress
from drum_like.http.auth import Authenticator, Open, Principal, Scope
from drum_like.http.auth.authenticator import CALLER, Admission, Caller, admitted, sender
from drum_like.http.auth.web_pages import PageRules
from drum_like.http.expansion import EXPANSION, expand
from drum_like.http.json_body import BEFORE_WIDE, check_depth, json_part
from drum_like.http.mounting import Mounted
from drum_like.http.requests import CHANGE, CONTRACT, ROUTE, WHOLE
from drum_like.system import audit

NO_ROUTE = ""  # no endpoint has this name
_CODED, _FRAMED = "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"


def guard_requests(
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
    everybody = everybody_of(authenticate)

    def guard() -> None:
        asked = request_ctx.request  # each use of the proxy takes a microsecond
        environ, endpoint = asked.environ, asked.endpoint
        if ENCODING in environ:
            after_this_request(compress)
        # A route of custom_flask.py names no scope: it counts as one that predicts.
        needed = None if endpoint is None else scopes.get(endpoint, Scope.PREDICT)
        environ[CONTRACT] = owners.get(endpoint or NO_ROUTE)
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
    environ, action = asked.environ, changes.get(asked.endpoint or NO_ROUTE)
    change = None
    if action is not None and environ["REQUEST_METHOD"] != "OPTIONS":
        change = environ[CHANGE] = audit.begin(action, None, environ[CONTRACT] or "")
        named = asked.view_args or {}
        audit.about(**{_SUBJECTS.get(name, name): value for name, value in named.items()})
    caller = sender(everybody, environ) or _caller(authenticate)
    if caller is not None and change is not None:
        change.who = caller.name
    return admitted(caller, needed)


def everybody_of(authenticate: Authenticator) -> Principal | None:
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


def admission_of(
    app: Flask, scopes: Mapping[str, Scope], authenticate: Authenticator
) -> Admission | None:
    """Return the part that finds out who sends a request; None where everybody is let in."""
    if isinstance(authenticate, Open):
        return None

    def asks(environ: Mapping[str, Any]) -> bool:
        endpoint = endpoint_of(app, environ)
        return endpoint is not None and scopes.get(endpoint) is not Scope.PROBE

    return Admission(authenticate, asks)


def probes_of(app: Flask, at_once: Container[str | None]) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that says whether a request is for a route that needs no model."""

    def is_probe(environ: Mapping[str, Any]) -> bool:
        return endpoint_of(app, environ) in at_once

    return is_probe


def body_limit(
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
        endpoint = endpoint_of(app, environ) or NO_ROUTE
        needed = mounted.scopes.get(endpoint, Scope.PREDICT)
        known = sender(everybody, environ) or (caller.principal if caller is not None else None)
        if known is None or needed not in known.scopes or pages.refusal(environ, needed):
            return 0
        return mounted.body_limits.get(endpoint, usual)

    return limit


_METHODS = ("GET", "POST", "PUT", "OPTIONS")
_PATHS = 256
_OWN_HOST = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
"""WSGI variables to find a route with: every host has the same ones."""


def page_methods(app: Flask, for_pages: Container[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a function that gives the methods of a path whose answers web pages may read.

    Args:
        app: Knows the routes.
        for_pages: Endpoints with such answers.
    """

    @lru_cache(maxsize=_PATHS)
    def methods(path: str) -> tuple[str, ...]:
        asked = ({**_OWN_HOST, "PATH_INFO": path, "REQUEST_METHOD": name} for name in _METHODS)
        *found, options = (endpoint_of(app, environ) for environ in asked)
        names = tuple(n for n, at in zip(_METHODS, found, strict=False) if at in for_pages)
        # Flask answers OPTIONS of paths without a route for it: with the endpoint of another one.
        has_own = options in for_pages and options not in found
        return (*names, "OPTIONS") if has_own else names

    return methods


def endpoint_of(app: Flask, environ: Mapping[str, Any]) -> str | None:
    """Return the name of the route that answers a request, None if there is none."""
    try:
        endpoint, _ = app.url_map.bind_to_environ(dict(environ)).match()
    except HTTPException:
        return None
    return str(endpoint)
