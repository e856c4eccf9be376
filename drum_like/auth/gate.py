"""From what is configured to what checks a request."""

from importlib import import_module
from pathlib import Path
from typing import Any

from werkzeug.datastructures import Headers

from drum_like.auth import (
    Authenticator,
    Principal,
    Scope,
    allow_all,
    allow_strangers,
)
from drum_like.auth.credentials import Credential, Issuer, Secret, read_credentials
from drum_like.auth.passphrases import Secrets
from drum_like.errors import SettingsError

KEY_HEADER = "X-API-Key"
"""Where an API key may stand instead of in Authorization."""


def authenticator(
    passphrase: str | None, credentials: Path | None, *, public: bool
) -> Authenticator:
    """Return what tells who sends a request.

    Args:
        passphrase: Lets its holder do everything; None without one.
        credentials: A file of further credentials; None without one.
        public: Whether other machines reach the server.

    Raises:
        SettingsError: the file is wrong, or a token cannot be checked here.
    """
    known = () if credentials is None else read_credentials(credentials)
    if passphrase:
        known = (Secret(Principal("passphrase", frozenset(Scope)), passphrase), *known)
    if not known:
        return allow_strangers if public else allow_all
    return _gate(known)


def _gate(known: tuple[Credential, ...]) -> Authenticator:
    secrets = Secrets([entry for entry in known if isinstance(entry, Secret)])
    issuers = tuple(entry for entry in known if isinstance(entry, Issuer))
    tokens = _tokens(issuers) if issuers else None

    def authenticate(headers: Headers) -> Principal | None:
        key = headers.get(KEY_HEADER)
        found = secrets.owner(_utf8(key), only_keys=True) if key else None
        shown = _bearer(headers)
        if found is not None or shown is None:
            return found
        found = tokens.owner(shown) if tokens is not None else None
        return found or secrets.owner(shown)

    return authenticate


def _tokens(issuers: tuple[Issuer, ...]) -> Any:
    """Return what checks tokens; imports PyJWT."""
    try:
        module = import_module("drum_like.auth.tokens")
    except ImportError as error:
        raise SettingsError(
            "tokens of an issuer are checked with PyJWT, which is not installed; install "
            "drum-like[jwt]"
        ) from error
    return module.Tokens(issuers)


def _bearer(headers: Headers) -> str | None:
    """Return what stands behind `Bearer`, None without."""
    scheme, _, value = headers.get("Authorization", "").strip().partition(" ")
    return _utf8(value.strip()) if scheme.lower() == "bearer" and value.strip() else None


def _utf8(header: str) -> str:
    """Return the text of a header, which WSGI hands over as Latin-1, as UTF-8."""
    return header.encode("latin-1", errors="replace").decode(errors="replace")
