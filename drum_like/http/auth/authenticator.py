"""The authenticator of the configured credentials."""

from importlib import import_module
from pathlib import Path
from typing import Any

from drum_like.errors import SettingsError
from drum_like.http.auth import ANYONE, STRANGER, Authenticator, Open, Principal, Scope, Shown
from drum_like.http.auth.credentials import Credential, Issuer, Secret, read_credentials
from drum_like.http.auth.passphrases import Secrets

KEY_HEADER = "X-API-Key"
"""The header for API keys, beside Authorization."""


def authenticator(
    passphrase: str | None, credentials: Path | None, *, public: bool
) -> Authenticator:
    """Return the authenticator of the given credentials.

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
        return Open(STRANGER if public else ANYONE)
    return _CredentialAuthenticator(known)


class _CredentialAuthenticator:
    """Authenticates callers by passphrases, API keys and tokens.

    Args:
        known: The configured credentials.
    """

    def __init__(self, known: tuple[Credential, ...]) -> None:
        self._secrets = Secrets([entry for entry in known if isinstance(entry, Secret)])
        issuers = tuple(entry for entry in known if isinstance(entry, Issuer))
        self._tokens = _tokens(issuers) if issuers else None

    def __call__(self, headers: Shown) -> Principal | None:
        """Return the principal of the credential shown, None if it is not known."""
        found = self.at_once(headers)
        shown = _bearer(headers)
        if found is not None or shown is None:
            return found
        found = self._tokens.owner(shown) if self._tokens is not None else None
        return found or self._secrets.worked_out(shown)

    def at_once(self, headers: Shown) -> Principal | None:
        """Return the principal of a secret, or of a token checked a moment ago."""
        key, shown = headers.get(KEY_HEADER), _bearer(headers)
        found = self._secrets.owner(_utf8(key), only_keys=True) if key else None
        if found is not None or shown is None:
            return found
        found = self._secrets.owner(shown)
        if found is None and self._tokens is not None:
            found = self._tokens.remembered(shown)
        return found

    def takes_longer(self, headers: Shown) -> bool:
        """Return whether a hash has to be worked out, or a token to be checked."""
        if _bearer(headers) is None:
            return False
        return self._tokens is not None or self._secrets.has_hashes


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
