"""The documents of ecosystem.ai's runtime: `ecosystemruntime` and `ecosystemruntime_response`.

Source of the names: the logging page of its documentation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from drum_like import __version__
from drum_like.contracts.ecosystem.decision_log.calls import Acceptance, DecisionCall, Offer, padded
from drum_like.errors import SettingsError
from drum_like.store.ecosystem_entities import Accepted, Presented

MASK = "***"
"""The mask that replaces a value in a document."""


STRUCTURE = frozenset(
    {"api_params", "final_result", "offers_accepted", "response", "result", "stats"}
)
"""Names that cannot be masked: others are found below them."""


class Redaction:
    """Masks the values of some names, wherever a document has them.

    A name is a key of an object; an entry of the list `input`, whose value stands at the same
    place of the list `value`; or the `key` of an object that holds one `value`. Capital letters
    make no difference.

    Args:
        names: The names to mask.

    Raises:
        SettingsError: a name is one of `STRUCTURE`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        unfit = sorted(STRUCTURE.intersection(name.casefold() for name in names))
        if unfit:
            raise SettingsError(
                f"--redact cannot leave out {', '.join(unfit)}: it holds the rest of a decision; "
                "name its inner keys"
            )
        self._names = frozenset(name.casefold() for name in names)

    def __call__(self, document: Any) -> Any:
        """Return a document without the values; the same one if there are no names."""
        return self._masked(document) if self._names else document

    def _masked(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._object(value)
        if isinstance(value, list | tuple):
            return [self._masked(part) for part in value]
        return value

    def _object(self, found: Mapping[str, Any]) -> dict[str, Any]:
        masked = {
            name: MASK if self._is_meant(name) else self._masked(value)
            for name, value in found.items()
        }
        if self._is_meant(found.get("key")) and "value" in found:
            masked["value"] = MASK
        names, values = found.get("input"), masked.get("value")
        if isinstance(names, list) and isinstance(values, list):
            masked["value"] = [
                MASK if at < len(names) and self._is_meant(names[at]) else value
                for at, value in enumerate(values)
            ]
        return masked

    def _is_meant(self, name: Any) -> bool:
        return isinstance(name, str) and name.casefold() in self._names


Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Documents:
    """Makes the documents of one server.

    Attributes:
        host: Name of the machine.
        address: The address that the server listens on.
        port: Its port.
        redact: Takes out the values that must not be written.
    """

    host: str
    address: str
    port: int
    redact: Redaction

    def presented(self, call: DecisionCall) -> Presented:
        """Return the document of a call's decision as presented."""
        at = call.ended.astimezone(UTC)
        document = {
            "_id": _object_id(call.uuid, at),
            "type": "presented",
            "server": self._server(),
            "cache": 0,
            "explore": 0,
            "final_result": call.final_result,
            "whitelist": {},
            "params": {"key": "customer", "value": call.customer},
            "uuid": call.uuid,
            "userid": call.user,
            "in_params": call.in_params,
            "api_params": _api_params(call),
            "predictor": call.campaign,
            "mojo": "1",
            **_dates(at),
            "stats": _presented_stats(call),
        }
        redacted = self.redact(document)
        # A name that is left out of the document is not stored beside it, either.
        campaign = redacted["api_params"]["campaign"]
        return Presented(call.uuid, at, campaign, redacted)

    def automatic(self, presented: Presented, channel: str) -> Accepted:
        """Return the best result as accepted automatically, until an acceptance comes."""
        best = [entry["result"] for entry in presented.document["final_result"][:1]]
        acceptance = Acceptance(presented.uuid, presented.at, best, channel)
        return self.accepted(acceptance, presented.document, automatic=True)

    def accepted(
        self, acceptance: Acceptance, presented: Document, *, automatic: bool = False
    ) -> Accepted:
        """Return the document of an acceptance of a presented decision."""
        at = acceptance.at.astimezone(UTC)
        response = {
            "uuid": acceptance.uuid,
            "channel_name": acceptance.channel,
            "offers_accepted": _results(acceptance.offers, presented["final_result"]),
            **{name: presented[name] for name in _REPEATED},
        }
        response_uuid = str(uuid4())
        document = {
            "_id": _object_id(response_uuid, at),
            "type": "accepted",
            **({"auto": True} if automatic else {}),
            "server": self._server(),
            "uuid": acceptance.uuid,
            "response_uuid": response_uuid,
            "predictor": presented["predictor"],
            **_dates(at),
            "stats": _accepted_stats(at),
            "response": response,
        }
        return Accepted(acceptance.uuid, at, automatic, self.redact(document))

    def _server(self) -> dict[str, str]:
        return {
            "hostname": self.host,
            "address": self.address,
            "port": str(self.port),
            "version": __version__,
        }


_REPEATED = ("predictor", "cache", "explore", "whitelist", "userid", "in_params")


def whole(accepted: Document, presented: Document) -> dict[str, Any]:
    """Return an accepted document with the presented one that it belongs to."""
    return {**accepted, "response_log": presented}


def _object_id(uuid: str, at: datetime) -> dict[str, str]:
    """Return a unique id of MongoDB's kind: seconds, then eight bytes of the UUID."""
    return {"$oid": f"{int(at.timestamp()):08x}{uuid.replace('-', '')[:16]}"}


def _dates(at: datetime) -> dict[str, Any]:
    return {
        "date_log": {"$date": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"},
        "date_index": at.year * 100 + at.month,
        "day_index": at.day,
        "hour_index": at.hour,
        "minute_index": at.minute,
    }


def _api_params(call: DecisionCall) -> dict[str, Any]:
    return {
        "resultcount": call.n_results,
        "mojo": "1",
        "subname": call.sub_campaign,
        "name": call.campaign,
        "subcampaign": call.sub_campaign,
        "channel": call.channel,
        "campaign": call.campaign,
        "uuid": call.uuid,
        "userid": call.user,
        "customer": call.customer,
    }


def _presented_stats(call: DecisionCall) -> dict[str, Any]:
    return {
        "start_date": padded(call.began),
        "end_date": padded(call.ended),
        "start_time": call.clock_ns,
        "duration": call.duration_ns / 1e6,
        "duration_ns": call.duration_ns,
        "duration_paramsdb": 0.0,
        "duration_whitelist": 0.0,
        "duration_cache": 0.0,
        "epsilon": 0.0,
        "error": int(call.failed),
        "userid": call.user,
        "predictor": call.campaign,
        "model": call.model or "No Model",
        "runtime_version": __version__,
    }


def _accepted_stats(at: datetime) -> dict[str, Any]:
    return {
        "start_date": padded(at),
        "end_date": padded(at),
        "start_time": 0,
        "duration": 0.0,
        "duration_ns": 0,
        "error": 0,
        "runtime_version": __version__,
    }


def _results(offers: Sequence[Offer], final_result: Sequence[Document]) -> list[Any]:
    """Return the results that were presented for offers; an unknown offer as it was sent."""
    results = [entry["result"] for entry in final_result]
    return [_result(offer, results) for offer in offers]


def _result(offer: Offer, results: Sequence[Document]) -> Any:
    asked = {"offer_name": offer} if isinstance(offer, str) else offer
    for name in ("offer_id", "offer_name", "offer"):
        if name in asked:
            same = [one for one in results if one.get(name) == asked[name]]
            if same:
                return same[0]
    return asked
