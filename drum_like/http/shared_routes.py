"""Routes that several contracts share, and the choice of the contract that answers a request.

`/`, `/ping`, `/invocations` and `/v1/models` mean something to DRUM, MLflow, SageMaker and others
at once. Each contract brings claims; the first by rank that fits the request answers it, and its
errors in its own form. On /invocations a caller may choose the contract in a header, and the
operator for callers who do not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from flask import Flask, Request, Response, request

from drum_like.errors import BodyError, DrumLikeError, EndpointError, SettingsError
from drum_like.http.auth import Scope
from drum_like.http.contract import Claim, Contract, spellings
from drum_like.http.errors import ErrorForm
from drum_like.http.json_body import open_event
from drum_like.http.requests import CONTRACT

AUTO = "auto"
"""The choice that leaves the contract to the claims."""

CHOICE = "X-Scoring-Contract"
"""Request header that names the contract, and response header that tells which one answered."""

CHOSEN = "HTTP_X_SCORING_CONTRACT"
"""WSGI variable of the request header."""


@dataclass(frozen=True, slots=True)
class SharedRoute:
    """The claims on one rule and method.

    Attributes:
        claims: By rank, each with the name of its contract.
        choices: The contracts that a caller may choose, by all of their names.
        usual: The contract for callers who choose none; None to ask the claims.
    """

    claims: tuple[tuple[str, Claim], ...]
    choices: Mapping[str, str]
    usual: str | None = None

    @property
    def last(self) -> Claim:
        """The claim that names the endpoint and its scope."""
        return self.claims[-1][1]

    def find(self, asked: Request) -> tuple[str, Claim]:
        """Return the claim that fits a request, with the name of its contract.

        Raises:
            EndpointError: none does.
            BodyError: the caller chooses a contract that is not here or takes no binary tensors, or
                the body does not arrive as its headers say.
        """
        choice = self._choice(asked) if self.choices else None
        if self.choices:
            open_event(asked)
        for name, claim in self.claims:
            if choice is None:
                is_asked = not claim.only_chosen
            else:
                is_asked = claim.is_choice and name == choice
            if (is_asked or claim.takes_tensors) and claim.fits(asked):
                if not is_asked:
                    raise BodyError(f"{CHOICE} is {choice}, which takes no binary tensors")
                return name, claim
        raise EndpointError("no contract of this server reads requests of this form here")

    def answer(self) -> Response:
        """Answer the request in the form of the contract that it is for."""
        # The proxy itself would cost a microsecond for each look of a claim.
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented
        name, claim = self.find(asked)
        asked.environ[CONTRACT] = name
        try:
            return claim.view()
        except Exception as error:  # noqa: BLE001 - answered in the contract's form, and logged
            return claim.errors.answer(error)

    def _choice(self, asked: Request) -> str | None:
        named = asked.environ.get(CHOSEN)
        if named is None:
            return self.usual
        choice = named.strip().lower()
        if choice == AUTO:
            return None
        if choice not in self.choices:
            known = ", ".join(sorted(set(self.choices.values())))
            raise BodyError(f"{CHOICE} must be one of {AUTO}, {known}")
        return self.choices[choice]


class SharedRoutes:
    """All routes that contracts share, by rule and method.

    Args:
        contracts: All contracts of the server.
        usual: The contract for callers who choose none, where they may; AUTO to ask the claims.

    Raises:
        ValueError: two claims of one rank on one route, a mistake of the programmer.
        SettingsError: no caller may choose the usual contract.
    """

    def __init__(self, contracts: Iterable[Contract], usual: str = AUTO) -> None:
        found: dict[tuple[str, str], list[tuple[Contract, Claim]]] = {}
        for contract in contracts:
            for claim in contract.claims:
                found.setdefault((claim.rule, claim.method), []).append((contract, claim))
        self._routes = {at: _by_rank(*at, claims, usual) for at, claims in found.items()}
        known = {*chain.from_iterable(route.choices for route in self._routes.values()), AUTO}
        if usual not in known:
            raise SettingsError(
                f"--invocations-contract: no contract {usual!r} of this server answers "
                f"/invocations; choose one of {', '.join(sorted(known))}"
            )

    @property
    def with_tensors(self) -> frozenset[str]:
        """The endpoints of routes where binary tensors may follow the JSON of a body."""
        return frozenset(
            route.last.endpoint
            for route in self._routes.values()
            if any(claim.takes_tensors for _, claim in route.claims)
        )

    def mount(self, app: Flask, prefix: str) -> Mapping[str, tuple[str, Scope]]:
        """Add the routes to an app; return the contract and the scope of each endpoint.

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
        last = (route.claims[-1] for route in by_rule.values())
        return {claim.endpoint: (name, claim.scope) for name, claim in last}

    def errors(self, path: str, asked: Request) -> tuple[str, ErrorForm] | None:
        """Return the contract and the form of errors that Flask raises on a shared route.

        Args:
            path: Below the prefix.
            asked: The request; its body is at hand.

        Returns:
            None if no claim fits.
        """
        bare = path.rstrip("/")
        found = (self._routes.get((rule, asked.method)) for rule in (path, f"{bare}/", bare))
        route = next(filter(None, found), None)
        try:
            owner = None if route is None else route.find(asked)
        except DrumLikeError:
            return None
        return None if owner is None else (owner[0], owner[1].errors)


def _by_rank(
    rule: str, method: str, claims: list[tuple[Contract, Claim]], usual: str
) -> SharedRoute:
    ranks = [claim.rank for _, claim in claims]
    twins = {rank for rank in ranks if ranks.count(rank) > 1}
    if twins:
        raise ValueError(f"two claims of rank {min(twins)} on {method} {rule}")
    choices = {
        name: contract.name
        for contract, claim in claims
        if claim.is_choice
        for name in (contract.name, *contract.aliases)
    }
    by_rank = sorted(claims, key=lambda owned: owned[1].rank)
    named = tuple((contract.name, claim) for contract, claim in by_rank)
    return SharedRoute(named, choices, choices.get(usual))
