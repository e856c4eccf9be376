"""Contracts on a Flask application: their routes, shared routes, scopes and error forms.

A model directory's own extension, custom_flask.py, is mounted last. Source of its rules and texts:
DRUM 1.18.1, observed.
"""

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from drum_like import plugins
from drum_like.errors import BodyError, CustomCodeError, PluginError, SizeError
from drum_like.http.auth import Scope
from drum_like.http.contract import FREE_SEGMENT, Contract, ContractContext, Route, spellings
from drum_like.http.errors import ErrorForm
from drum_like.http.requests import CONTRACT, WHOLE
from drum_like.http.shared_routes import AUTO, SharedRoutes
from drum_like.model.directory import ModelDirectory
from drum_like.model.hooks import call_at_load

_RESERVED, _FREE = "RESERVED", "<free:"


@dataclass(frozen=True, slots=True)
class Errors:
    """The answers to errors, in the form of the contract that a request is for.

    Attributes:
        own: The forms of the contracts' own endpoints.
        prefix: Of all paths of the server.
        shared: The routes that contracts share.
        paths: Beginnings of paths, with their contract and its form of 404 and 405 there.
        usual: The form of all other errors: DRUM's.
    """

    own: Mapping[str, ErrorForm]
    prefix: str
    shared: SharedRoutes
    paths: tuple[tuple[re.Pattern[str], tuple[str, ErrorForm]], ...]
    usual: ErrorForm

    def answer(self, error: Exception) -> Response:
        """Return the response to an error that no view has answered."""
        if (own := self.own.get(request.endpoint or "")) is not None:
            return own.answer(error)
        if isinstance(error, SizeError):
            request.environ[WHOLE] = b""  # to tell whose it is would take the memory
        owner = self._owner() if isinstance(error, HTTPException | BodyError | SizeError) else None
        if owner is None:
            return self.usual.answer(error)
        request.environ[CONTRACT], form = owner
        return form.answer(error)

    def _owner(self) -> tuple[str, ErrorForm] | None:
        """Return the contract that a request is for, and its form, as far as that can be told."""
        bare = (path := request.path.removeprefix(self.prefix)).lstrip("/")
        own = next((owner for start, owner in self.paths if start.match(bare)), None)
        # A body that the server has not read, as it is too long or of an unknown caller, is not
        # asked for: the headers tell, as beside an empty one.
        request.environ.setdefault(WHOLE, b"")
        return self.shared.errors(path, request) if own is None else own


@dataclass(frozen=True, slots=True)
class Mounted:
    """The contracts of an application.

    Attributes:
        contracts: In the order of their mounting.
        scopes: The scope that each endpoint needs.
        owners: The contract of each endpoint; of a shared route the one that is asked last.
        body_limits: The most bytes of a body, of endpoints that do not go by `--max-body-mb`.
        with_tensors: Endpoints where binary tensors may follow the JSON of a body.
        at_once: Endpoints that are answered even where no thread is free.
        changes: Verb and object of the change that each endpoint makes, of those that make one.
        for_pages: Endpoints whose answers web pages of `--cors-origins` may read.
        answer: Answers an error of the request in the form of its path's contract.
    """

    contracts: tuple[Contract, ...]
    scopes: Mapping[str, Scope]
    owners: Mapping[str, str]
    body_limits: Mapping[str, int]
    with_tensors: frozenset[str]
    at_once: frozenset[str]
    changes: Mapping[str, str]
    for_pages: frozenset[str]
    answer: Callable[[Exception], Response]


def make_contracts(context: ContractContext) -> tuple[Contract, ...]:
    """Return the contracts that the settings name.

    Raises:
        PluginError: one is not installed, or is no contract.
    """
    return tuple(_contract(name, context) for name in context.settings.contracts)


def import_contracts(names: Iterable[str]) -> None:
    """Import the modules of contracts, so that it is done when they are made."""
    for name in names:
        with suppress(PluginError):  # where they are made, it is reported
            plugins.load(plugins.CONTRACTS, name)


