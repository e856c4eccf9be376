"""Refusals of the calls that only other Wallaroo servers do, and deployments that come back."""

import json
from typing import Any

import pytest

from tests.support.http_calls import Reply, call
from tests.support.wallaroo_api import Api

USERS = "/auth/admin/realms/master/users"


def ask(api: Api, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables})
    return api.server.post("/v1/graphql", body, "application/json").json()


def change(api: Api, user: str, content: str) -> Reply:
    headers = {"Content-Type": "application/json"}
    return call(api.server.url, "PUT", f"{USERS}/{user}", body=content, headers=headers)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/api/assays/create", "assays"),
        ("/v2/api/assays/schedule", "assays"),
        ("/v1/api/connections/create", "connections"),
        ("/v1/api/orchestration/upload", "orchestrations"),
        ("/v1/api/task/kill", "tasks"),
        ("/v1/api/models/create_registry", "registries"),
        ("/v1/api/models/upload_from_registry", "registries"),
        ("/v1/api/pipelines/publish", "published"),
        ("/v1/api/pipelines/add_edge_to_publish", "edges"),
        ("/v1/api/pipelines/get_sidekick_pod_logs", "pods"),
        ("/v1/api/pipelines/get_logs", "logs"),
        ("/v1/logs/topic/t/records", "logs"),
        ("/v1/api/pipelines/infer/p-1/p/openai/v1/completions", "OpenAI"),
        ("/v1/api/users/deactivate", "users"),
    ],
)
def test_what_is_not_done_here_says_why(store_api: Api, path: str, said: str) -> None:
    reply = store_api.server.post(path, "{}", "application/json")

    assert reply.status == 501
    assert reply.json().keys() == {"msg", "code"}
    assert reply.json()["msg"].startswith("Not implemented: ")
    assert said in reply.json()["msg"]


def test_an_unknown_path_and_a_wrong_method_are_what_they_were(store_api: Api) -> None:
    assert store_api.refused("models/nothing") == 404
    assert store_api.server.get("/v1/api/assays/list").status == 405


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("CreateTag", "tags"),
        ("ModelsByTagId", "tags"),
        ("RemoveTagFromModel", "tags"),
        ("AddCommentToModel", "comments"),
        ("CommentById", "comments"),
        ("GetOrchestration", "orchestrations"),
        ("SetActive", "assays"),
        ("ReplaceModel", "pipeline"),
    ],
)
def test_operations_that_are_refused_say_why(store_api: Api, operation: str, said: str) -> None:
    (error,) = ask(store_api, f"mutation {operation} {{ x }}")["errors"]

    assert said in error["message"]


def test_every_user_is_enabled(store_api: Api) -> None:
    enabled = change(store_api, "ann@example.org", '{"enabled": true}')
    disabled = change(store_api, "ann@example.org", '{"enabled": false}')

    assert (enabled.status, enabled.body) == (204, b"")
    assert disabled.status == 501
    assert "users are not kept here" in disabled.json()["msg"]


def test_what_was_undeployed_is_deployed_again(store_api: Api) -> None:
    api = store_api.in_new_workspace()
    where = api.deploy("again", api.stored("m"))
    deployment = int(where.partition("/")[0].rpartition("-")[2])
    query = "mutation Deploy { update_deployment_by_pk { id deploy_id deployed } }"
    api.got("pipelines/undeploy", deployment_id=deployment)
    gone = api.post("status/get_deployment", {"name": f"again-{deployment}"}).status

    first, second = (ask(api, query, id=deployment)["data"] for _ in range(2))

    assert gone == 404
    assert first == second
    assert first["update_deployment_by_pk"]["deployed"] is True
    assert api.got("status/get_deployment", name=f"again-{deployment}")["status"] == "Running"
    assert ask(api, query, id=999_999)["errors"]
