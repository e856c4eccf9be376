"""The requests that are made of a pool: which rows, in which company, in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.oracle.case import Random
from tests.oracle.pool import Pool

COMPANY = 8
ALONE = 10
BRIEF_ODD = 3
FAR = 40_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        place: Where the rows stand that it is about: alone, first, beside something.
        rows: Places of the rows in the pool.
        order: The order of the columns.
        repeat: How often the first row is sent before all of them.
    """

    place: str
    rows: tuple[int, ...]
    order: tuple[int, ...]
    repeat: int = 0


def each_alone(pool: Pool, rows: Sequence[int]) -> list[Request]:
    """Return a request for each of some rows."""
    return [Request("alone", (row,), _straight(pool)) for row in rows]


def requests_of(pool: Pool, rows: Sequence[int], rng: Random, *, named: bool) -> list[Request]:
    """Return the requests about some rows of a pool."""
    usual = [place for place in rows if place not in pool.odd]
    straight = _straight(pool)
    step = max(1, len(usual) // ALONE)
    alone = [row for row in rows if row in pool.odd or row % step == 0]
    made = [
        *each_alone(pool, alone),
        Request("batch", tuple(usual), straight),
        *_companies(usual, straight, rng),
        *_beside(pool, rows, usual, straight),
    ]
    if named and len(straight) > 1:
        made += _shuffled(usual, straight, rng)
    return [request for request in made if request.rows]


def in_brief(pool: Pool, requests: Sequence[Request]) -> list[Request]:
    """Return the most telling of some requests, for what differs little from something asked."""
    beside = [one for one in requests if one.place.startswith("beside")][:BRIEF_ODD]
    odd = {row for one in beside for row in one.rows if row in pool.odd}
    alone = [one for one in requests if one.place == "alone" and not odd.isdisjoint(one.rows)]
    usual = [one for one in requests if not one.place.startswith(("alone", "beside", "first"))]
    return [*alone, *usual, *beside]


def far_request(pool: Pool, usual: Sequence[int]) -> Request:
    """Return a request whose rows stand behind very many."""
    return Request("far", tuple(usual), _straight(pool), FAR)


def _straight(pool: Pool) -> tuple[int, ...]:
    return tuple(range(len(pool.columns.all)))


def _companies(usual: Sequence[int], order: tuple[int, ...], rng: Random) -> Iterator[Request]:
    if len(usual) <= COMPANY:
        return
    for name, place in (("first", 0), ("middle", COMPANY // 2), ("last", COMPANY - 1)):
        drawn = [usual[at] for at in rng.permutation(len(usual))]
        subject, others = drawn[0], drawn[1:COMPANY]
        yield Request(name, (*others[:place], subject, *others[place:]), order)


def _shuffled(usual: Sequence[int], order: tuple[int, ...], rng: Random) -> list[Request]:
    mixed = tuple(int(place) for place in rng.permutation(len(order)))
    return [
        Request("shuffled", tuple(usual), order[::-1]),
        Request("shuffled", tuple(usual[:COMPANY]), mixed),
    ]


def _beside(
    pool: Pool, rows: Sequence[int], usual: Sequence[int], order: tuple[int, ...]
) -> Iterator[Request]:
    for number, odd in enumerate(place for place in rows if place in pool.odd):
        if not usual:
            return
        kind = f"beside-{pool.odd[odd].partition(':')[0]}"
        subject = usual[number % len(usual)]
        others = tuple(usual[(number + step) % len(usual)] for step in range(1, 4))
        together = (odd, *others, subject) if number % 2 else (subject, odd)
        yield Request(kind, together, order)
