"""The authenticator of the configured credentials."""

from importlib import import_module
from pathlib import Path
from typing import Any

from drum_like.errors import SettingsError
from drum_like.http.auth import ANYONE, STRANGER, Authenticator, Open, Principal, Scope, Shown
from drum_like.http.auth.credentials import Issuer, Secret, read_credentials
from drum_like.http.auth.passphrases import TRIES, CheckedWords, Secrets

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
        found = self.at_once(headers)
        shown = _bearer(headers)
        if found is not None or shown is None:
            return found
        if self._is_token(shown):
            owner: Principal | None = self._tokens.owner(shown)
            return owner
        return self._secrets.worked_out(shown, address)

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
