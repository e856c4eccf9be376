"""The audit log: exactly one line for each change that somebody asks for, made or refused."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from drum_like import logs
from drum_like.store.location import Place
from drum_like.store.store import open_store
from drum_like.system import audit
from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, REG
from tests.support.projects import project
from tests.support.sagemaker import METADATA, SUM
from tests.support.serving import Server, run, serve
from tests.support.wallaroo_api import Api, sums, version_id

ADMIN, READER = "ann@example.org", "reader of all"
SECRETS = {ADMIN: "all of it, please", READER: "looking only", "wrong": "guessed-word"}
CREDENTIALS = f"""
- {{name: {ADMIN}, passphrase: '{SECRETS[ADMIN]}'}}
- {{name: {READER}, passphrase: {SECRETS[READER]}, scopes: [observe, predict]}}
"""
API = "/v1/api"
CONFIGURATIONS = "/api/v1/mlrun-runtime/configurations"
CONTRACTS = "probes,drum,open_inference,projects,wallaroo"

Line = dict[str, Any]
Act = Callable[[], Reply]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audited")


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    """A server that asks who calls, and logs as little as it may."""
    (root / "credentials.yaml").write_text(CREDENTIALS)
    flags = ("--credentials", str(root / "credentials.yaml"), "--store", str(root / "store"))
    words = (*REG.flags, *flags, "--contracts", CONTRACTS, "--logging-level", "critical")
    with serve(REG.write(root / "m"), *words, *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without credentials, whose lines are for people."""
    root = tmp_path_factory.mktemp("open")
    flags = ("--store", str(root / "store"), "--contracts", CONTRACTS, "--log-format", "text")
    with serve(REG.write(root / "m"), *REG.flags, *flags, *ONE_WORKER) as running:
        yield running


def lines(server: Server) -> list[Line]:
    """Return the lines of the audit log so far."""
    found = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    return [line for line in found if line["logger"] == "drum_like.audit"]


def told(server: Server, act: Act) -> tuple[Reply, list[Line]]:
    """Return an answer, and the lines that the audit log got for it."""
    before = len(lines(server))
    reply = act()
    return reply, lines(server)[before:]


