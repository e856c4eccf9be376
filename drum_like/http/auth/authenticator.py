"""Authentication of callers by the configured credentials, before their bodies are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, HTTPException, TooManyRequests, Unauthorized

from drum_like.errors import SettingsError
from drum_like.http.auth import ANYONE, STRANGER, Authenticator, Open, Principal, Scope, Shown
from drum_like.http.auth.credentials import Issuer, Secret, read_credentials
from drum_like.http.auth.passphrases import TRIES, CheckedWords, Secrets
from drum_like.http.auth.web_pages import is_forwarded

KEY_HEADER = "X-API-Key"
"""The header for API keys, beside Authorization."""


def authenticator(
    passphrase: str | None,
    credentials: Path | None,
    *,
    public: bool,
    checked: CheckedWords | None = None,
    tries: int = TRIES,
) -> Authenticator:
    """Return the authenticator of the given credentials.

    Args:
        passphrase: Lets its holder do everything; None without one.
        credentials: A file of further credentials; None without one.
        public: Whether other machines reach the server.
        checked: The words that the workers have checked; None for a process of its own.
        tries: The most wrong passphrases of an address in a minute.

    Raises:
        SettingsError: the file is wrong, or a token cannot be checked here.
    """
    known = () if credentials is None else read_credentials(credentials)
    if passphrase:
        known = (Secret(Principal("passphrase", frozenset(Scope)), passphrase), *known)
    if not known:
        return Open(STRANGER if public else ANYONE)
    secrets = Secrets([entry for entry in known if isinstance(entry, Secret)], checked, tries)
    issuers = tuple(entry for entry in known if isinstance(entry, Issuer))
    return _CredentialAuthenticator(secrets, _tokens(issuers) if issuers else None)


class _CredentialAuthenticator:
    """Authenticates callers by passphrases, API keys and tokens.

    Args:
        secrets: Knows passphrases and API keys.
        tokens: Knows tokens; None without issuers.
    """

    def __init__(self, secrets: Secrets, tokens: Any) -> None:
        self._secrets = secrets
        self._tokens = tokens

    def __call__(self, headers: Shown, address: str = "") -> Principal | None:
        """Return the principal of the credential shown, None if it is not known."""
        found = self.at_once(headers, address)
        shown = _bearer(headers)
        if found is not None or shown is None:
            return found
        if self._is_token(shown):
            owner: Principal | None = self._tokens.owner(shown)
            return owner
        return self._secrets.worked_out(shown, address)

    def at_once(self, headers: Shown, address: str = "") -> Principal | None:
        """Return the principal of a secret, or of a token checked a moment ago."""
        key, shown = headers.get(KEY_HEADER), _bearer(headers)
        found = self._secrets.find(_utf8(key), only_keys=True) if key else None
        if found is not None or shown is None:
            return None if found is None else found.principal
        found = self._secrets.find(shown)
        owner = self._tokens.remembered(shown) if self._tokens and not found else None
        if owner is None and (found is not None or not self._is_token(shown)):
            self._secrets.limit(shown, found, address)
        return found.principal if found is not None else owner

    def takes_longer(self, headers: Shown) -> bool:
        """Return whether a hash has to be worked out, or a token to be checked."""
        shown = _bearer(headers)
        return shown is not None and (self._is_token(shown) or self._secrets.is_unchecked(shown))

    def begin(self, headers: Shown, address: str) -> None:
        """Begin to work a hash out; raises as `Secrets.begin`."""
        shown = _bearer(headers)
        if shown is not None and not self._is_token(shown):
            self._secrets.begin(shown, address)

    def _is_token(self, shown: str) -> bool:
        """Return whether a word is for the issuers: no hash is worked out for a token."""
        return self._tokens is not None and self._tokens.can_read(shown)


def _tokens(issuers: tuple[Issuer, ...]) -> Any:
    """Return the checker of tokens; imports PyJWT."""
    try:
        module = import_module("drum_like.http.auth.tokens")
    except ImportError as error:
        raise SettingsError(
            "tokens of an issuer are checked with PyJWT, which is not installed; install "
            "drum-like[jwt]"
        ) from error
    return module.Tokens(issuers)


def _bearer(headers: Shown) -> str | None:
    """Return the bearer token, None without one."""
    scheme, _, value = (headers.get("Authorization") or "").strip().partition(" ")
    return _utf8(value.strip()) if scheme.lower() == "bearer" and value.strip() else None


def _utf8(header: str) -> str:
    """Return the text of a header, which WSGI hands over as Latin-1, as UTF-8."""
    return header.encode("latin-1", errors="replace").decode(errors="replace")


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
        headers, address = _headers(shown), environ["REMOTE_ADDR"]
        try:
            found = self.authenticate.at_once(headers, address)
            if found is not None or not self.authenticate.takes_longer(headers):
                return Caller(found, shown)
            if not self.asks(environ):
                return Caller(None, is_asked=False)
            self.authenticate.begin(headers, address)
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
