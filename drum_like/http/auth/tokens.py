"""Signed tokens (JWT) of OpenID Connect issuers; needs the extra `jwt`."""

import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Any
from urllib.request import urlopen

import jwt
from jwt import PyJWK
from werkzeug.exceptions import ServiceUnavailable

from drum_like.errors import SettingsError
from drum_like.http.auth import Principal
from drum_like.http.auth.credentials import Issuer

logger = logging.getLogger(__name__)

_OF_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS = (*_OF_RSA, "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that a public key can check; never a shared secret, never none."""

_PUBLIC = frozenset({"RSA", "EC", "OKP"})
"""Kinds of keys that anybody may know."""

LEEWAY_S = 30
"""The largest difference between the clocks of the issuer and of this machine."""

FRESH_S = 300.0
"""Age up to which keys are used without asking for them again."""

PAUSE_S = 10.0
"""Least time between two attempts to get keys: callers can make up names of keys."""

FETCH_S = 5.0
"""Time that the issuer has to give its keys."""

LARGEST = 1 << 20
"""Bytes of a key set."""

REMEMBERED, REMEMBERED_S = 1024, 60.0
"""Tokens known to be right that are not checked again, and for how long."""


class Tokens:
    """Finds who shows a token.

    Args:
        issuers: Whose tokens are believed.

    Raises:
        SettingsError: a file of keys cannot be read.
    """

    def __init__(self, issuers: tuple[Issuer, ...]) -> None:
        self._known = [(issuer, KeySet(_source(issuer.jwks))) for issuer in issuers]
        self._right: OrderedDict[bytes, tuple[Principal, float, float]] = OrderedDict()
        self._lock = Lock()
        for issuer, keys in self._known:
            if not _is_url(issuer.jwks):
                keys.load()

    def can_read(self, shown: str) -> bool:
        """Return whether a word has the form of a token."""
        if shown.count(".") != 2:
            return False
        try:
            jwt.get_unverified_header(shown)
        except (jwt.PyJWTError, RecursionError):  # JSON in lists in lists
            return False
        return True

    def owner(self, shown: str) -> Principal | None:
        """Return the principal of a token, None if it is invalid, expired, or for another audience.

        Raises:
            ServiceUnavailable: the issuer does not give its keys.
        """
        try:
            head = jwt.get_unverified_header(shown)
            claimed = jwt.decode(shown, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, RecursionError):  # JSON in lists in lists
            return None
        for issuer, keys in self._known:
            if issuer.issuer == claimed and (expires := _expiry(shown, head, issuer, keys)):
                self._remember(shown, issuer.principal, expires)
                return issuer.principal
        return None

    def remembered(self, shown: str) -> Principal | None:
        """Return the principal of a token that was valid a moment ago, by the clock as it is."""
        with self._lock:
            found = self._right.get(_digest(shown))
        if found is None or not found[1] - LEEWAY_S <= time() < found[2]:
            return None
        return found[0]

    def _remember(self, shown: str, owner: Principal, expires: float) -> None:
        known = (owner, time(), min(time() + REMEMBERED_S, expires + LEEWAY_S))
        with self._lock:
            self._right[_digest(shown)] = known
            while len(self._right) > REMEMBERED:
                self._right.popitem(last=False)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of an issuer.

    Attributes:
        name: As tokens name it, None if it has no name.
        key: As PyJWT takes it.
        algorithms: Of the signatures that it may check.
    """

    name: str | None
    key: Any
    algorithms: Sequence[str]


class KeySet:
    """The public keys of an issuer, asked for again when they are old or one is missing.

    Args:
        read: Gives the JSON Web Key Set.
    """

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._keys: tuple[PublicKey, ...] = ()
        self._loaded = self._tried = -float("inf")
        self._lock = Lock()

    def load(self) -> None:
        """Get the keys now.

        Raises:
            SettingsError: they are not there, or are no key set.
        """
        self._tried = monotonic()
        try:
            self._keys = _keys(self._read())
        except Exception as error:  # from network, disk, JSON or cryptography
            kind = type(error).__name__
            raise SettingsError(f"the keys of an issuer cannot be read ({kind})") from error
        self._loaded = self._tried

    def named(self, name: str | None) -> PublicKey | None:
        """Return the key of that name, or the only key for a token without one.

        Raises:
            ServiceUnavailable: there never were any keys.
        """
        found, is_old = self._find(name), monotonic() - self._loaded > FRESH_S
        if found is not None and not (is_old and self._lock.acquire(blocking=False)):
            return found  # while another asks the issuer, which may take its time
        if found is None:
            self._lock.acquire()
        try:
            if is_old or self._find(name) is None:
                self._refresh()
        finally:
            self._lock.release()
        if not self._keys:
            raise ServiceUnavailable("the issuer of the token does not answer", retry_after=10)
        return self._find(name)

    def _find(self, name: str | None) -> PublicKey | None:
        if name is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.name == name), None)

    def _refresh(self) -> None:
        if monotonic() - self._tried < PAUSE_S:
            return
        try:
            self.load()
        except SettingsError as error:
            logger.warning("%s; the keys known so far are used", error)


def _expiry(token: str, head: Mapping[str, Any], issuer: Issuer, keys: KeySet) -> float | None:
    """Return the expiry of a token in seconds since the epoch; None if it is not valid."""
    key = keys.named(head.get("kid"))
    if key is None:
        return None
    try:
        claims = jwt.decode(
            token,
            key.key,
            algorithms=key.algorithms,
            audience=issuer.audiences,
            issuer=issuer.issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud"]},
        )
    except jwt.PyJWTError:
        return None
    return float(claims["exp"])


def _keys(tree: Any) -> tuple[PublicKey, ...]:
    """Return the keys of a key set that check signatures.

    An RSA key that names no algorithm is for all of RSA's; PyJWT takes it for one of RS256 alone.

    Raises:
        ValueError: there are none.
    """
    found = []
    for entry in tree["keys"]:
        with suppress(jwt.PyJWTError):  # of a kind that PyJWT does not know
            key = PyJWK(entry)
            if key.key_type not in _PUBLIC or key.public_key_use not in (None, "sig"):
                continue
            is_any_rsa = key.key_type == "RSA" and not entry.get("alg")
            kept, algorithms = (key.key, _OF_RSA) if is_any_rsa else (key, ALGORITHMS)
            found.append(PublicKey(key.key_id, kept, algorithms))
    if not found:
        raise ValueError("no key that checks signatures")
    return tuple(found)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _is_url(place: str) -> bool:
    return place.startswith(("https://", "http://"))


def _source(place: str) -> Callable[[], Any]:
    if not _is_url(place):
        return lambda: json.loads(Path(place).read_bytes())

    def fetch() -> Any:
        with urlopen(place, timeout=FETCH_S) as response:  # noqa: S310 - http or https, see _is_url
            return json.loads(response.read(LARGEST))

    return fetch