def the_line(server: Server, act: Act) -> Line:
    """Return the one line for a request, whose status and id it has."""
    reply, found = told(server, act)
    assert len(found) == 1, (reply.text, found)
    line = found[0]
    assert line["status"] == reply.status
    assert line["request_id"] == reply.headers["X_Request_ID"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
    assert line["level"] == "info"
    return line


def shown(who: str | None) -> dict[str, str]:
    return {} if who is None else {"Authorization": f"Bearer {SECRETS[who]}"}


def post(
    server: Server, path: str, content: Any, who: str | None = ADMIN, method: str = "POST"
) -> Reply:
    headers = {"Content-Type": "application/json", **shown(who)}
    return call(server.url, method, path, body=json.dumps(content), headers=headers)


def operation(server: Server, query: str, who: str | None = ADMIN, **variables: Any) -> Reply:
    return post(server, "/v1/graphql", {"query": query, "variables": variables}, who)


def upload(server: Server, name: str, content: bytes, who: str | None = ADMIN) -> Reply:
    query = f"name={name}&filename=m.onnx&visibility=private&workspace_id=1"
    headers = {"Content-Type": "application/octet-stream", **shown(who)}
    path = f"{API}/models/upload_stream?{query}"
    return call(server.url, "POST", path, body=content, headers=headers)


class Steps:
    """Changes that an administrator makes, one after the other."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def done(self, what: str, path: str, content: Any, **names: str) -> Any:
        """Make a change; demand its line."""
        replies: list[Reply] = []

        def act() -> Reply:
            replies.append(post(self.server, f"{API}/{path}", content))
            return replies[0]

        self.has_told(the_line(self.server, act), what, names)
        return replies[0].json()

    def has_told(self, line: Line, what: str, names: Mapping[str, str]) -> None:
        """Demand the line of a change that was made."""
        verb, _, subject = what.partition(" ")
        whole = {"who": ADMIN, "verb": verb, "object": subject, "outcome": "done", **names}
        assert line.items() >= {**whole, "door": "wallaroo"}.items()


@pytest.fixture
def steps(server: Server) -> Steps:
    return Steps(server)


def uuids(server: Server, name: str) -> dict[int, str]:
    """Return the UUIDs of the versions of a model by their ids."""
    found = post(server, f"{API}/models/list_versions", {"model_id": name}).json()
    return {one["id"]: one["model_version"] for one in found}


def test_every_change_of_models_is_a_line(server: Server, steps: Steps) -> None:
    reply, (first,) = told(server, lambda: upload(server, "churn", sums(2.0)))
    second = the_line(server, lambda: upload(server, "churn", sums(3.0)))
    version = version_id(reply)
    by_id = uuids(server, "churn")
    uuid = by_id.pop(version)

    steps.has_told(first, "upload model", {"model": "churn", "version": "1"})
    steps.has_told(second, "upload model", {"model": "churn", "version": "2"})
    steps.done(
        "set configuration", "models/insert_model_config", {"model_version_id": version},
        model="churn", version="1",
    )  # fmt: skip
    alias = {"workspace_id": 1, "model_id": "churn", "alias": "live"}
    given = {**alias, "model_version": uuid}
    steps.done("set alias", "models/set_alias", given, model="churn", version="1", alias="live")
    steps.done("set alias", "models/set_alias", alias, model="churn", alias="live")
    some = {"model_versions": list(by_id.values()), "confirm_delete": True}
    names = {"model": "churn", "version": "2"}
    steps.done("delete version", "models/delete_model_versions", some, **names)
    whole = {"workspace_id": 1, "model_id": "churn", "confirm_delete": True}
    steps.done("delete model", "models/delete_model", whole, model="churn")


def test_every_change_of_workspaces_is_a_line(server: Server, steps: Steps) -> None:
    named = {"workspace_name": "room"}
    room = steps.done("create workspace", "workspaces/create", named, workspace="room")
    member = {**room, "user_id": "bob"}
    steps.done("add member", "workspaces/add_user", member, user="bob")
    steps.done("remove member", "workspaces/remove_user", member, user="bob")

    query = "mutation CreateDefaultUserWorkspace { insert_workspace_one { id } }"
    names = {"user_id": "eve", "workspace_name": "eve's room"}
    mine = the_line(server, lambda: operation(server, query, **names))
    steps.has_told(mine, "create workspace", {"user": "eve", "workspace": "eve's room"})
    person = "/auth/admin/realms/master/users/bob"
    enabled = the_line(server, lambda: post(server, person, {"enabled": True}, method="PUT"))
    steps.has_told(enabled, "change user", {"user": "bob"})


def test_every_change_of_pipelines_is_a_line(server: Server, steps: Steps) -> None:
    version = version_id(upload(server, "of-a-line", sums(6.0)))
    model = {"name": "of-a-line", "version": uuids(server, "of-a-line")[version], "sha": "-"}
    definition = {"steps": [{"ModelInference": {"models": [model]}}]}
    new = {"pipeline_id": "line", "workspace_id": 1, "definition": definition}

    made = steps.done("create pipeline", "pipelines/create", new, pipeline="line")
    wanted = {"deploy_id": "d", "pipeline_version_pk_id": made["pipeline_variant_pk_id"]}
    deployed = steps.done("deploy pipeline", "pipelines/deploy", wanted, pipeline="line")
    gone = {"deployment_id": deployed["id"]}
    steps.done("undeploy pipeline", "pipelines/undeploy", gone, pipeline="line", deployment="d")
    query = "mutation Deploy { update_deployment_by_pk { id } }"
    again = the_line(server, lambda: operation(server, query, id=deployed["id"]))
    steps.has_told(again, "deploy pipeline", {"pipeline": "line"})


@pytest.mark.parametrize("route", ["upload", "upload_and_convert"])
def test_a_form_is_one_upload(open_server: Server, route: str) -> None:
    api = Api(open_server)
    before = open_server.log().count("drum_like.audit")

    reply = api.upload(api.metadata(f"of-{route.replace('_', '-')}"), sums(), route=route)

    assert reply.status in (200, 202)
    assert open_server.log().count("drum_like.audit") == before + 1


CHANGES = (
    *(("POST", f"{API}/models/{name}") for name in ("upload", "upload_and_convert")),
    *(("POST", f"{API}/models/{name}") for name in ("upload_stream", "insert_model_config")),
    *(("POST", f"{API}/models/{name}") for name in ("delete_model", "delete_model_versions")),
    *(("POST", f"{API}/pipelines/{name}") for name in ("create", "deploy", "undeploy")),
    *(("POST", f"{API}/workspaces/{name}") for name in ("create", "add_user", "remove_user")),
    ("POST", f"{API}/models/set_alias"),
    ("POST", "/v1/graphql"),
    ("PUT", "/auth/admin/realms/master/users/bob"),
    ("DELETE", CONFIGURATIONS),
    ("DELETE", f"{CONFIGURATIONS}/of-nobody"),
)


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("who", [READER, "wrong", None])
def test_who_may_not_change_anything_is_a_line(
    server: Server, method: str, path: str, who: str | None
) -> None:
    line = the_line(server, lambda: post(server, path, {}, who, method))

    known = who == READER
    expected = (403, READER, "refused") if known else (401, None, "refused")
    assert (line["status"], line["who"], line["outcome"]) == expected
    assert line["verb"]
    assert ("a stranger" in line["msg"]) is not known


def test_a_page_of_another_site_is_a_line(server: Server) -> None:
    headers = {"Content-Type": "application/json", "Origin": "https://evil.example"}
    path = f"{API}/workspaces/create"
    line = the_line(
        server,
        lambda: call(server.url, "POST", path, body="{}", headers={**headers, **shown(ADMIN)}),
    )

    assert (line["who"], line["status"], line["outcome"]) == (ADMIN, 403, "refused")


@pytest.mark.parametrize(
    ("path", "content", "names"),
    [
        ("models/delete_model", {"workspace_id": 1, "model_id": "no", "confirm_delete": True},
         {"model": "no"}),
        ("models/set_alias", {"workspace_id": 1, "model_id": "no", "alias": "a"},
         {"model": "no", "alias": "a"}),
        ("models/set_alias", "no object", {}),
        ("models/delete_model", {"model_id": {"a": "secret"}, "workspace_id": 1}, {}),
        ("workspaces/create", {"workspace_name": "No\nLabel"}, {"workspace": "No\nLabel"}),
        ("pipelines/deploy", {"deploy_id": "d", "pipeline_id": 99}, {"pipeline": "99"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_a_line(
    server: Server, path: str, content: Any, names: Mapping[str, str]
) -> None:
    line = the_line(server, lambda: post(server, f"{API}/{path}", content))

    assert (line["who"], line["outcome"]) == (ADMIN, "refused")
    assert line.items() >= names.items()
    assert "secret" not in json.dumps(line)


def test_a_model_that_does_not_load_is_refused_in_a_line(server: Server) -> None:
    line = the_line(server, lambda: upload(server, "broken", b"no model"))

    assert (line["outcome"], line["status"], line["model"]) == ("refused", 400, "broken")
    assert "version" not in line


def test_a_refused_operation_of_the_sdk_is_a_line(server: Server) -> None:
    deploy = the_line(server, lambda: operation(server, "mutation Deploy { x }", id=99))
    unknown = the_line(server, lambda: operation(server, "mutation SetVisibility { x }"))

    assert (deploy["status"], deploy["outcome"], deploy["verb"]) == (200, "refused", "deploy")
    assert (unknown["status"], unknown["outcome"], unknown["verb"]) == (200, "refused", "run")


def test_who_only_looks_is_no_line(server: Server) -> None:
    post(server, f"{API}/workspaces/create", {"workspace_name": "looked-at"})
    upload(server, "looked-at", sums(4.0))
    looked = {"workspace_id": 1, "model_id": "looked-at"}

    _, found = told(server, lambda: post(server, f"{API}/models/list", {"workspace_id": 1}))
    found += told(server, lambda: post(server, f"{API}/models/delete_model", looked))[1]
    found += told(server, lambda: operation(server, "query UserDefaultWorkspace { x }"))[1]
    found += told(server, lambda: operation(server, "query IntrospectionQuery { x }"))[1]
    path = f"{API}/models/upload"
    found += told(server, lambda: call(server.url, "OPTIONS", path, headers=shown(ADMIN)))[1]
    found += told(server, lambda: server.get("/info/", **shown(READER)))[1]

    assert found == []


def test_a_configuration_that_goes_is_a_line(server: Server, root: Path) -> None:
    store = open_store(Place(root / "store"))
    try:
        made, bound = project(store, "first")[0], project(store, "second")[0]
    finally:
        store.close()
    query = f"?project_id=second&pipeline_name={bound.new.pipeline_name}"

    one = the_line(server, lambda: post(server, f"{CONFIGURATIONS}/{made.id}", {}, method="DELETE"))
    other = the_line(server, lambda: post(server, CONFIGURATIONS + query, {}, method="DELETE"))

    done = {"verb": "delete", "object": "configuration", "outcome": "done", "door": "projects"}
    assert one.items() >= {**done, "configuration": made.id, "project": "first"}.items()
    assert other.items() >= {**done, "configuration": bound.id, "project": "second"}.items()


def test_models_that_triton_s_clients_load_and_unload_are_lines(server: Server) -> None:
    path = "/v2/repository/models"
    loaded = the_line(server, lambda: post(server, f"{path}/m/load", {}, READER))
    kept = the_line(server, lambda: post(server, f"{path}/m/unload", {}, READER))
    missing = the_line(server, lambda: post(server, f"{path}/no/load", {}, READER))

    assert loaded.items() >= {
        "verb": "load", "object": "model", "model": "m", "version": "1", "outcome": "done",
        "who": READER, "door": "open_inference",
    }.items()  # fmt: skip
    assert (kept["verb"], kept["status"], kept["outcome"]) == ("unload", 501, "failed")
    assert (missing["model"], missing["status"], missing["outcome"]) == ("no", 404, "refused")


@pytest.mark.parametrize("credential", ["", SECRETS[ADMIN]])
def test_models_that_sagemaker_loads_and_unloads_are_lines(tmp_path: Path, credential: str) -> None:
    SUM.plus(**{"model-metadata.yaml": METADATA}).write(tmp_path / "models" / "sum" / "model")
    env = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_BASE_DIR": str(tmp_path)}
    env |= {"DRUM_LIKE_PASSPHRASE": credential} if credential else {}
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {credential}"} if credential else {}
    body = json.dumps({"model_name": "a b", "url": "sum/model"})
    with serve(None, *ONE_WORKER, env=env) as server:

        def ask(method: str, path: str) -> Line:
            return the_line(
                server, lambda: call(server.url, method, path, body=body, headers=headers)
            )

        found = [ask("POST", "/models"), ask("POST", "/models"), ask("DELETE", "/models/a%20b")]
        found.append(ask("DELETE", "/models/no"))
        refused = call(server.url, "POST", "/models", body=body) if credential else None
        last = lines(server)[-1]

    who = "passphrase" if credential else "anonymous"
    outcomes = [(one["verb"], one["outcome"], one["model"], one["who"]) for one in found]
    assert outcomes == [
        ("load", "done", "a b", who),
        ("load", "refused", "a b", who),
        ("unload", "done", "a b", who),
        ("unload", "refused", "no", who),
    ]
    assert found[0]["door"] == "sagemaker"
    if refused is not None:
        assert (last["status"], last["who"], last["outcome"]) == (401, None, "refused")


def test_a_line_for_people(open_server: Server) -> None:
    assert upload(open_server, "churn", sums(2.0), None).status == 200
    odd = {"workspace_name": "a outcome=done\n2026 INFO forged"}
    assert post(open_server, f"{API}/workspaces/create", odd, None).status == 400

    done, refused = [
        line.partition(" ")[2]
        for line in open_server.log().splitlines()
        if "drum_like.audit" in line
    ][-2:]
    assert re.fullmatch(
        r"INFO drum_like\.audit: upload model by anonymous through wallaroo: done \(200\) "
        r"model=churn version=\d+ \[request_id=\S+\]",
        done,
    )
    named = r'workspace="a outcome=done\n2026 INFO forged"'
    assert re.fullmatch(
        r"INFO drum_like\.audit: create workspace by anonymous through wallaroo: refused \(400\) "
        + re.escape(named)
        + r" \[request_id=\S+\]",
        refused,
    )


def test_a_long_name_is_cut(server: Server) -> None:
    content = {"workspace_name": "x" * 5000}
    line = the_line(server, lambda: post(server, f"{API}/workspaces/create", content))

    assert line["workspace"] == "x" * 128


def test_no_line_has_a_secret(server: Server) -> None:
    for who in (ADMIN, READER, "wrong"):
        post(server, f"{API}/workspaces/create", {"workspace_name": "secrets"}, who)

    assert not [secret for secret in SECRETS.values() if secret in server.log()]


def test_all_fields_are_declared(server: Server) -> None:
    upload(server, "declared", sums(7.0))
    upload(server, "declared", sums(7.0), None)

    used = {name for line in lines(server) for name in line}
    assert used <= {*logs.FIELDS, *audit.FIELDS}
    assert used >= {"who", "verb", "object", "door", "outcome", "status", "model", "version"}


def told_by(*words: str | Path, log_format: str = "json", **env: str) -> tuple[int, list[str]]:
    """Return the exit code of `models`, and its lines of the audit log."""
    done = run("models", *words, env={"DRUM_LIKE_LOG_FORMAT": log_format, **env})
    assert not [secret for secret in SECRETS.values() if secret in done.stderr]
    return done.returncode, [line for line in done.stderr.splitlines() if "drum_like.audit" in line]


def test_commands_that_change_a_store_are_lines(tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(sums())
    (tmp_path / "no.onnx").write_bytes(b"no model")
    store = ("--store", str(tmp_path / "store"))
    runs = [
        told_by("push", "churn", file, *store),
        told_by("push", "churn", tmp_path / "no.onnx", *store),
        told_by("alias", "churn", "live", *store),
        told_by("alias", "churn", "live", "--remove", *store),
        told_by("rm", "churn@7", *store),
        told_by("rm", "churn@1", *store),
        told_by("rm", "churn", "--all-versions", *store),
    ]

    assert [code for code, _ in runs] == [0, 1, 0, 0, 1, 0, 0]
    events = [json.loads(line) for _, (line,) in runs]
    assert {(one["door"], bool(one["who"]), one["model"]) for one in events} == {
        ("cli", True, "churn")
    }
    found = [
        (f"{one['verb']} {one['object']}", one["outcome"], one.get("version")) for one in events
    ]
    assert found == [
        ("upload model", "done", "1"),
        ("upload model", "refused", None),
        ("set alias", "done", "1"),
        ("set alias", "done", None),
        ("delete version", "refused", "7"),
        ("delete version", "done", "1"),
        ("delete model", "done", None),
    ]
    assert events[2]["alias"] == events[3]["alias"] == "live"
    assert told_by("list", *store) == (0, [])
    code, (text,) = told_by("rm", "no", "--all-versions", *store, log_format="text")
    assert code == 1
    assert re.search(r"delete model by \S+ through cli: refused model=no$", text)


def test_a_command_that_asks_a_server_is_a_line_of_the_server(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(sums(5.0))
    before = len(lines(server))

    there = told_by("push", "sent", file, "--url", server.url, DRUM_LIKE_TOKEN=SECRETS[ADMIN])

    assert there == (0, [])
    (line,) = lines(server)[before:]
    assert line.items() >= {"who": ADMIN, "model": "sent", "outcome": "done"}.items()
