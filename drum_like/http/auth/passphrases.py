"""Passphrases and API keys, compared in a time that does not tell how much was right."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from threading import BoundedSemaphore, Lock

from werkzeug.exceptions import TooManyRequests
from werkzeug.security import check_password_hash

from drum_like.http.auth import Principal
from drum_like.http.auth.credentials import Secret

REMEMBERED = 1024
"""Passphrases known to be right whose hash is not worked out again."""

QUEUE_S = 2.0
"""Time that a caller waits for its turn to have a hash checked, which takes a CPU for a while."""


class Secrets:
    """Finds who shows a secret.

    Args:
        known: The configured secrets.
    """

    def __init__(self, known: Sequence[Secret]) -> None:
        self._key = secrets.token_bytes(32)
        self._plain = [(self._digest(s.value), s) for s in known if not s.hashed]
        self._hashed = [secret for secret in known if secret.hashed]
        self._right: OrderedDict[bytes, Principal] = OrderedDict()
        self._lock = Lock()
        self._turn = BoundedSemaphore()

    @property
    def has_hashes(self) -> bool:
        """Whether of some secrets only the hash is known."""
        return bool(self._hashed)

    def owner(self, shown: str, *, only_keys: bool = False) -> Principal | None:
        """Return the principal of a secret, None if it has none or its hash is not known yet.

        Args:
            shown: The secret that the caller sent.
            only_keys: Whether passphrases do not count.
        """
        digest = self._digest(shown)
        found = None
        for known, secret in self._plain:
            # No early return: the time taken must not tell which entry matched.
            if hmac.compare_digest(known, digest) and (secret.is_key or not only_keys):
                found = found or secret.principal
        return found if found is not None or only_keys else self._remembered(digest)

    def worked_out(self, shown: str) -> Principal | None:
        """Return the principal of a hashed passphrase, None if it has none.

        Raises:
            TooManyRequests: others have had hashes worked out for too long.
        """
        if not self._hashed:
            return None
        if not self._turn.acquire(timeout=QUEUE_S):
            raise TooManyRequests("passphrases are being checked; try again", retry_after=1)
        try:
            right = [s for s in self._hashed if check_password_hash(s.value, shown)]
        finally:
            self._turn.release()
        if right:
            self._remember(self._digest(shown), right[0].principal)
        return right[0].principal if right else None

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), hashlib.sha256)

    def _remembered(self, digest: bytes) -> Principal | None:
        with self._lock:
            found = self._right.get(digest)
            if found is not None:
                self._right.move_to_end(digest)
            return found

    def _remember(self, digest: bytes, principal: Principal) -> None:
        with self._lock:
            self._right[digest] = principal
            while len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
