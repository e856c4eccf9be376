"""GET /openapi.json: one document, of exactly the operations of this server."""

from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.contracts.ui.documents import METHODS, described, nameless, served
from drum_like.http.app import create_app
from tests.support.models import REG
from tests.support.serving import Server

ALL: tuple[str, ...] = ()


def test_the_document_is_served(reg: Server) -> None:
    reply = reg.get("/openapi.json")

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.json()["info"]["title"] == "drum-like"
    assert "post" in reply.json()["paths"]["/predict/"]


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(ALL, id="all"),
        pytest.param(("--contracts", "openapi,drum"), id="two"),
        pytest.param(("--contracts", "openapi,probes,h2o", "--url-prefix", "/a/b"), id="prefix"),
        pytest.param(("--store",), id="store"),
    ],
)
def test_it_describes_the_operations_that_there_are(tmp_path: Path, flags: tuple[str, ...]) -> None:
    model = REG.write(tmp_path / "model")
    where = (str(tmp_path / "store"),) if "--store" in flags else ()
    arguments = ["server", "--code-dir", str(model), *REG.flags, *flags, *where]
    settings = load(ServerSettings, arguments, {})
    app = create_app(settings).flask
    with app.test_client() as client:
        document: dict[str, Any] = client.get(f"{settings.url_prefix}/openapi.json").get_json()

    assert not list(OpenAPIV31SpecValidator(document).iter_errors())
    assert _operations(document, settings.url_prefix) == served(app)


def _operations(document: dict[str, Any], prefix: str) -> set[tuple[str, str]]:
    """Return the operations of a document, those at the root and below the prefix."""
    found: set[tuple[str, str]] = set()
    for (method, path), written, _ in described(document):
        servers = document["paths"][written].get("servers", [{"url": prefix}])
        found |= {(method, nameless(one["url"].rstrip("/") + path)) for one in servers}
    return found


def test_names_of_operations_and_components_are_apart(reg: Server) -> None:
    document = reg.get("/openapi.json").json()

    names = [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    ]
    assert len(set(names)) == len(names)
    assert {name.partition(".")[0] for name in document["components"]["schemas"]} >= {
        "drum",
        "h2o_scorer",
    }


def test_a_shared_operation_takes_the_bodies_of_each_contract(reg: Server) -> None:
    operation = reg.get("/openapi.json").json()["paths"]["/invocations"]["post"]

    content = operation["requestBody"]["content"]
    assert "anyOf" in content["application/json"]["schema"]
    assert "text/csv" in content
