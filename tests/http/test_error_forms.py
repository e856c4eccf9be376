"""Every error through every route of every contract: status, body, log line and headers."""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound, Unauthorized
from werkzeug.test import TestResponse

from drum_like import errors as module
from drum_like.config.server_settings import ServerSettings
from drum_like.config.store_settings import StoreSettings
from drum_like.errors import (
    BusyError,
    ColumnsError,
    DrumLikeError,
    HookError,
    LoadError,
    ScoringError,
    SettingsError,
    StoreBusyError,
    StoreError,
    UserError,
)
from drum_like.http.contract import Contract, ContractContext
from drum_like.http.errors import ErrorForm, drum_form
from drum_like.http.mounting import make_contracts, mount
from drum_like.registry.open import open_sources
from drum_like.system.lifecycle import Readiness
from drum_like.system.stats import Timings

EVERY = [
    error
    for error in vars(module).values()
    if isinstance(error, type) and issubclass(error, DrumLikeError)
]

USUAL = {
    "DrumLikeError": 500,
    "SettingsError": 513,
    "TypeSchemaError": 513,
    "LoadError": 513,
    "NotLoadedError": 513,
    "ArtifactError": 513,
    "PluginError": 513,
    "CustomCodeError": 513,
    "RequestError": 422,
    "MediaTypeError": 422,
    "CharsetError": 415,
    "BodyError": 400,
    "PayloadError": 422,
    "SizeError": 413,
    "ColumnsError": 422,
    "OutputSchemaError": 422,
    "UnsupportedError": 404,
    "NotFoundError": 404,
    "ConflictError": 409,
    "UploadError": 400,
    "ArchiveError": 400,
    "CodeError": 400,
    "EndpointError": 422,
    "ScoringError": 500,
    "HookError": 500,
    "PredictorError": 500,
    "TargetError": 500,
    "StoreError": 500,
    "StoreFullError": 507,
    "StoreBusyError": 503,
    "BusyError": 503,
    "UserError": 418,
}
"""DRUM's statuses, and those of contracts that are silent."""

NOT_DRUMS = {422: 400, 513: 500}
"""H2O and Wallaroo: all that the caller can mend is 400, and a model that does not load 500."""


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contract]:
    """Return all contracts, as a server with a store has them."""
    names = (
        *("probes", "drum", "chat", "h2o", "ecosystem", "mlflow", "databricks"),
        *("projects", "wallaroo"),
    )
    store = StoreSettings(store=tmp_path_factory.mktemp("store"))
    settings = ServerSettings(location=store, contracts=names)
    sources = open_sources(settings)
    context = ContractContext(
        sources.resolver,
        settings,
        Timings(),
        Readiness(),
        parts=sources.parts,
        serves_names=sources.serves_names,
    )
    return {contract.name: contract for contract in make_contracts(context)}


def made(kind: type[DrumLikeError]) -> DrumLikeError:
    return UserError("said", 418) if kind is UserError else kind("said")


class Failing:
    """An application whose views of a contract raise one error after the other.

    Args:
        contract: The contract.
    """

    def __init__(self, contract: Contract) -> None:
        self.error: Exception = DrumLikeError()
        routes = tuple(replace(route, view=self._raise) for route in contract.routes)
        claims = tuple(
            replace(claim, view=self._raise, rank=at, fits=lambda _: True)
            for at, claim in enumerate(contract.claims)
        )
        app = Flask("test", static_folder=None)
        app.url_map.strict_slashes = False
        mount(
            app,
            (replace(contract, routes=routes, claims=claims),),
            drum_form(hide_errors=False),
            "",
        )
        self._client = app.test_client()
        self._requests = tuple(requests_of(contract))

    def responses(self, error: Exception) -> Iterator[tuple[str, TestResponse]]:
        """Return the path and the response of each route."""
        self.error = error
        for method, path in self._requests:
            yield path, self._client.open(path, method=method)

    def _raise(self, **_: Any) -> NoReturn:
        raise self.error


@pytest.fixture(scope="module")
def failing(contracts: dict[str, Contract]) -> dict[str, Failing]:
    return {name: Failing(contract) for name, contract in contracts.items()}


def requests_of(contract: Contract) -> Iterator[tuple[str, str]]:
    """Return a method and a path for each route."""
    stands = [(at.method, at.rule) for at in contract.routes]
    stands += [(at.method, at.rule) for at in contract.claims]
    for method, rule in stands:
        yield method, re.sub(r"<[^>]+>", "x", rule)


