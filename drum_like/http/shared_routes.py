"""Routes that several contracts share, and the choice of the contract that answers a request.

`/`, `/ping`, `/invocations` and `/v1/models` mean something to DRUM, MLflow, SageMaker and others
at once. Each contract brings claims; the first by rank that fits the request answers it, and its
errors in its own form. On /invocations a caller may choose the contract in a header.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import Flask, Request, Response, request

from drum_like.errors import BodyError, DrumLikeError, EndpointError
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, spellings
from drum_like.http.errors import ErrorForm

CHOICE = "X-Scoring-Contract"
"""Request header that names the contract, and response header that tells which one answered."""


@dataclass(frozen=True, slots=True)
class SharedRoute:
    """The claims on one rule and method.

    Attributes:
        claims: By rank, each with the name of its contract.
        choices: The contracts that a caller may choose, sorted.
    """

    claims: tuple[tuple[str, Claim], ...]
    choices: tuple[str, ...]

    @property
    def last(self) -> Claim:
        """The claim that names the endpoint and its scope."""
        return self.claims[-1][1]

    def find(self, asked: Request) -> tuple[str, Claim]:
        """Return the claim that fits a request, with the name of its contract.

        Raises:
            EndpointError: none does.
            BodyError: the caller chooses a contract that is not here, or the body does not arrive
                as its headers say.
        """
        choice = self._choice(asked)
        for name, claim in self.claims:
            if claim.is_choice and choice not in (None, name):
                continue
            if claim.fits(asked):
                return name, claim
        raise EndpointError("no contract of this server reads requests of this form here")

    def answer(self) -> Response:
        """Answer the request in the form of the contract that it is for."""
        name, claim = self.find(request)
        try:
            response = claim.view()
        except Exception as error:  # noqa: BLE001 - answered in the contract's form, and logged
            response = claim.errors.answer(error)
        if claim.is_choice:
            response.headers[CHOICE] = name
        return response

    def _choice(self, asked: Request) -> str | None:
        choice = chosen(asked) if self.choices else None
        if choice is not None and choice not in self.choices:
            raise BodyError(f"{CHOICE} must be auto, {' or '.join(self.choices)}")
        return choice


class SharedRoutes:
    """All routes that contracts share, by rule and method.

    Raises:
        ValueError: two claims of one rank on one route, a mistake of the programmer.
    """

    def __init__(self, contracts: Iterable[Contract]) -> None:
        found: dict[tuple[str, str], list[tuple[str, Claim]]] = {}
        for contract in contracts:
            for claim in contract.claims:
                found.setdefault((claim.rule, claim.method), []).append((contract.name, claim))
        self._routes = {at: _by_rank(*at, claims) for at, claims in found.items()}

    def mount(self, app: Flask, prefix: str) -> Mapping[str, Scope]:
        """Add the routes to an app, and return the scope of each endpoint.

        One view serves them all: DRUM's `/` and `/ping/` are one endpoint to custom_flask.py.
        """
        by_rule = {
            (prefix + spelling, method): route
            for (rule, method), route in self._routes.items()
            for spelling in spellings(rule)
        }

        def answer() -> Response:
            rule = request.url_rule.rule if request.url_rule is not None else ""
            method = "GET" if request.method == "HEAD" else request.method
            return by_rule[rule, method].answer()

        for (rule, method), route in by_rule.items():
            app.add_url_rule(rule, route.last.endpoint, answer, methods=[method])
        return {route.last.endpoint: route.last.scope for route in by_rule.values()}

    def errors(self, path: str, asked: Request) -> ErrorForm | None:
        """Return the form of errors that Flask raises on a shared route, None if no claim fits.

        Args:
            path: Below the prefix.
            asked: The request; its body is at hand.
        """
        bare = path.rstrip("/")
        found = (self._routes.get((rule, asked.method)) for rule in (path, f"{bare}/", bare))
        route = next(filter(None, found), None)
        try:
            return None if route is None else route.find(asked)[1].errors
        except DrumLikeError:
            return None


def chosen(asked: Request) -> str | None:
    """Return the contract that a caller chooses, None if that is left to the claims."""
    choice = asked.headers.get(CHOICE, "auto").strip().lower()
    return None if choice == "auto" else choice


def _by_rank(rule: str, method: str, claims: list[tuple[str, Claim]]) -> SharedRoute:
    ranks = [claim.rank for _, claim in claims]
    twins = {rank for rank in ranks if ranks.count(rank) > 1}
    if twins:
        raise ValueError(f"two claims of rank {min(twins)} on {method} {rule}")
    choices = {name for name, claim in claims if claim.is_choice}
    by_rank = sorted(claims, key=lambda named: named[1].rank)
    return SharedRoute(tuple(by_rank), tuple(sorted(choices)))
