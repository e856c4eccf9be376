"""Authentication of callers by the server, before it reads the body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, HTTPException, TooManyRequests, Unauthorized

from drum_like.http.auth import STRANGER, Authenticator, Principal, Scope
from drum_like.http.auth.authenticator import KEY_HEADER
from drum_like.http.auth.web_pages import is_forwarded

CALLER = "drum_like.caller"
"""WSGI variable of a server that has found out who calls: a `Caller`."""

PATIENCE_S = 2.0
"""Time that a caller waits for its check, which may take a CPU or the network a while."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request, as far as the server has found it out.

    Attributes:
        principal: Who it is, None for a stranger.
        shown: The headers that it was found out by.
        refusal: Why it could not be found out.
        is_asked: Whether the caller was checked; otherwise the application checks it if it must.
    """

    principal: Principal | None
    shown: tuple[str, ...] = ()
    refusal: HTTPException | None = None
    is_asked: bool = True

    def answers_for(self, environ: Mapping[str, Any]) -> bool:
        """Return whether the caller was found out by the headers that a request still has.

        A custom_flask.py may put others in their place.
        """
        return self.is_asked and self.shown == _shown(environ)


@dataclass(frozen=True, slots=True)
class Admission:
    """Finds out who sends requests.

    Attributes:
        authenticate: Knows callers by their headers.
        asks: Whether the route of a request, by WSGI's variables, needs to know the caller.
    """

    authenticate: Authenticator
    asks: Callable[[Mapping[str, Any]], bool]

    def at_once(self, environ: Mapping[str, Any]) -> Caller | None:
        """Return the caller of a request without waiting, None if the check takes longer."""
        shown = _shown(environ)
        headers = _headers(shown)
        found = self.authenticate.at_once(headers)
        if found is not None or not self.authenticate.takes_longer(headers):
            return Caller(found, shown)
        if not self.asks(environ):
            return Caller(None, is_asked=False)
        try:
            self.authenticate.begin(headers, environ["REMOTE_ADDR"])
        except HTTPException as refusal:
            return Caller(None, shown, refusal)
        return None

    def worked_out(self, environ: Mapping[str, Any], since: float) -> Caller:
        """Return the caller of a request by a check that may take long.

        Args:
            environ: WSGI's variables.
            since: When `at_once` was asked, in monotonic seconds.
        """
        shown = _shown(environ)
        if monotonic() - since > PATIENCE_S:
            refusal = TooManyRequests("callers are being checked; try again", retry_after=1)
            return Caller(None, shown, refusal)
        try:
            caller = self.authenticate(_headers(shown), environ["REMOTE_ADDR"])
            return Caller(caller, shown)
        except HTTPException as refusal:
            return Caller(None, shown, refusal)
        except Exception:  # noqa: BLE001 - the application asks again, and says what is wrong
            return Caller(None, is_asked=False)


def sender(everybody: Principal | None, environ: Mapping[str, Any]) -> Principal | None:
    """Return the caller of a server without credentials, None where there are some.

    A proxy on this machine may send requests of others: what it forwards is not from here.

    Args:
        everybody: Who callers are, None where they are asked for credentials.
        environ: WSGI's variables.
    """
    return STRANGER if everybody is not None and is_forwarded(environ) else everybody


def admitted(caller: Principal | None, needed: Scope) -> Principal:
    """Return the caller if the route's scope is granted.

    Raises:
        Unauthorized: the caller is not known.
        Forbidden: the caller may do other things only.
    """
    if caller is None:
        challenge = WWWAuthenticate("bearer", {"realm": "drum-like server"})
        raise Unauthorized("Unauthorized", www_authenticate=challenge)
    if needed not in caller.scopes:
        raise Forbidden(f"this credential does not allow to {needed.value}")
    return caller


def _shown(environ: Mapping[str, Any]) -> tuple[str, str]:
    return environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_API_KEY", "")


def _headers(shown: tuple[str, str]) -> dict[str, str]:
    return {"Authorization": shown[0], KEY_HEADER: shown[1]}
