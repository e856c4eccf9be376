"""Contracts as values: the routes that a kind of client knows, and the form of their errors.

def contract(context: ContractContext) -> Contract:
    errors = ErrorForm({RequestError: 422}, body, context.settings.hide_errors)
    route = Route("/mine/", "POST", "score", view, Scope.PREDICT)
    return Contract("mine", errors, routes=(route,))
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from flask import Request, Response

from drum_like.config.server_settings import ServerSettings
from drum_like.errors import NotLoadedError, SettingsError, UnsupportedError
from drum_like.http.auth import Scope
from drum_like.http.errors import ErrorForm
from drum_like.inference.service import Resolver, Service
from drum_like.system.lazy import cached
from drum_like.system.lifecycle import Background, Readiness
from drum_like.system.stats import Timings

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
        body_limit: The most bytes of a body; a `FileLimit` where it is read as a file; None for
            `--max-body-mb`.
        takes_tensors: Whether binary tensors may follow the JSON of its bodies.
        at_once: Whether it is answered even where no thread is free, as probes are: it needs no
            model, and some milliseconds.
        change: Verb and object of the change that it makes, for the audit log; empty for none.
        for_pages: Whether web pages of `--cors-origins` may read its answers, as they may those of
            every route that predicts.
    """

    rule: str
    method: str
    endpoint: str
    view: Callable[..., Response]
    scope: Scope
    errors: ErrorForm | None = None
    body_limit: int | None = None
    takes_tensors: bool = False
    at_once: bool = False
    change: str = ""
    for_pages: bool = False


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
        is_choice: Whether a caller may choose the contract by the header X-Scoring-Contract; on
            a route with such claims the others are asked where nobody has chosen.
        only_chosen: Whether it takes requests only where its contract is chosen.
        takes_tensors: Whether this claim is the one for bodies where binary tensors follow the
            JSON, whatever contract a caller chooses.
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
    only_chosen: bool = False
    takes_tensors: bool = False


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
        aliases: Further names by which a caller may choose it.
        goes_first: Whether its routes go before those of others at the same paths: the operator
            names them.
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
    aliases: tuple[str, ...] = ()
    goes_first: bool = False


def spellings(rule: str) -> tuple[str, ...]:
    """Return a rule with and without the slash at its end; neither redirects to the other."""
    bare = rule.rstrip("/")
    return (bare, f"{bare}/") if bare and not bare.endswith(">") else (rule,)


Part = TypeVar("Part")


class Resolve(Protocol):
    """Finds the service that a request is for, by the name and version of its model."""

    def __call__(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service."""


@dataclass(frozen=True)
class ContractContext:
    """The settings, services and parts that a contract is mounted with.

    Attributes:
        resolver: Where services come from.
        settings: All settings.
        timings: Of predictions, over all workers.
        readiness: Whether new requests should come to this worker.
        parts: Further parts, by their classes: the registry of a server with a store.
        serves_names: Whether models are served by their names, below /models/.
    """

    resolver: Resolver
    settings: ServerSettings
    timings: Timings
    readiness: Readiness
    parts: Mapping[type[Any], Any] = field(default_factory=dict)
    serves_names: bool = False

    @cached
    def resolve(self) -> Resolve:
        """Finds the service that a request is for: the method of the resolver itself."""
        return self.resolver.resolve

    def ready(self) -> bool:
        """Return whether requests should come here; a catalog loads its models when they do."""
        try:
            self.check()
        except NotLoadedError:
            return False
        return self.readiness.ready

    def check(self) -> None:
        """Raise NotLoadedError if the model that the server was started for did not load."""
        self.resolver.default()

    def part(self, kind: type[Part]) -> Part:
        """Return a further part of the server, by its class.

        Raises:
            SettingsError: it has none.
        """
        found = self.parts.get(kind)
        if not isinstance(found, kind):
            raise SettingsError(f"a contract needs the {kind.__name__.lower()} of a model store")
        return found


@contextmanager
def not_found_unless_loaded() -> Iterator[None]:
    """Answer that a route is not there if the model did not load, as DRUM's error server does.

    Raises:
        UnsupportedError: the model that the server was started for did not load.
    """
    try:
        yield
    except NotLoadedError as error:
        raise UnsupportedError("404 Not Found: the model did not load") from error
