"""Contracts as values: the routes that a kind of client knows, and the form of their errors.

def contract(context: ContractContext) -> Contract:
    errors = ErrorForm({RequestError: 422}, body, context.settings.hide_errors)
    route = Route("/mine/", "POST", "score", view, Scope.PREDICT)
    return Contract("mine", errors, routes=(route,))
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request, Response

from drum_like.http.auth import Scope
from drum_like.http.errors import ErrorForm
from drum_like.system.lifecycle import Background

FREE_SEGMENT = "(?!(?:RESERVED)/)[^/]+"
"""Pattern of the first segment of a path that does not begin a longer path of another contract.

The converter `free` of Flask's rules has it; RESERVED is filled in when all contracts are known, in
`Contract.paths`, too.
"""

LAST = 1000
"""Rank of the claim that takes the requests which no other claim fits: DRUM's."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route that belongs to one contract alone.

    Attributes:
        rule: Flask's URL rule, below the prefix.
        method: HTTP method; GET includes HEAD.
        endpoint: Name within the contract.
        view: Gives the response.
        scope: The scope that the route needs.
        errors: The form of its errors; None for the contract's.
        body_limit: The most bytes of a body; None for those of `--max-body-mb`.
    """

    rule: str
    method: str
    endpoint: str
    view: Callable[..., Response]
    scope: Scope
    errors: ErrorForm | None = None
    body_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A contract's claim on a route that several contracts share.

    Attributes:
        rule: Flask's URL rule, below the prefix.
        method: HTTP method; GET includes HEAD.
        endpoint: Flask's name of the route if this claim has the last rank on it.
        view: Gives the response.
        scope: The scope that the route needs.
        errors: The form of the errors that `view` raises.
        rank: Claims of lower ranks are asked first.
        fits: Whether a request is in this contract's form.
        is_choice: Whether a caller may choose the contract by the header X-Scoring-Contract; the
            answer repeats it.
    """

    rule: str
    method: str
    endpoint: str
    view: Callable[[], Response]
    scope: Scope
    errors: ErrorForm
    rank: int = LAST
    fits: Callable[[Request], bool] = lambda _: True
    is_choice: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """The routes of one kind of client.

    Attributes:
        name: As `--contracts` and X-Scoring-Contract have it.
        errors: The form of its errors.
        routes: Routes of its own.
        claims: Its part of the routes that several contracts share.
        endpoints: First part of Flask's names of its routes; the contract's name if empty.
        paths: Regular expressions of the beginnings of its paths, below the prefix and without the
            slash before them, each with the form of 404 and 405 there.
        finish: Changes every response of its own routes; None to change none.
        background: Threads and connections that it needs, in the order of their start.
        below_prefix: Whether its routes stand below `--url-prefix`, or at the root.
    """

    name: str
    errors: ErrorForm
    routes: tuple[Route, ...] = ()
    claims: tuple[Claim, ...] = ()
    endpoints: str = ""
    paths: tuple[tuple[str, ErrorForm], ...] = ()
    finish: Callable[[Response], Response] | None = None
    background: tuple[Background, ...] = ()
    below_prefix: bool = True


def spellings(rule: str) -> tuple[str, ...]:
    """Return a rule with and without the slash at its end; neither redirects to the other."""
    bare = rule.rstrip("/")
    return (bare, f"{bare}/") if bare and not bare.endswith(">") else (rule,)
