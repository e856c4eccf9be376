"""Passphrases and API keys, compared in a time that does not tell how much was right.

Of some only the hash is known. Working it out takes a CPU for tenths of a second on purpose, so
that is done once for a word, for one at a time, and not often for wrong words of one address.
Passphrases without a hash cannot be guessed quickly either: who has guessed too often is refused
even the right one. API keys are made by machines, too long to guess, and never refused.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, ip_address
from math import ceil
from mmap import mmap
from threading import Lock
from time import monotonic

from werkzeug.exceptions import TooManyRequests
from werkzeug.security import check_password_hash

from drum_like.http.auth import Principal
from drum_like.http.auth.credentials import Secret

QUEUE_S = 2.0
"""Time that a caller waits for its turn to have a hash checked, which takes a CPU for a while."""

TRIES = 10
"""Wrong passphrases of an address in a minute whose hashes are worked out, unless settings say."""

_QUEUED, _QUEUED_NEW, _QUEUED_OF_ADDRESS = 8, 4, 2
"""The most hashes that are worked out or wait for that: of all words, of those that were not
refused before, and of these from one address."""

_PLAIN_TRY = 0.1
"""The part of a try that a wrong word takes whose hash is not worked out."""

_ADDRESSES = 10_000
"""Addresses whose wrong passphrases are counted."""

_MINUTE_S = 60.0
_DIGEST_BYTES = 32


class DigestTable:
    """Digests in memory that processes share; a later one may take the place of another.

    Make it before the fork. A digest that two processes write at once is not found afterwards.

    Args:
        places: The most digests.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._memory = mmap(-1, places * _DIGEST_BYTES)

    def add(self, digest: bytes) -> None:
        """Keep a digest."""
        at = self._place(digest)
        self._memory[at : at + _DIGEST_BYTES] = digest

    def __contains__(self, digest: bytes) -> bool:
        """Return whether a digest is kept."""
        at = self._place(digest)
        return hmac.compare_digest(self._memory[at : at + _DIGEST_BYTES], digest)

    def _place(self, digest: bytes) -> int:
        return int.from_bytes(digest[:8]) % self._places * _DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class CheckedWords:
    """The words that were compared with hashes, in the memory that all workers share.

    Attributes:
        key: Of the digests; without it they say nothing about the words.
        right: Digests of passphrases, each with its entry.
        wrong: Digests of words that are no passphrase, and of words that were not checked.
    """

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    right: DigestTable = field(default_factory=lambda: DigestTable(1 << 12))
    wrong: DigestTable = field(default_factory=lambda: DigestTable(1 << 15))

    def digest(self, *parts: str) -> bytes:
        """Return the digest of some texts."""
        text = "\0".join((*(str(len(part)) for part in parts), *parts))
        return hmac.digest(self.key, text.encode(errors="surrogatepass"), hashlib.sha256)


