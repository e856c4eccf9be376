"""Authentication of callers by the server, before it reads the body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from werkzeug.exceptions import HTTPException, TooManyRequests

from drum_like.http.auth import Authenticator, Principal
from drum_like.http.auth.authenticator import KEY_HEADER

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
        return None if self.asks(environ) else Caller(None, is_asked=False)

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
            return Caller(self.authenticate(_headers(shown)), shown)
        except HTTPException as refusal:
            return Caller(None, shown, refusal)
        except Exception:  # noqa: BLE001 - the application asks again, and says what is wrong
            return Caller(None, is_asked=False)


def _shown(environ: Mapping[str, Any]) -> tuple[str, str]:
    return environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_API_KEY", "")


def _headers(shown: tuple[str, str]) -> dict[str, str]:
    return {"Authorization": shown[0], KEY_HEADER: shown[1]}