def expected(contract: str, kind: type[DrumLikeError]) -> int:
    usual = USUAL[kind.__name__]
    if contract == "h2o":
        own = {"UnsupportedError": 501, "EndpointError": 501, "MediaTypeError": 415}
        return own.get(kind.__name__, NOT_DRUMS.get(usual, usual))
    if contract == "wallaroo":
        return {"MediaTypeError": 415}.get(kind.__name__, NOT_DRUMS.get(usual, usual))
    if contract in ("mlflow", "databricks"):
        own = {"MediaTypeError": 415, "EndpointError": 422 if contract == "mlflow" else 400}
        is_client = usual == 422 or issubclass(kind, ScoringError)
        return own.get(kind.__name__, 400 if is_client else usual)
    if contract == "projects" and issubclass(kind, LoadError | SettingsError):
        return 500
    return usual


def is_runtime(contract: str, path: str) -> bool:
    """Whether a route is one of the runtime's, which says 200 whatever happens."""
    return contract == "ecosystem" and path not in ("/invocations", "/invocate")


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_error_has_its_status_in_every_contract(
    failing: dict[str, Failing], kind: type[DrumLikeError], caplog: pytest.LogCaptureFixture
) -> None:
    for name, server in failing.items():
        caplog.clear()
        for path, response in server.responses(made(kind)):
            where = f"{name} {path}"
            if is_runtime(name, path):
                assert response.json == {"ErrorMessage": "said"}, where
                assert response.status_code == 200, where
            else:
                assert response.status_code == expected(name, kind), where
            assert "said" in response.text, where
            ours = issubclass(kind, ScoringError | StoreError)
            assert [r.levelno for r in caplog.records] == [logging.ERROR] * ours, where
            retries = response.headers.get("Retry-After")
            assert retries == ("1" if kind in (StoreBusyError, BusyError) else None), where
            caplog.clear()


@pytest.mark.parametrize("status", [404, 405, 401])
def test_flasks_errors_keep_their_status_and_headers_in_every_contract(
    failing: dict[str, Failing], status: int
) -> None:
    errors = {404: NotFound(), 405: MethodNotAllowed(["PUT"]), 401: Unauthorized()}
    for name, server in failing.items():
        for path, response in server.responses(errors[status]):
            assert response.status_code == status, f"{name} {path}"
            assert response.is_json, f"{name} {path}"
            assert response.headers.get("Allow") == ("PUT" if status == 405 else None)


def test_a_mistake_of_ours_is_500_logged_and_tells_no_text(
    failing: dict[str, Failing], caplog: pytest.LogCaptureFixture
) -> None:
    for name, server in failing.items():
        caplog.clear()
        for path, response in server.responses(KeyError("secret")):
            assert response.status_code == 500, f"{name} {path}"
            assert "KeyError" in response.text, f"{name} {path}"
            assert "secret" not in response.text, f"{name} {path}"
            assert len(caplog.records) == 1, f"{name} {path}"
            caplog.clear()


def every_form(contracts: dict[str, Contract]) -> Iterator[ErrorForm]:
    for contract in contracts.values():
        yield contract.errors
        yield from (claim.errors for claim in contract.claims)
        yield from (route.errors for route in contract.routes if route.errors is not None)


def test_texts_of_custom_py_are_left_out_where_that_is_asked_for(
    contracts: dict[str, Contract],
) -> None:
    app = Flask("test")
    with app.test_request_context("/"):
        for form in every_form(contracts):
            hiding = replace(form, hide_errors=True)

            error = HookError("score failed.", "secret")

            assert "secret" in form.answer(error).get_data(as_text=True)
            hidden = hiding.answer(error).get_data(as_text=True)
            assert "secret" not in hidden
            assert "score failed." in hidden


@pytest.mark.parametrize(
    ("contract", "row"), [("drum", "row 3"), ("wallaroo", "row 3"), ("h2o", "row 2 (counted")]
)
def test_rows_are_counted_as_the_contract_counts(
    contracts: dict[str, Contract], contract: str, row: str
) -> None:
    with Flask("test").test_request_context("/"):
        response = contracts[contract].errors.answer(ColumnsError("no number in row 3", 2))

    assert row in response.get_data(as_text=True)


def test_every_class_of_error_is_in_the_table() -> None:
    assert {kind.__name__ for kind in EVERY} == set(USUAL)
