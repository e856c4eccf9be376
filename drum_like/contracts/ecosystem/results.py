"""Results of a decision: a model's prediction for one customer, ranked."""

from collections.abc import Iterator, Mapping
from typing import Any

from drum_like.codecs.json.values import floats
from drum_like.errors import EndpointError
from drum_like.inference.named_rows import Scored


def flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree as one object; empty lists and objects are left out."""
    return dict(_leaves("", tree))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = dict(enumerate(value)).items()
    else:
        yield path, value
        return
    for name, part in parts:
        yield from _leaves(f"{path}_{name}" if path else str(name), part)


Result = dict[str, Any]


def ranked(scored: Scored, uuid: str, most: int) -> list[Result]:
    """Return the best results for the one row, at most `most`: labels, or the one value.

    Raises:
        EndpointError: the model gives neither.
    """
    if scored.target.type.is_classification:
        return _labels(scored, uuid, most)
    if not scored.target.type.is_numeric:
        kind = scored.target.type.value
        raise EndpointError(f"a model of target type '{kind}' gives nothing to rank")
    value = floats(scored.prediction.column).tolist()[0]
    return [_entry(1, _Offer(scored.target.type.value, 0, value), uuid, {})]


def _labels(scored: Scored, uuid: str, most: int) -> list[Result]:
    labels = scored.target.order
    chances = scored.chances[0].tolist()
    details = dict(zip(labels, chances, strict=True))
    order = sorted(range(len(labels)), key=lambda at: -chances[at])[:most]
    return [
        _entry(rank, _Offer(labels[at], at, chances[at]), uuid, {"offer_details": details})
        for rank, at in enumerate(order, 1)
    ]


class _Offer:
    """An offer: its name, its number and its score."""

    __slots__ = ("name", "number", "score")

    def __init__(self, name: str, number: int, score: float) -> None:
        self.name = name
        self.number = number
        self.score = score


def _entry(rank: int, offer: _Offer, uuid: str, more: Result) -> Result:
    result = {
        "offer": offer.name,
        "offer_name": offer.name,
        "offer_id": offer.name,
        "score": offer.score,
        "final_score": offer.score,
        "modified_offer_score": offer.score,
        "offer_value": 1.0,
        "price": 1.0,
        "cost": 1.0,
        "uuid": uuid,
    }
    full = {
        **result,
        "offer_name_desc": f"{offer.name} - {offer.number}",
        "p": offer.score,
        "explore": 0,
        **more,
    }
    return {"rank": rank, "result": result, "result_full": full}
