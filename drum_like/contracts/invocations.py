"""Whose body it is: the decision table of `POST /invocations`, which many contracts share.

Raw bodies (CSV, Matrix Market, Arrow, multipart) are DRUM's. Of a JSON body the keys decide, by
the first row of `TABLE` that fits; the Content-Type only tells raw from JSON. What no row fits is
DRUM's, too: its read_input_data hook may read anything, and it refuses what nobody reads. A body
that is not JSON but says so is refused as MLflow does, if no such hook waits for it.

A contract that reads JSON here adds a `Shape` and a row, its name to `CONTRACTS`, and shares a form
in a file of its own:

    share(forms, "its-own", Form(answer, fail, endpoint, scope, rank, belongs_to(Shape.ITS_OWN)))
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from flask import Request, Response, g

from drum_like import wire
from drum_like.errors import BodyError, DrumLikeError, PayloadError
from drum_like.forms import Form, Forms
from drum_like.records.trees import loads

CHOICE = "X-Scoring-Contract"
"""Request header that takes the decision away from the table, and response header that tells it."""

CONTRACTS = ("drum", "ecosystem")
"""What a caller may choose; `auto` leaves it to the table."""

Tree = Mapping[str, Any]
"""A JSON object."""


class Shape(Enum):
    """What a JSON body asks for."""

    INSTANCES = auto()
    """ecosystem.ai: predictions of the model that `model_id` names."""

    ACCEPTED = auto()
    """ecosystem.ai: what was accepted of a decision."""

    CAMPAIGN = auto()
    """ecosystem.ai: a decision for a campaign."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        shape: What a body asks for that fits.
        fits: Whether the keys of a body are those of the shape.
    """

    shape: Shape
    fits: Callable[[Tree], bool]


_SUB_CAMPAIGN = ("sub-campaign", "subcampaign", "sub_campaign")

TABLE = (
    Row(Shape.INSTANCES, lambda body: "model_id" in body and "instances" in body),
    # Before campaigns: the answer to a call, sent back as accepted, repeats in_params.
    Row(
        Shape.ACCEPTED,
        lambda body: "uuid" in body and ("offers_accepted" in body or "final_result" in body),
    ),
    Row(
        Shape.CAMPAIGN,
        lambda body: (
            "campaign" in body
            or any(name in body for name in _SUB_CAMPAIGN)
            or ("in_params" in body and "instances" not in body)
        ),
    ),
    # Last: half of the first row, whose contract says what is missing.
    Row(Shape.INSTANCES, lambda body: "model_id" in body),
)
"""The first row that fits decides."""

_SNIFFED = frozenset(
    {"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"}
)
"""Media types of bodies that are JSON if they begin so; curl sends the last one by itself."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A body that the table knows.

    Attributes:
        shape: What it asks for.
        tree: Its content.
    """

    shape: Shape
    tree: Tree


def share(forms: Forms, contract: str, form: Form) -> None:
    """Let a contract answer its part of /invocations; its answers name it in a header.

    Args:
        forms: Of the server.
        contract: One of `CONTRACTS`; who chooses another one is not asked.
        form: Its claim.
    """

    def claims(request: Request) -> bool:
        return _chosen(request) in (None, contract) and form.claims(request)

    def answer() -> Response:
        return named(form.answer())

    def fail(error: DrumLikeError) -> Response:
        return named(form.fail(error))

    def named(response: Response) -> Response:
        response.headers[CHOICE] = contract
        return response

    forms.add("/invocations", "POST", replace(form, answer=answer, fail=fail, claims=claims))


def belongs_to(shape: Shape, *, any_type: bool = False) -> Callable[[Request], bool]:
    """Return whether a request is of a shape; for `Form.claims`.

    Args:
        shape: The shape.
        any_type: Whether its body is JSON whatever its Content-Type says.
    """

    def claims(request: Request) -> bool:
        found = invocation(request, any_type=any_type)
        return found is not None and found.shape is shape

    return claims


def invocation(request: Request, *, any_type: bool = False) -> Invocation | None:
    """Return what a request asks for by the table; None if it is DRUM's.

    Args:
        request: The request.
        any_type: Whether its body is JSON whatever its Content-Type says.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    if "invocation" not in g:
        g.invocation = _decide(request) if any_type or _may_be_json(request) else None
    found: Invocation | None = g.invocation
    return found


def is_chosen(contract: str) -> Callable[[Request], bool]:
    """Return whether a request chooses a contract itself; for `Form.claims`."""
    return lambda request: _chosen(request) == contract


def is_broken(request: Request) -> bool:
    """Return whether a body that says it is JSON is none, and no contract is chosen.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    if not request.is_json or _chosen(request) is not None:
        return False
    try:
        loads(whole_body(request))
    except PayloadError:
        return True
    return False


def whole_body(request: Request) -> bytes:
    """Return the bytes of a request, which others may read after this.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    whole: bytes | None = request.environ.get(wire.WHOLE)
    return request.get_data() if whole is None else whole


def _chosen(request: Request) -> str | None:
    """Return the contract that a caller chooses, None if that is left to the table.

    Raises:
        BodyError: it is none that could answer here.
    """
    chosen = request.headers.get(CHOICE, "auto").strip().lower()
    if chosen == "auto":
        return None
    if chosen not in CONTRACTS:
        raise BodyError(f"{CHOICE} must be auto, {' or '.join(CONTRACTS)}")
    return chosen


def _may_be_json(request: Request) -> bool:
    return request.is_json or request.mimetype in _SNIFFED


def _decide(request: Request) -> Invocation | None:
    body = whole_body(request)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return None
    try:
        tree = loads(body)
    except PayloadError:
        return None
    shape = next((row.shape for row in TABLE if row.fits(tree)), None)
    return None if shape is None else Invocation(shape, tree)
