"""Routes that several contracts own, and how a request finds the right one.

`/`, `/ping`, `/invocations` and `/v1/models` mean something to DRUM, MLflow, SageMaker and others
at once. Each contract registers a form; the first by rank that claims the request answers it, and
its errors in its own shape.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException

from drum_like.auth import Scope
from drum_like.errors import DrumLikeError, EndpointError

FailHttp = Callable[[HTTPException], Response]
"""The reply to an error of Flask's, in a contract's error form."""

LAST = 1000
"""Rank of the form that takes what nobody else claims: DRUM's."""


@dataclass(frozen=True, slots=True)
class Form:
    """One contract's claim on a shared route.

    Attributes:
        answer: The reply.
        fail: The reply to an error that `answer` raised, in the contract's error form.
        endpoint: Flask's name of the route if this form has the last word on it.
        scope: What the route lets its caller do.
        rank: Lower ranks are asked first.
        claims: Whether a request is in this contract's form.
        fail_http: The reply to an error of Flask's, such as 401; None for DRUM's.
    """

    answer: Callable[[], Response]
    fail: Callable[[DrumLikeError], Response]
    endpoint: str
    scope: Scope
    rank: int = LAST
    claims: Callable[[Request], bool] = lambda _: True
    fail_http: FailHttp | None = None


def spellings(rule: str) -> tuple[str, ...]:
    """Return a rule with and without the slash at its end; neither redirects to the other."""
    bare = rule.rstrip("/")
    return (bare, f"{bare}/") if bare and not bare.endswith(">") else (rule,)


class Forms:
    """The shared routes, filled while contracts are mounted."""

    def __init__(self) -> None:
        self._forms: dict[tuple[str, str], list[Form]] = {}
        self._owners: list[tuple[re.Pattern[str], FailHttp]] = []

    def own(self, pattern: str, fail: FailHttp) -> None:
        """Claim the paths below the prefix that a pattern matches at its start, slash left out.

        Errors that Flask raises before it knows a contract, 404 and 405, are answered there in
        the contract's form.
        """
        self._owners.append((re.compile(pattern), fail))

    def owner(self, path: str) -> FailHttp | None:
        """Return what answers Flask's errors on a path below the prefix, None if nobody owns it."""
        return next((fail for own, fail in self._owners if own.match(path.lstrip("/"))), None)

    def claimed(self, path: str, request: Request) -> FailHttp | None:
        """Return what answers Flask's errors on a shared route, None if that is left to DRUM.

        Args:
            path: Below the prefix.
            request: Its body is at hand.
        """
        rules = {path, f"{path.rstrip('/')}/", path.rstrip("/")}
        forms = next(
            (found for rule in rules if (found := self._forms.get((rule, request.method)))), []
        )
        try:
            form = next((f for f in forms if f.claims(request)), None)
        except DrumLikeError:
            return None
        return None if form is None else form.fail_http

    def add(self, rule: str, method: str, form: Form) -> None:
        """Claim a route for a contract.

        Raises:
            ValueError: two forms of one rank on one route, a mistake of the programmer.
        """
        forms = self._forms.setdefault((rule, method), [])
        if any(other.rank == form.rank for other in forms):
            raise ValueError(f"two forms of rank {form.rank} on {method} {rule}")
        forms.append(form)
        forms.sort(key=lambda f: f.rank)

    def mount(self, app: Flask, prefix: str) -> dict[str, Scope]:
        """Add the shared routes to an app, and return the scope of each endpoint.

        One view serves them all: DRUM's `/` and `/ping/` are one endpoint to custom_flask.py.
        """
        by_rule = {
            (prefix + spelling, method): tuple(forms)
            for (rule, method), forms in self._forms.items()
            for spelling in spellings(rule)
        }

        def answer() -> Response:
            rule = request.url_rule.rule if request.url_rule is not None else ""
            method = "GET" if request.method == "HEAD" else request.method
            return _answer(by_rule[rule, method])

        for (rule, method), forms in by_rule.items():
            app.add_url_rule(rule, forms[-1].endpoint, answer, methods=[method])
        return {forms[-1].endpoint: forms[-1].scope for forms in by_rule.values()}


def _answer(forms: tuple[Form, ...]) -> Response:
    form = next((f for f in forms if f.claims(request)), None)
    if form is None:
        raise EndpointError("no contract of this server reads requests of this form here")
    try:
        return form.answer()
    except DrumLikeError as error:
        return form.fail(error)
