"""The Wallaroo contract of a server that asks who calls."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.http_calls import Part, Reply, call, form
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve
from tests.support.wallaroo_api import sums, version_id

SPECIFICATION = Path(__file__).parents[2] / "openapi" / "wallaroo.yaml"
OPEN = "/v1/api/config"
INFER = "/v1/api/pipelines/infer/m-0/m"
PATHS = sorted(
    path.format(deployment="m-0", pipeline="m")
    for path, methods in yaml.safe_load(SPECIFICATION.read_text())["paths"].items()
    if "get" not in methods or path == OPEN
)
USERS = "/auth/admin/realms/master/users"
CLOSED = [path for path in PATHS if path not in (OPEN, INFER)]
CREDENTIALS = """
- {name: ann@example.org, passphrase: all of it}
- {name: reader, passphrase: looking only, scopes: [observe, predict]}
"""
BAD = {
    "nothing": {},
    "nobody's": {"Authorization": "Bearer wrong"},
    "unsigned": {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ."},
    "no-scheme": {"Authorization": "all of it"},
}
ANN = {"Authorization": "Bearer all of it"}
READER = {"Authorization": "Bearer looking only"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("locked")
    (root / "credentials.yaml").write_text(CREDENTIALS)
    credentials = ("--credentials", str(root / "credentials.yaml"))
    with serve(None, "--store", str(root / "store"), *credentials, *ONE_WORKER) as running:
        yield running


def post(server: Server, path: str, content: Any, shown: dict[str, str]) -> Reply:
    """POST a JSON object with the headers that somebody shows."""
    headers = {"Content-Type": "application/json", **shown}
    return call(server.url, "POST", path, body=json.dumps(content), headers=headers)


def upload(server: Server, shown: dict[str, str]) -> Reply:
    """POST a model."""
    metadata = {"name": "m", "workspace_id": 1, "conversion": {"framework": "onnx"}}
    parts = (Part("metadata", json.dumps(metadata), None), Part("file", sums(), "m.onnx"))
    body, kind = form(*parts)
    headers = {"Content-Type": kind, **shown}
    return call(server.url, "POST", "/v1/api/models/upload", body=body, headers=headers)


@pytest.mark.parametrize("shown", BAD.values(), ids=BAD)
def test_every_call_needs_a_credential(server: Server, shown: dict[str, str]) -> None:  # C50
    replies = {path: post(server, path, {}, shown) for path in CLOSED}

    assert len(replies) > 30
    for path, reply in replies.items():
        assert reply.status == 401, path
        assert reply.json() == {"msg": "Jwt is missing", "code": 401}
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_inference_needs_one_in_the_form_of_the_engine(server: Server) -> None:  # C50
    reply = post(server, INFER, [{"x": [1, 2, 3]}], {})

    assert reply.status == 401
    assert reply.json() == {
        "code": 401, "status": "error", "error": "Jwt is missing", "source": "platform",
    }  # fmt: skip


def test_the_architecture_is_told_to_everybody(server: Server) -> None:
    assert server.get(OPEN).status == 200


def test_who_may_only_look_changes_nothing(server: Server) -> None:
    uploaded = upload(server, READER)
    made = post(server, "/v1/api/workspaces/create", {"workspace_name": "w"}, READER)
    listed = post(server, "/v1/api/models/list", {"workspace_id": 1}, READER)

    assert (uploaded.status, made.status, listed.status) == (403, 403, 200)
    assert uploaded.json()["code"] == 403


def test_a_version_and_a_workspace_say_who_made_them(server: Server) -> None:
    version = version_id(upload(server, ANN))
    room = post(server, "/v1/api/workspaces/create", {"workspace_name": "own"}, ANN).json()

    told = post(
        server, "/v1/api/models/get_version_by_id", {"model_version_id": version}, READER
    ).json()["model_version"]["model_version"]
    rooms = post(server, "/v1/api/workspaces/list", {}, READER).json()["workspaces"]
    users = post(server, "/v1/api/workspaces/list_users", room, READER).json()

    assert told["created_by"] == "ann@example.org"
    by_id = {one["id"]: one["created_by"] for one in rooms}
    assert by_id[room["workspace_id"]] == "ann@example.org"
    assert users == {"users": [{"user_id": "ann@example.org", "user_type": "OWNER"}]}


@pytest.mark.parametrize("path", [USERS, f"{USERS}/ann@example.org"])
def test_users_are_shown_to_those_who_may_look(server: Server, path: str) -> None:
    refused = [call(server.url, "GET", path, headers=shown).status for shown in BAD.values()]
    mine = call(server.url, "GET", path, headers=ANN).json()

    assert set(refused) == {401}
    assert (mine[0] if isinstance(mine, list) else mine)["email"] == "ann@example.org"
