"""A runtime's calls: decisions for campaigns with their ranked results, and acceptances."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from drum_like.codecs.json.decode import Row
from drum_like.codecs.json.document import Document, loads_exactly
from drum_like.codecs.json.values import floats
from drum_like.contracts.ecosystem.campaigns import Campaigns
from drum_like.contracts.ecosystem.decision_log.calls import Acceptance, DecisionCall, padded
from drum_like.contracts.ecosystem.decision_log.log import DecisionLog
from drum_like.contracts.ecosystem.requests import (
    AcceptRequest,
    InvokeRequest,
    parse_accept,
    parse_invoke,
)
from drum_like.errors import DrumLikeError, EndpointError, NotLoadedError
from drum_like.http.errors import ErrorForm
from drum_like.inference.named_rows import Scored, score
from drum_like.types.payload import Limits

SUCCESS = "Success"
UNKNOWN = "Error: UUID not found."

_BYTES_OF_A_RESULT = 1500

Result = dict[str, Any]

Offer = tuple[str, int, float]
"""Name, number and value of an offer."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The outcome of a call; `error` is the caller's message if it failed."""

    campaign: str
    model: str | None
    results: list[Result]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """Answers a runtime's calls.

    Attributes:
        campaigns: Finds the model that decides.
        limits: On the features of a call.
        log: Where decisions are written; None if they are not.
        errors: The form of errors, for the texts of failed calls.
    """

    campaigns: Campaigns
    limits: Limits
    log: DecisionLog | None
    errors: ErrorForm

    def decide(self, document: Document, size: int) -> dict[str, Any]:
        """Answer a call for a decision, and log it; also if scoring fails.

        Args:
            document: The body of the call.
            size: Its number of bytes.

        Raises:
            PayloadError: the body cannot be read; nothing is logged.
        """
        began, clock = datetime.now().astimezone(), time.monotonic_ns()
        question, uuid = parse_invoke(document.tree), str(uuid4())
        outcome = self._outcome(question, document, uuid)
        ended, duration = datetime.now().astimezone(), time.monotonic_ns() - clock
        answer = _answer(question, outcome, uuid, padded(ended))
        if self.log is not None:
            call = DecisionCall(
                uuid=uuid,
                began=began,
                ended=ended,
                clock_ns=clock,
                duration_ns=duration,
                campaign=outcome.campaign,
                sub_campaign=question.sub_campaign or outcome.campaign,
                channel=question.channel,
                customer=question.customer,
                user=question.user,
                n_results=question.n_results,
                in_params=question.in_params,
                final_result=outcome.results,
                model=outcome.model,
                failed=outcome.error is not None,
            )
            self.log.put(call, size + _BYTES_OF_A_RESULT * (1 + len(outcome.results)))
        return flat(answer) if question.is_flat else answer

    def accept(self, document: Document, size: int) -> dict[str, Any]:
        """Log an acceptance; answer success even if the decision is unknown.

        Raises:
            PayloadError: the body cannot be read.
        """
        self._accept(parse_accept(document.tree), size)
        return {"message": SUCCESS}

    def accept_known(self, document: Document, size: int) -> dict[str, Any]:
        """Log an acceptance of a known decision, and answer its UUID; else answer `UNKNOWN`.

        Raises:
            PayloadError: the body cannot be read.
            DrumLikeError: the log cannot be asked.
        """
        said = parse_accept(document.tree)
        if self.log is None or not self.log.knows(said.uuid):
            return {"message": UNKNOWN}
        self._accept(said, size)
        return {"message": said.uuid}

    def _accept(self, said: AcceptRequest, size: int) -> None:
        if self.log is not None:
            at = datetime.now().astimezone()
            self.log.put(Acceptance(said.uuid, at, said.offers, said.channel), size)

    def _outcome(self, question: InvokeRequest, document: Document, uuid: str) -> _Outcome:
        campaign, model = question.campaign or "", None
        try:
            service = self.campaigns.model(question.campaign, question.sub_campaign)
            model = service.info.name
            campaign = campaign or model
            scored = score(service, _rows(question, document), self.limits)
            return _Outcome(campaign, model, ranked(scored, uuid, question.n_results))
        except DrumLikeError as error:
            if isinstance(error, NotLoadedError):
                model = error.model
                campaign = campaign or model
            return _Outcome(campaign, model, [], self.errors.note(error).text)


def _rows(question: InvokeRequest, document: Document) -> Document:
    """Return the one row of a call."""

    def exactly() -> list[Row]:
        return [parse_invoke(document.exactly(), loads_exactly).row()]

    return Document([question.row()], exactly)


def _answer(question: InvokeRequest, outcome: _Outcome, uuid: str, at: str) -> dict[str, Any]:
    answer = {
        "cache": 0,
        "datetime": at,
        "explore": 0,
        "final_result": outcome.results,
        "id": outcome.campaign,
        "uuid": uuid,
        "in_params": question.in_params,
    }
    if outcome.error is None:
        return answer
    return {**answer, "ErrorMessage": outcome.error, "error": 1}


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
    return [_entry(1, (scored.target.type.value, 0, value), uuid, {})]


def _labels(scored: Scored, uuid: str, most: int) -> list[Result]:
    labels = scored.target.order
    chances = scored.chances[0].tolist()
    details = dict(zip(labels, chances, strict=True))
    order = sorted(range(len(labels)), key=lambda at: -chances[at])[:most]
    return [
        _entry(rank, (labels[at], at, chances[at]), uuid, {"offer_details": details})
        for rank, at in enumerate(order, 1)
    ]


def _entry(rank: int, offer: Offer, uuid: str, more: Result) -> Result:
    name, number, value = offer
    result = {
        "offer": name,
        "offer_name": name,
        "offer_id": name,
        "score": value,
        "final_score": value,
        "modified_offer_score": value,
        "offer_value": 1.0,
        "price": 1.0,
        "cost": 1.0,
        "uuid": uuid,
    }
    full = {
        **result,
        "offer_name_desc": f"{name} - {number}",
        "p": value,
        "explore": 0,
        **more,
    }
    return {"rank": rank, "result": result, "result_full": full}
