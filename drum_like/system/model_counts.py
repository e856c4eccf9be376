"""Counts and times of requests by model, over all worker processes."""

import mmap
import struct
import time
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from operator import add
from threading import Lock
from typing import NamedTuple

_ENTRY = struct.Struct("=16s9q")
_NONE = bytes(16)

MODELS = 1000
"""Models that a worker counts; requests to further ones are not counted."""


class Counts(NamedTuple):
    """Requests to a model.

    Attributes:
        good: Requests that were answered.
        good_ns: Their time in nanoseconds.
        bad: Requests that were refused, or failed.
        bad_ns: Their time.
        rows: Rows of the good ones.
        input_ns: Time of the good ones before the model was asked.
        predict_ns: Time in the model.
        output_ns: Time after that.
        last_ms: When the last one came, in milliseconds since 1970; 0 before the first.
    """

    good: int = 0
    good_ns: int = 0
    bad: int = 0
    bad_ns: int = 0
    rows: int = 0
    input_ns: int = 0
    predict_ns: int = 0
    output_ns: int = 0
    last_ms: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Return the sums, and the later time."""
        sums = Counts(*map(add, self, other))
        return sums._replace(last_ms=max(self.last_ms, other.last_ms))


class ModelCounts:
    """Counts of all workers, in memory that they share.

    Make it before the fork. Each worker writes to a part of its own, so that no lock crosses a
    process border; the next owner of a part goes on where the last one ended.

    Args:
        slots: The most workers that ever live at one time.
    """

    def __init__(self, slots: int = 1) -> None:
        size = MODELS * _ENTRY.size
        self._memory = mmap.mmap(-1, slots * size)
        self._starts = range(0, slots * size, size)
        self._lock = Lock()
        self.claim(0)

    def claim(self, slot: int) -> None:
        """Write to this part from now on; called in the worker, after the fork.

        Args:
            slot: A number that no other live worker has.
        """
        start = self._starts[slot]
        self._places = {key: at for at, key, _ in self._entries(start)}
        self._free = start + len(self._places) * _ENTRY.size
        self._end = start + MODELS * _ENTRY.size

    def record(self, model: str, version: str, counts: Counts) -> None:
        """Add requests to those of a version of a model; `last_ms` is now."""
        key = _key(model, version)
        counts = counts._replace(last_ms=time.time_ns() // 1_000_000)
        with self._lock:
            at = self._places.get(key)
            if at is not None:
                counts = counts.plus(Counts(*_ENTRY.unpack_from(self._memory, at)[1:]))
            elif self._free < self._end:
                at = self._places[key] = self._free
                self._free += _ENTRY.size
            if at is not None:
                _ENTRY.pack_into(self._memory, at, key, *counts)

    def of(self, model: str, version: str) -> Counts:
        """Return the sums of a version of a model."""
        key, found = _key(model, version), Counts()
        for start in self._starts:
            for _, known, counts in self._entries(start):
                found = found.plus(counts) if known == key else found
        return found

    def _entries(self, start: int) -> Iterator[tuple[int, bytes, Counts]]:
        """Yield the entries of a part: place, key, counts."""
        for at in range(start, start + MODELS * _ENTRY.size, _ENTRY.size):
            key, *numbers = _ENTRY.unpack_from(self._memory, at)
            if key == _NONE:
                return
            yield at, key, Counts(*numbers)


@lru_cache(maxsize=MODELS)
def _key(model: str, version: str) -> bytes:
    return blake2b(f"{model}\0{version}".encode(errors="replace"), digest_size=16).digest()
