"""The file of credentials: passphrases, API keys, issuers of tokens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from werkzeug.security import generate_password_hash

from drum_like.config.value_types import secret
from drum_like.errors import SettingsError
from drum_like.http.auth import Principal, Scope
from drum_like.system.lazy import yaml

FORM = (
    "a list of entries, each with a `name` and one of `passphrase`, `passphrase_hash`, `api_key` "
    "or `issuer`"
)
_GRANTABLE = {scope.value: scope for scope in (Scope.PREDICT, Scope.OBSERVE, Scope.ADMIN)}
_WAYS = {
    "passphrase": frozenset[str](),
    "passphrase_hash": frozenset[str](),
    "api_key": frozenset[str](),
    "issuer": frozenset({"audience", "jwks"}),
}
_HASH = re.compile(r"((?:pbkdf2|scrypt):[^$]+)\$[^$]+\$([0-9a-f]+)")
"""A hash: method, salt and digest."""

_ALWAYS = frozenset({"name", "scopes"})


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that only its holder knows, sent as it is.

    Attributes:
        principal: Who shows it.
        value: The text itself, or its hash.
        hashed: Whether `value` is a hash.
        is_key: Whether it is an API key, which has a header of its own, too.
    """

    principal: Principal
    value: str
    hashed: bool = False
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose signed tokens are trusted.

    Attributes:
        principal: Who shows such a token.
        issuer: The claim `iss` of its tokens.
        audiences: One of them has to be in the claim `aud`.
        jwks: File or URL of its public keys.
    """

    principal: Principal
    issuer: str
    audiences: tuple[str, ...]
    jwks: str


Credential = Secret | Issuer


def read_credentials(path: Path) -> tuple[Credential, ...]:
    """Return the entries of a YAML file, at least one.

    Raises:
        SettingsError: the file is wrong; the message names the entry, never a secret.
    """
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        # The texts of these errors quote lines of the file.
        raise SettingsError(f"{path.name} cannot be read as YAML in UTF-8") from None
    if not isinstance(tree, list) or not tree:
        raise SettingsError(f"{path.name} has to hold {FORM}")
    numbered = enumerate(tree, 1)
    return tuple(_entry(given, f"{path.name}, entry {at}", path) for at, given in numbered)


def _entry(given: Any, where: str, path: Path) -> Credential:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise SettingsError(f"{where}: the file has to hold {FORM}")
    ways = [way for way in _WAYS if way in given]
    if len(ways) != 1:
        raise SettingsError(f"{where}: one of {', '.join(_WAYS)} is needed, found {len(ways)}")
    way = ways[0]
    unknown = given.keys() - _ALWAYS - _WAYS[way] - {way}
    if unknown:
        raise SettingsError(f"{where}: unknown keys: {', '.join(sorted(map(str, unknown)))}")
    principal = Principal(given["name"], _scopes(given, where))
    if way == "issuer":
        return _issuer(principal, given, where, path)
    value = _text(given, way, where)
    if way == "passphrase_hash" and not _is_whole(value):
        raise SettingsError(
            f"{where}: a passphrase_hash begins with pbkdf2: or scrypt:, and is whole, as "
            "werkzeug.security's generate_password_hash writes it"
        )
    if way != "passphrase_hash":
        _check_secret(value, f"{where}: {way}")
    return Secret(principal, value, hashed=way == "passphrase_hash", is_key=way == "api_key")


def _is_whole(value: str) -> bool:
    """Return whether a hash can be worked out: by a method that there is, with all its digits."""
    found = _HASH.fullmatch(value)
    return found is not None and len(found[2]) == _digest_length(found[1])


@cache
def _digest_length(method: str) -> int:
    """Return the digits of a method's digests, 0 for no method; takes as long as one check does."""
    try:
        return len(generate_password_hash("", method).rpartition("$")[2])
    except (ValueError, OverflowError):
        return 0


def _check_secret(text: str, where: str) -> None:
    """Refuse a secret that no caller can send, or that anyone can guess."""
    try:
        secret(text)
    except ValueError as error:
        raise SettingsError(f"{where} {error}") from None


def _scopes(given: Mapping[str, Any], where: str) -> frozenset[Scope]:
    """Return the scopes of an entry: all that can be granted unless it names fewer."""
    words = given.get("scopes", list(_GRANTABLE))
    if not isinstance(words, list) or not words or not set(words) <= _GRANTABLE.keys():
        raise SettingsError(f"{where}: scopes must be a list of {', '.join(_GRANTABLE)}")
    return frozenset(_GRANTABLE[word] for word in words) | {Scope.PROBE}


def _issuer(principal: Principal, given: Mapping[str, Any], where: str, path: Path) -> Issuer:
    audience = given.get("audience")
    listed: list[Any] = audience if isinstance(audience, list) else [audience]
    audiences = tuple(name for name in listed if isinstance(name, str) and name)
    if not audiences or len(audiences) != len(listed):
        raise SettingsError(
            f"{where}: an issuer needs the `audience` that its tokens for this server name; "
            "without one, tokens for every other service of the issuer would be accepted"
        )
    jwks = _text(given, "jwks", where)
    if not jwks.startswith(("https://", "http://")):
        jwks = str(path.parent / jwks)
    return Issuer(principal, _text(given, "issuer", where), audiences, jwks)


def _text(given: Mapping[str, Any], key: str, where: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{where}: {key} must be text that is not empty; put it in quotes")
    return value
