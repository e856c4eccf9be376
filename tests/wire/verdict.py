"""The verdict over a stream: both readers see the same requests, or ours has closed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.wire.readers import GO_ON, OurReader, Outcome, by_gunicorn, is_expected
from tests.wire.streams import Seen, Stream, draw

_OTHER_READER = 8
"""One stream of this many is read by the reader that finds out who calls."""


@dataclass(slots=True)
class Tally:
    """Counts of streams by their verdict.

    Attributes:
        kinds: How many of each kind there were.
        failures: What is wrong, by number of the stream.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add what other streams have come to."""
        self.kinds += other.kinds
        self.failures |= other.failures


class Judge:
    """Reads streams with both readers.

    Args:
        seed: Of the run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._readers = OurReader(), OurReader(asks=True)

    def judge(self, numbers: Iterable[int]) -> Tally:
        """Return the counts of these streams."""
        tally = Tally()
        for number in numbers:
            stream = draw(self._seed, number)
            reader = self._readers[number % _OTHER_READER == 0]
            kind, failure = judged(stream, reader)
            tally.kinds[kind] += 1
            if failure:
                tally.failures[number] = failure
        return tally


def judged(stream: Stream, reader: OurReader) -> tuple[str, str]:
    """Return the kind of a stream, and what is wrong with its reading, if anything is."""
    theirs = by_gunicorn(stream.pieces)
    if stream.wanted is None:
        ours = reader.read(stream.pieces, ends=True)
        return _kind(ours, theirs), _odd_failure(ours, theirs)
    ours = reader.read(stream.pieces, ends=False)
    wanted = list(stream.wanted)
    if theirs.seen != wanted:
        return "valid", f"gunicorn itself reads {_shown(theirs.seen)} instead of {_shown(wanted)}"
    if ours.seen != wanted:
        return "valid", f"read {_shown(ours.seen)}, {ours.error!r}, not {_shown(wanted)}"
    if ours.closed != stream.closes:
        return "valid", f"the connection is closed: {ours.closed}, not {stream.closes}"
    return "valid, closed as asked" if stream.closes else "valid, kept", _told_failure(ours)


def _odd_failure(ours: Outcome, theirs: Outcome) -> str:
    if ours.seen != theirs.seen[: len(ours.seen)]:
        return f"read {_shown(ours.seen)}, where gunicorn reads {_shown(theirs.seen)}"
    if len(ours.seen) < len(theirs.seen) and ours.error is None and not ours.unread:
        return (
            f"lost requests: read {_shown(ours.seen)}, where gunicorn reads {_shown(theirs.seen)}"
        )
    if not is_expected(ours.error):
        return f"stopped for an unexpected reason: {ours.error!r}"
    return _told_failure(ours)


def _told_failure(ours: Outcome) -> str:
    """Return the fault in the words that the client got before an answer, if any."""
    expecting = sum(("EXPECT", "100-continue") in _lowered(seen) for seen in ours.seen)
    words = len(ours.told) // len(GO_ON)
    if ours.told != GO_ON * words:
        return f"told the client {ours.told!r}"
    return "" if words <= expecting + 1 else f"said {words} times to go on"


def _lowered(seen: Seen) -> set[tuple[str, str]]:
    return {(name, value.lower()) for name, value in seen.fields}


def _kind(ours: Outcome, theirs: Outcome) -> str:
    if len(ours.seen) < len(theirs.seen):
        return "odd, closed earlier than gunicorn"
    return "odd, refused by both" if theirs.error is not None else "odd, read by both"


def _shown(seen: list[Seen]) -> str:
    """Return requests in short."""
    return ", ".join(f"{one.method} {one.target} {one.body[:40]!r}" for one in seen) or "nothing"