def mount(
    app: Flask, contracts: tuple[Contract, ...], usual: ErrorForm, prefix: str, choice: str = AUTO
) -> Mounted:
    """Add the routes of contracts to an application, and the answers to its errors.

    Args:
        app: The application.
        contracts: In the order of their mounting.
        usual: The form of errors that belong to no contract.
        prefix: Of all paths of the server.
        choice: The contract for callers who choose none where they may.

    Raises:
        ValueError: two contracts have claims of one rank on one route.
        SettingsError: no caller may choose that contract.
    """
    free = FREE_SEGMENT.replace(_RESERVED, "|".join(sorted(_reserved(contracts))))
    app.url_map.converters["free"] = _segment(free)
    shared = SharedRoutes(contracts, choice)
    own = [(_endpoint(c, route), c, route) for c in contracts for route in c.routes]
    forms = {at: route.errors or contract.errors for at, contract, route in own}
    errors = Errors(forms, prefix, shared, _paths(contracts, free), usual)
    app.register_error_handler(Exception, errors.answer)
    # Of two routes at one path, Werkzeug takes the one that was added first.
    for contract in sorted(contracts, key=lambda one: not one.goes_first):
        app.register_blueprint(_blueprint(contract, errors))
    known = {at: (one.name, route.scope) for at, one, route in own}
    known |= shared.mount(app, prefix)
    scopes = {at: scope for at, (_, scope) in known.items()}
    probes = {at for at, scope in scopes.items() if scope is Scope.PROBE}
    limits = dict.fromkeys(probes, 0)
    limits |= {at: route.body_limit for at, _, route in own if route.body_limit is not None}
    owners = {at: name for at, (name, _) in known.items()}
    tensors = shared.with_tensors.union(at for at, _, route in own if route.takes_tensors)
    at_once = frozenset(probes.union(at for at, _, route in own if route.at_once))
    admin = {at: at for at, scope in scopes.items() if scope is Scope.ADMIN}
    changes = admin | {at: route.change for at, _, route in own if route.change}
    predict = {at for at, scope in scopes.items() if scope is Scope.PREDICT} - changes.keys()
    pages = frozenset(predict.union(at for at, _, route in own if route.for_pages))
    of_routes = limits, tensors, at_once, changes, pages
    return Mounted(contracts, scopes, owners, *of_routes, errors.answer)


def extend(app: Flask, code_dir: Path) -> bool:
    """Call `init_app(app)` of the directory's custom_flask.py; return whether there is one.

    Raises:
        CustomCodeError: several such files, one that does not import, or init_app raised.
    """
    if (path := ModelDirectory(code_dir).custom_flask) is None:
        return False
    sys.path.insert(0, str(path.parent))
    where = f"Failed to extend Flask app from [{path.relative_to(code_dir)}] :"
    try:
        module = importlib.import_module("custom_flask")
    except BaseException as error:
        raise CustomCodeError(f"{where} {error}", type(error).__name__) from error
    init_app = getattr(module, "init_app", None)
    if not callable(init_app):
        raise CustomCodeError(f"{where} it has no function init_app(app)")
    call_at_load(init_app, path, "", app)
    return True


def _paths(
    contracts: Iterable[Contract], free: str
) -> tuple[tuple[re.Pattern[str], tuple[str, ErrorForm]], ...]:
    return tuple(
        (re.compile(start.replace(FREE_SEGMENT, free)), (contract.name, errors))
        for contract in contracts
        for start, errors in contract.paths
    )


def _contract(name: str, context: ContractContext) -> Contract:
    made = plugins.load(plugins.CONTRACTS, name)(context)
    if not isinstance(made, Contract):
        raise PluginError(
            f"the plugin {name!r} in {plugins.CONTRACTS} gives a {type(made).__name__}, but a "
            "plugin of this group gives a drum_like.http.contract.Contract; update the plugin"
        )
    return made


def _blueprint(contract: Contract, errors: Errors) -> Blueprint:
    below = errors.prefix if contract.below_prefix else ""
    name = contract.endpoints or contract.name
    blueprint = Blueprint(name, __name__, url_prefix=below or "/")
    for route in contract.routes:
        view = _view(route)
        for rule in spellings(route.rule):
            blueprint.add_url_rule(rule, route.endpoint, view, methods=[route.method])
    blueprint.register_error_handler(Exception, errors.answer)
    if contract.finish is not None:
        blueprint.after_request(contract.finish)
    return blueprint


def _view(route: Route) -> Callable[..., Response]:
    """Return the view of a route, which reads no body beyond the route's limit."""
    if route.body_limit is None:
        return route.view

    def answer(**values: str) -> Response:
        request.max_content_length = route.body_limit
        return route.view(**values)

    return answer


def _endpoint(contract: Contract, route: Route) -> str:
    return f"{contract.endpoints or contract.name}.{route.endpoint}"


def _reserved(contracts: Iterable[Contract]) -> set[str]:
    """Return the first segments of the longer paths of contracts that have no free segments."""
    own, others = set[str](), set[str]()
    for contract in contracts:
        is_free = any(_FREE in route.rule for route in contract.routes)
        (own if is_free else others).update(_firsts(contract))
    return others - own  # H2O's own paths begin with /model/


def _firsts(contract: Contract) -> Iterator[str]:
    """Yield the first segments of a contract's longer paths, parameters left out."""
    rules = (*(r.rule for r in contract.routes), *(c.rule for c in contract.claims))
    for rule in rules:
        first, _, rest = rule.strip("/").partition("/")
        if rest and not first.startswith("<"):
            yield first


def _segment(pattern: str) -> type[BaseConverter]:
    """Return the converter of a segment; its routes go before the probes' paths of any depth."""
    members = {"regex": pattern, "part_isolating": False, "weight": 50}
    return type("FreeSegment", (BaseConverter,), members)
