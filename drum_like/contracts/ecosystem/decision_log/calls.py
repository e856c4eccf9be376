"""Entries of the log as values: answered calls, and acceptances of their offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Offer = str | Mapping[str, Any]
"""An offer that was accepted: its name, or an object that names it."""


@dataclass(frozen=True, slots=True)
class DecisionCall:
    """A call for a decision, and its answer.

    Attributes:
        uuid: Of the call.
        began: When it arrived.
        ended: When it was answered.
        clock_ns: The monotonic clock when it arrived.
        duration_ns: How long it took.
        campaign: The campaign of the decision.
        sub_campaign: Its sub-campaign.
        channel: Where it is presented.
        customer: The customer that the decision is for.
        user: Who asked.
        n_results: How many results were asked for.
        in_params: Features of the customer as sent.
        final_result: The results as they were answered, the best first.
        model: The model that made them, None without one.
        failed: Whether there are none because scoring failed.
    """

    uuid: str
    began: datetime
    ended: datetime
    clock_ns: int
    duration_ns: int
    campaign: str
    sub_campaign: str
    channel: str
    customer: str
    user: str
    n_results: int
    in_params: Mapping[str, Any]
    final_result: Sequence[Mapping[str, Any]]
    model: str | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An acceptance of offers of a decision.

    Attributes:
        uuid: Of the call.
        at: When that became known.
        offers: The offers accepted.
        channel: The channel of the acceptance.
    """

    uuid: str
    at: datetime
    offers: Sequence[Offer]
    channel: str


def padded(at: datetime) -> str:
    """Return a time as ecosystem.ai's runtime writes it: milliseconds, in six digits."""
    offset = at.strftime("%z")
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:06d}{zone}"
