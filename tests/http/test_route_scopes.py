"""The scope of each route: a new route is closed until this table says otherwise."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.http.app import create_app
from tests.support.models import REG

CONTRACTS = ",".join((*ServerSettings().contracts, "projects", "wallaroo"))
ROLES = ("predict", "observe", "admin")

PAGES = frozenset({"GET /docs", "GET /ui", "GET /ui/<name>", "GET /ui/vendor/<name>"})
"""Files for browsers, which hold nothing of the model."""

OPEN = frozenset(
    {
        *("GET /", "GET /ping", "GET /health", "GET /livez", "GET /readyz"),
        *("GET /<path:_>/livez", "GET /<path:_>/readyz", "GET /v1/api/config"),
        *("GET /version", "GET /v2/health/live", "GET /v2/health/ready"),
        *("GET /actuator/health", *PAGES),
        "GET /v1/endpoints/<endpoint>/deployedModels/<deployed>",
        "GET /v1/endpoints/<endpoint>/deployedModels/<deployed>:predict",
    }
)
"""Routes that ask nobody."""

PREFLIGHTS = frozenset({"/score", "/score/"})
"""Paths whose OPTIONS ask nobody: browsers show no credential with that question."""

CHANGES = frozenset(
    {
        "DELETE /api/v1/mlrun-runtime/configurations",
        "DELETE /api/v1/mlrun-runtime/configurations/<configuration_id>",
        "PUT /auth/admin/realms/master/users/<path:user>",
        "PUT /ui/api/models/<model>",
        "PUT /ui/api/models/<model>/aliases/<alias>",
        "POST /v1/graphql",
        *(
            f"POST /v1/api/{name}"
            for name in (
                *("models/delete_model", "models/delete_model_versions", "models/upload"),
                *("models/insert_model_config", "models/set_alias", "models/upload_and_convert"),
                *("models/upload_stream", "pipelines/create", "pipelines/deploy"),
                *("pipelines/undeploy", "workspaces/create", "workspaces/add_user"),
                "workspaces/remove_user",
            )
        ),
    }
)
"""Routes that change what is served."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    root = tmp_path_factory.mktemp("scopes")
    entries = [f"- {{name: {one}, api_key: key-of-{one}, scopes: [{one}]}}\n" for one in ROLES]
    (root / "credentials.yaml").write_text("".join(entries))
    directory = REG.plus(
        custom_flask_py="def init_app(app):\n    app.add_url_rule('/own', 'own', lambda: 'own')\n"
    ).write(root / "model")
    words = ("server", "--code-dir", str(directory), "--store", str(root / "store"), *REG.flags)
    credentials = ("--credentials", str(root / "credentials.yaml"))
    settings = load(ServerSettings, [*words, "--contracts", CONTRACTS, *credentials], {})
    return create_app(settings).flask


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Return name, method and a path of each route."""
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            name = f"{method} {rule.rule.rstrip('/') or '/'}"
            path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
            path = re.sub(r"<path:[^>]*>", "x/y", path)
            yield name, method, re.sub(r"<[^>]*>", "x", path)


def admitted(app: Flask, method: str, path: str) -> frozenset[str]:
    """Return the roles that a route lets in, and "nobody" where it asks for none."""
    client = app.test_client()
    shown = {"nobody": {}, **{role: {"X-API-Key": f"key-of-{role}"} for role in ROLES}}
    statuses = {
        role: client.open(path, method=method, headers=headers).status_code
        for role, headers in shown.items()
    }
    return frozenset(role for role, status in statuses.items() if status not in (401, 403))


def test_each_route_lets_one_role_in_and_the_open_ones_are_known(app: Flask) -> None:
    found = {name: admitted(app, method, path) for name, method, path in routes(app)}

    assert len(found) > 80
    everybody = frozenset({"nobody", *ROLES})
    assert {name for name, roles in found.items() if roles == everybody} == OPEN
    assert not {name for name, roles in found.items() if name not in OPEN and len(roles) != 1}
    assert {name for name, roles in found.items() if roles == {"admin"}} == CHANGES
    assert found["GET /own"] == {"predict"}
    assert found["POST /predict"] == {"predict"}
    assert found["GET /info"] == {"observe"}


def test_operations_list_the_open_routes_that_are_probes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    _, _, rest = page.partition("<!-- generated: probes -->\n")
    table, _, _ = rest.partition("<!-- end: probes -->")
    paths = {line.split("|")[1].strip(" `") for line in table.splitlines()[2:]}

    listed = {re.sub(r"\{[^}]*\}", "x", path).rstrip("/") or "/" for path in paths}
    known = {re.sub(r"<[^>]*>", "x", name.removeprefix("GET ")) for name in OPEN - PAGES}
    assert listed == known - {"/version", "/v1/api/config"}  # these tell no state


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_methods_of_a_route_ask_as_well(app: Flask, method: str) -> None:
    client = app.test_client()
    opened = {path for name, _, path in routes(app) if name in OPEN}
    closed = {path for _, _, path in routes(app)} - opened
    closed -= PREFLIGHTS if method == "OPTIONS" else frozenset()
    statuses = {path: client.open(path, method=method).status_code for path in closed}

    assert not {path for path, status in statuses.items() if status not in (401, 405)}


def test_no_route_that_is_got_changes_anything() -> None:
    assert not [name for name in CHANGES if name.startswith(("GET ", "HEAD "))]