class Tries:
    """Counts the wrong passphrases of each address.

    An address that has used up its tries gets them back one by one, for words that it repeats.

    Args:
        most: The most in a minute.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._left: OrderedDict[str, tuple[float, float, bool]] = OrderedDict()

    def take(self, address: str, *, is_repeated: bool, part: float = 1.0) -> None:
        """Use up a try, or a part of it.

        Raises:
            TooManyRequests: there is none left.
        """
        left, is_spent = self._of(address)
        if left < part or (is_spent and not is_repeated):
            self._keep(address, left, is_spent=True)
            raise TooManyRequests(
                "too many wrong passphrases from this address; try again later",
                retry_after=max(1, ceil((part - left) * _MINUTE_S / self._most)),
            )
        self._keep(address, left - part, is_spent=is_spent)

    def give_back(self, address: str, part: float = 1.0) -> None:
        """Return the try, or the part of one, that a right passphrase used up."""
        left, is_spent = self._of(address)
        self._keep(address, left + part, is_spent=is_spent)

    def _of(self, address: str) -> tuple[float, bool]:
        now = monotonic()
        left, since, is_spent = self._left.get(address, (self._most, now, False))
        left = min(self._most, left + (now - since) * self._most / _MINUTE_S)
        return left, is_spent and left < self._most

    def _keep(self, address: str, left: float, *, is_spent: bool) -> None:
        self._left[address] = (left, monotonic(), is_spent)
        self._left.move_to_end(address)
        if len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)


class Secrets:
    """Finds who shows a secret.

    Args:
        known: The configured secrets.
        checked: The words that the workers have checked; None for a process of its own.
        tries: The most wrong passphrases of an address in a minute.
    """

    def __init__(
        self, known: Sequence[Secret], checked: CheckedWords | None = None, tries: int = TRIES
    ) -> None:
        self._words = checked or CheckedWords()
        self._plain = [(self._words.digest(s.value), s) for s in known if not s.hashed]
        self._hashed = [secret for secret in known if secret.hashed]
        # After a reload with other entries a wrong word may be right.
        self._entries = self._words.digest(*(secret.value for secret in self._hashed)).hex()
        self._known: dict[bytes, Secret] = {}  # not more than there are hashes
        self._can_be_guessed = any(not secret.is_key for _, secret in self._plain)
        self._admitted: set[str] = set()  # not more than there are secrets
        self._tries = Tries(tries)
        self._running: dict[bytes, tuple[Future[Principal | None], str]] = {}
        self._lock = Lock()
        self._hasher = ThreadPoolExecutor(1, "hashes")

    def find(self, shown: str, *, only_keys: bool = False) -> Secret | None:
        """Return the secret that was shown, None if it is none or its hash is not known yet.

        Args:
            shown: The secret that the caller sent.
            only_keys: Whether passphrases do not count.
        """
        digest = self._words.digest(shown)
        found = None
        for known, secret in self._plain:
            # No early return: the time taken must not tell which entry matched.
            if hmac.compare_digest(known, digest) and (secret.is_key or not only_keys):
                found = found or secret
        return found if found is not None or only_keys else self._remembered(shown, digest)

    def limit(self, shown: str, found: Secret | None, address: str) -> None:
        """Count a passphrase without a hash, once, against those that its address may guess.

        Args:
            shown: The word that the caller sent.
            found: The secret that it is.
            address: The caller's.

        Raises:
            TooManyRequests: the address has sent too many wrong ones, and this one for the first
                time, be it right or wrong.
        """
        is_counted = (
            self._can_be_guessed and not self._hashed if found is None else _is_plain(found)
        )
        if not is_counted or shown in self._admitted:
            return
        seen = self._words.wrong if found is None else self._words.right
        tried, network = self._words.digest("tried", shown), _network(address)
        if tried not in seen:
            with self._lock:
                self._take(shown, network, _PLAIN_TRY)
                if found is not None:
                    self._tries.give_back(network, _PLAIN_TRY)
            seen.add(tried)
        if found is not None:
            self._admitted.add(shown)

    def is_unchecked(self, shown: str) -> bool:
        """Return whether a word may yet turn out to be a passphrase whose hash is known."""
        return bool(self._hashed) and self._wrong(shown) not in self._words.wrong

    def begin(self, shown: str, address: str) -> "Future[Principal | None]":
        """Return the check of an unchecked word, begun now unless it is under way.

        Args:
            shown: The word that the caller sent.
            address: The caller's, whose wrong words are counted.

        Raises:
            TooManyRequests: the address has sent too many, or others are before it.
        """
        wrong, network = self._wrong(shown), _network(address)
        with self._lock:
            if wrong in self._running:
                return self._running[wrong][0]
            self._admit(shown, network)
            running = self._hasher.submit(self._work_out, shown, network)
            self._running[wrong] = running, network
        running.add_done_callback(lambda _: self._forget(wrong))
        return running

    def worked_out(self, shown: str, address: str) -> Principal | None:
        """Return the principal of a hashed passphrase, None if it has none; raises as `begin`."""
        if not self.is_unchecked(shown):
            return None
        running = self.begin(shown, address)
        try:
            return running.result(QUEUE_S)
        except TimeoutError:
            if not (running.running() or running.done()):
                raise _busy() from None
        return running.result()

    def _forget(self, wrong: bytes) -> None:
        with self._lock:  # others count the checks under way
            self._running.pop(wrong, None)

    def _remembered(self, shown: str, digest: bytes) -> Secret | None:
        found = self._known.get(digest)
        if found is None:
            right = (s for s in self._hashed if self._right(s, shown) in self._words.right)
            found = next(right, None)
            if found is not None:
                self._known[digest] = found
        return found

    def _admit(self, shown: str, network: str) -> None:
        """Refuse a word, and note that, or have it checked.

        A caller that was told to come again does, and shows the same; whoever guesses does not.
        """
        is_repeated = self._again(shown) in self._words.wrong
        queued = [of for _, of in self._running.values()]
        has_room = (
            len(queued) < _QUEUED
            if is_repeated
            else (len(queued) < _QUEUED_NEW and queued.count(network) < _QUEUED_OF_ADDRESS)
        )
        if not has_room:
            self._words.wrong.add(self._again(shown))
            raise _busy()
        self._take(shown, network)

    def _take(self, shown: str, network: str, part: float = 1.0) -> None:
        """Use up a try for a word, or note that it was refused."""
        again = self._again(shown)
        try:
            self._tries.take(network, is_repeated=again in self._words.wrong, part=part)
        except TooManyRequests:
            self._words.wrong.add(again)
            raise

    def _work_out(self, shown: str, network: str) -> Principal | None:
        right = next((s for s in self._hashed if check_password_hash(s.value, shown)), None)
        if right is None:
            self._words.wrong.add(self._wrong(shown))
            return None
        self._words.right.add(self._right(right, shown))
        with self._lock:
            self._tries.give_back(network)
        return right.principal

    def _again(self, shown: str) -> bytes:
        return self._words.digest("again", shown)

    def _right(self, secret: Secret, shown: str) -> bytes:
        return self._words.digest("right", secret.value, shown)

    def _wrong(self, shown: str) -> bytes:
        return self._words.digest("wrong", self._entries, shown)


def _is_plain(secret: Secret) -> bool:
    """Return whether a secret is a passphrase without a hash."""
    return not (secret.hashed or secret.is_key)


def _busy() -> TooManyRequests:
    return TooManyRequests("passphrases are being checked; try again", retry_after=1)


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    """Return the addresses that one caller may have: one of IPv4, or a /64 of IPv6."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address) or found.ipv4_mapped:
        return str(getattr(found, "ipv4_mapped", None) or found)
    return str(found.packed[:8])
