"""Operations that the SDK sends to /v1/graphql, and the requests with which it begins."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.http_calls import Reply
from tests.support.wallaroo_api import Api


@pytest.fixture
def api(store_api: Api) -> Api:
    return store_api.in_new_workspace()


def ask(api: Api, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables})
    reply = api.server.post("/v1/graphql", body, "application/json")
    assert reply.status == 200
    return reply.json()


def test_introspection_tells_the_schema(store_api: Api) -> None:
    answer = ask(store_api, "query IntrospectionQuery { __schema { queryType { name } } }")

    assert answer["data"]["__schema"]["queryType"]["name"] == "query_root"


def test_everybody_has_a_default_workspace(store_api: Api) -> None:  # C76
    query = 'query UserDefaultWorkspace($user_id: String = "") { user_default_workspace { id } }'

    (found,) = ask(store_api, query, user_id="ann")["data"]["user_default_workspace"]

    assert found["workspace"]["id"] == 1
    assert found["workspace"].keys() >= {"archived", "created_at", "name", "users", "models"}


def test_a_default_workspace_is_made_once(store_api: Api) -> None:
    query = "mutation CreateDefaultUserWorkspace { insert_workspace_one { id } }"
    fields = {"user_id": "eve", "workspace_name": "eve@example.org - Default Workspace"}

    first = ask(store_api, query, **fields)
    second = ask(store_api, query, **fields)
    (found,) = ask(store_api, "query UserDefaultWorkspace { x }", user_id="eve")["data"][
        "user_default_workspace"
    ]

    assert first == second
    assert found["workspace"]["id"] == first["data"]["insert_workspace_one"]["id"]
    assert found["workspace"]["users"] == [{"user_id": "eve"}]


def test_models_are_found_by_id_name_and_text(api: Api) -> None:  # C76
    version = api.stored("m")
    uuid = api.version(version)["file_info"]["version"]

    by_id = ask(api, f"query ModelById {{ model_by_pk(id: {version}) {{ id sha }} }}")
    by_name = ask(api, "query ModelByName { model { id } }", model_id="m", model_version=uuid)
    search = ask(api, "query GetModels { search_models { id } }", search_term=uuid[:13])
    workspace = ask(api, "query WorkspaceById { workspace_by_pk { id } }", id=api.workspace)

    model = by_id["data"]["model_by_pk"]
    assert (model["status"], model["model_id"], model["id"]) == ("ready", "m", version)
    assert model["model"]["workspace"]["id"] == api.workspace
    assert by_name["data"]["model"][0]["id"] == version
    assert search["data"]["search_models"] == [{"id": version}]
    (inside,) = workspace["data"]["workspace_by_pk"]["models"]
    assert inside["models"] == [{"id": version}]


def test_pipelines_and_deployments_are_found_by_id(api: Api) -> None:
    version = api.stored("m")
    config = api.configure(version, filter_threshold=0.5)
    where = api.deploy("p", version)
    deployment = int(where.partition("/")[0].rpartition("-")[2])

    found = ask(api, "query DeploymentById { x }", deployment_id=deployment)["data"]
    pipeline_version = found["deployment_by_pk"]["deployment_pipeline_versions"][0]
    variant_id = pipeline_version["pipeline_version"]["id"]
    variant = ask(api, "query PipelineVariantById { x }", variant_id=variant_id)["data"]
    pipeline_id = variant["pipeline_version_by_pk"]["pipeline"]["id"]
    pipeline = ask(api, "query PipelineById { x }", pipeline_id=pipeline_id)["data"]
    deployed = ask(api, "query GetDeploymentForPipeline { x }", pipeline_id=pipeline_id)["data"]
    configured = ask(api, "query ModelConfigById { x }", model_config_id=config["id"])["data"]

    assert found["deployment_by_pk"]["deploy_id"] == "p"
    assert found["deployment_by_pk"]["deployed"] is True
    assert found["deployment_by_pk"]["deployment_model_configs"] == [
        {"model_config": {"id": config["id"]}}
    ]
    assert variant["pipeline_version_by_pk"]["definition"]["id"] == "p"
    assert pipeline["pipeline_by_pk"]["pipeline_versions"][0]["id"] == variant_id
    assert deployed["pipeline_by_pk"]["deployment"]["id"] == deployment
    assert configured["model_config_by_pk"]["model"] == {"id": version}
    assert configured["model_config_by_pk"]["filter_threshold"] == 0.5
    assert ask(api, "query QueryLimitStatus { x }", id=1)["data"] == {"deployment": []}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("query Unheard { x }", id="unknown"),
        pytest.param("{ x }", id="anonymous"),
        pytest.param("query ModelById { model_by_pk(id: 999999) { id } }", id="no-such-model"),
        pytest.param("query ModelById { model_by_pk { id } }", id="no-id"),
        pytest.param("query WorkspaceById { x }", id="no-variable"),
    ],
)
def test_what_goes_wrong_is_said_in_the_answer(store_api: Api, query: str) -> None:
    answer = ask(store_api, query)

    assert list(answer) == ["errors"]
    assert answer["errors"][0]["message"]


def _token(api: Api, **fields: str) -> Reply:
    path = "/auth/realms/master/protocol/openid-connect/token"
    return api.server.post(path, urlencode(fields), "application/x-www-form-urlencoded")


def test_a_password_gives_a_token_that_tells_who_one_is(store_api: Api) -> None:  # C89
    first = _token(store_api, grant_type="password", username="ann@example.org", password="x")
    token = first.json()["refresh_token"]
    second = _token(store_api, grant_type="refresh_token", refresh_token=token)

    for reply in (first, second):
        answer = reply.json()
        claims = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[1] + "=="))
        assert claims["email"] == "ann@example.org"
        assert claims["sub"]
        assert answer["expires_in"] > 0
    assert _token(store_api, grant_type="magic").status == 400


def test_the_architecture_is_told_without_credentials(store_api: Api) -> None:
    answer = store_api.server.get("/v1/api/config").json()

    assert answer["default_arch"] in {"x86", "arm", "power10"}
