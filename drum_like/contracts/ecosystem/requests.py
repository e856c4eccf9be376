"""The body of a call for a decision: every spelling that callers use, read into one value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from drum_like.codecs.json.decode import Row
from drum_like.codecs.json.document import Document, read
from drum_like.contracts.ecosystem.decision_log.calls import Offer
from drum_like.errors import PayloadError

MOST_LEVELS = 64
"""The most levels of `in_params`."""

SUB_CAMPAIGN = ("sub-campaign", "subcampaign", "sub_campaign")
_PARAMS = ("in_params", "params", "in_param")
_COUNT = ("responses", "numberoffers")
_MOST_RESULTS = 1_000_000
_TEXT = frozenset({str})
_NESTED = frozenset({dict, list})


@dataclass(frozen=True, slots=True)
class InvokeRequest:
    """A request for a decision.

    Attributes:
        campaign: None if the body names none.
        sub_campaign: None if the body names none.
        channel: The channel that presents the result.
        customer: The customer that the decision is for.
        user: The user that asks.
        n_results: The most results wanted.
        in_params: Features of the customer, and options.
    """

    campaign: str | None
    sub_campaign: str | None
    channel: str
    customer: str
    user: str
    n_results: int
    in_params: Mapping[str, Any]

    @property
    def is_flat(self) -> bool:
        """Whether the answer is wanted without objects in objects."""
        return str(self.in_params.get("flatten_json", "")).lower() == "true"

    def row(self) -> Row:
        """Return the features that the caller sends; none without `input`.

        Raises:
            PayloadError: `input` and `value` are not lists of one length, or names are no text.
        """
        names, values = self.in_params.get("input"), self.in_params.get("value")
        if names is None and values is None:
            return {}
        if not isinstance(names, list) or not isinstance(values, list):
            raise PayloadError("in_params needs `input` and `value`, two lists of one length")
        if len(names) != len(values):
            raise PayloadError(
                f"in_params has {len(names)} names in `input` but {len(values)} values in `value`"
            )
        if not _TEXT.issuperset(map(type, names)) or len(set(names)) != len(names):
            raise PayloadError("in_params.input must be names, all different")
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True, slots=True)
class AcceptRequest:
    """A request that reports accepted offers.

    Attributes:
        uuid: Of the decision.
        offers: The accepted ones.
        channel: The channel; "" if the body names none.
    """

    uuid: str
    offers: Sequence[Offer]
    channel: str


def _value(text: bytes) -> Any:
    return read(text).tree


def parse_invoke(body: Mapping[str, Any], loads: Callable[[bytes], Any] = _value) -> InvokeRequest:
    """Return the request for a decision that a body holds.

    Args:
        body: The JSON object.
        loads: Parses `in_params` that are JSON in text.

    Raises:
        PayloadError: a field holds a wrong value.
    """
    return InvokeRequest(
        campaign=_text(body, ("campaign",)),
        sub_campaign=_text(body, SUB_CAMPAIGN),
        channel=_text(body, ("channel",)) or "api",
        customer=_text(body, ("customer",)) or "none",
        user=_text(body, ("userid",)) or "api",
        n_results=_count(body),
        in_params=_params(_first(body, _PARAMS), loads),
    )


def parse_accept(body: Mapping[str, Any]) -> AcceptRequest:
    """Return the acceptance that a body holds: some offers, or a whole answer with all results.

    Raises:
        PayloadError: there is no UUID, or the offers are not a list of names or objects.
    """
    uuid = body.get("uuid")
    if not isinstance(uuid, str):
        raise PayloadError("`uuid` must be that of an answer")
    offers = body.get("offers_accepted")
    if offers is None:
        entries = body.get("final_result")
        offers = entries if isinstance(entries, list) else []
        offers = [entry.get("result") for entry in offers if isinstance(entry, dict)]
    if not isinstance(offers, list) or not all(isinstance(one, str | dict) for one in offers):
        raise PayloadError("`offers_accepted` must be a list of offers: names, or objects")
    _check_levels(offers, "offers_accepted")
    return AcceptRequest(uuid, offers, _text(body, ("channel_name", "channel")) or "")


def object_in(body: bytes) -> Document:
    """Return a body that is a JSON object.

    Raises:
        PayloadError: it is none, or names a key twice.
    """
    document = read(body)
    if not isinstance(document.tree, dict):
        raise PayloadError("the body must be a JSON object")
    return document


def _first(body: Mapping[str, Any], names: Sequence[str]) -> Any:
    for name in names:
        if (found := body.get(name)) is not None:
            return found
    return None


def _text(body: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return text, also of a number; None if it is absent, null or empty."""
    found = _first(body, names)
    if found is None or found == "":
        return None
    if not isinstance(found, str | int | float) or isinstance(found, bool):
        raise PayloadError(f"`{names[0]}` must be text")
    return str(found)


def _count(body: Mapping[str, Any]) -> int:
    found = _first(body, _COUNT)
    if found is None or found == "":
        return 1
    count = int(found) if isinstance(found, str) and _is_number(found) else found
    if type(count) is not int or not 1 <= count <= _MOST_RESULTS:
        raise PayloadError("`responses` must be a whole number, at least 1")
    return count


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 7


def _params(found: Any, loads: Callable[[bytes], Any]) -> Mapping[str, Any]:
    """Return `in_params`, which may be text: JSON, percent-encoded, or quoted and escaped.

    Raises:
        PayloadError: it is not an object, or is nested too deeply.
    """
    tree = _decoded(found, loads) if isinstance(found, str) else found
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise PayloadError("`in_params` must be an object, or the JSON text of one")
    _check_levels(tree, "in_params")
    return tree


def _decoded(text: str, loads: Callable[[bytes], Any]) -> Any:
    if not text.strip():
        return None
    # A runtime decodes first; a percent sign of JSON text that is none of a code stays.
    bare = unquote(text, errors="replace").strip()
    if bare.startswith('"'):
        bare = bare[1:-1].replace("\\", "")
    try:
        return loads(bare.encode(errors="replace"))
    except PayloadError as error:
        raise PayloadError(f"the text in `in_params` is no JSON that is read: {error}") from error


def _check_levels(tree: Any, name: str) -> None:
    """Refuse a tree that could not be walked through."""
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MOST_LEVELS:
            raise PayloadError(f"`{name}` is nested more than {MOST_LEVELS} levels deep")
        parts = [value.values() if isinstance(value, dict) else value for value in level]
        level = [value for part in parts for value in part if type(value) in _NESTED]
