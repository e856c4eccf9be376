"""Models, versions and configurations over the Wallaroo contract: shapes, orders, refusals.

The numbers of the contract's checklist stand where a test holds a row of it.
"""

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from tests.support.wallaroo_api import Api, areas, schema, sums

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00")
CONFIG_KEYS = {"id", "runtime", "tensor_fields", "filter_threshold"}
PAGE_CONFIG_KEYS = CONFIG_KEYS | {
    "model_version_id",
    "input_schema",
    "output_schema",
    "batch_config",
}
ROW_KEYS = {
    "sha",
    "models_pk_id",
    "model_version",
    "owner_id",
    "model_id",
    "id",
    "file_name",
    "image_path",
}
ITEM_KEYS = {"id", "name", "owner_id", "created_at", "updated_at"}


@pytest.fixture
def api(store_api: Api) -> Api:
    return store_api.in_new_workspace()


def listed(api: Api) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = api.got("models/list", workspace_id=api.workspace)["models"]
    return models


def pk(api: Api, name: str) -> int:
    found: int = next(model["id"] for model in listed(api) if model["name"] == name)
    return found


def test_a_list_has_the_keys_of_the_page(api: Api) -> None:  # C03 to C06
    api.stored("m")

    answer = api.got("models/list", workspace_id=api.workspace)

    assert answer.keys() == {"models"}
    (item,) = answer["models"]
    assert item.keys() == ITEM_KEYS
    assert isinstance(item["id"], int)
    assert UTC.fullmatch(item["created_at"])
    assert UTC.fullmatch(item["updated_at"])
    assert item["owner_id"] == '""'


def test_empty_and_unknown_workspaces_hold_nothing(api: Api) -> None:  # C07, C08
    assert api.got("models/list", workspace_id=api.workspace) == {"models": []}
    assert api.got("models/list", workspace_id=999_999) == {"models": []}
    assert api.got("models/list", workspace_id=None, workspace_name="nowhere") == {"models": []}


def test_a_workspace_can_be_named(api: Api) -> None:
    api.stored("m")
    names = {row["id"]: row["name"] for row in api.got("workspaces/list")["workspaces"]}

    answer = api.got("models/list", workspace_id=1, workspace_name=names[api.workspace])

    assert [model["name"] for model in answer["models"]] == ["m"]


def test_a_new_version_does_not_move_a_model_up(api: Api) -> None:  # C09, C51, C52
    first = api.stored("older")
    before = listed(api)[0]
    api.stored("newer")
    second = api.stored("older")

    names = [model["name"] for model in listed(api)]
    after = listed(api)[1]

    assert names == ["newer", "older"]
    assert second > first
    assert after["id"] == before["id"]
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]
    rows = api.rows("older")
    mine = [row for row in rows if row["models_pk_id"] == after["id"]]
    assert len({row["sha"] for row in mine}) == 1
    assert len({row["model_version"] for row in mine}) == 2


def test_the_sdk_gets_nested_items(api: Api) -> None:  # C11
    version = api.stored("m")

    (item,) = listed(api.as_sdk())

    assert item.keys() == ITEM_KEYS | {"model", "model_versions", "workspace"}
    assert item["model"].keys() == ITEM_KEYS | {"workspace_id"}
    assert item["workspace"]["id"] == api.workspace
    (pair,) = item["model_versions"]
    assert pair["model_version"]["id"] == version
    assert pair["config"]["model_version_id"] == version
    assert pair["config"]["runtime"] == "onnx"
    UUID(pair["model_version"]["file_info"]["version"])


def test_a_model_is_shown_with_its_newest_configuration(api: Api) -> None:  # C12, C13
    api.stored("m")

    answer = api.got("models/get_by_id", id=pk(api, "m"))

    assert answer.keys() == ITEM_KEYS | {"workspace_id", "model_config"}
    assert answer["workspace_id"] == api.workspace
    assert answer["model_config"].keys() == CONFIG_KEYS
    assert answer["model_config"]["runtime"] == "onnx"


def test_versions_have_the_keys_of_the_page(api: Api) -> None:  # C16 to C20
    first = api.stored("keys")
    reply = api.upload(api.metadata("keys"), sums(2.0), "some name")
    pk_id = pk(api, "keys")

    rows = api.got("models/list_versions", model_id="keys", models_pk_id=pk_id)

    newest, oldest = rows
    assert reply.status == 200
    assert oldest["id"] == first
    assert newest.keys() == ROW_KEYS | {"status"}
    assert newest["sha"] == hashlib.sha256(sums(2.0)).hexdigest()
    assert newest["file_name"] == "some name"
    assert newest["image_path"] is None
    assert newest["status"] == "ready"
    UUID(newest["model_version"])


def test_versions_are_found_by_name_or_by_model(store_api: Api) -> None:  # C21 to C24, C26, C53
    here, there = store_api.in_new_workspace(), store_api.in_new_workspace()
    name = f"twice-{here.workspace}"
    mine, other = here.stored(name), there.stored(name)
    pk_id = pk(here, name)

    def ids(**fields: Any) -> list[int]:
        return [row["id"] for row in here.got("models/list_versions", **fields)]

    assert pk_id != pk(there, name)
    assert ids(model_id=name, models_pk_id=None) == [other, mine]
    assert ids(models_pk_id=pk_id) == [mine]
    assert ids(model_id="nothing-like-it", models_pk_id=pk_id) == [mine]
    assert ids(model_id="nothing-like-it", models_pk_id=999_999) == []


def test_a_model_is_shown_with_its_versions(api: Api) -> None:  # C44, C45, C47
    api.stored("m")
    pk_id = pk(api, "m")

    page = api.got("models/get", id=pk_id)
    alias = api.got("models/get", model_id=pk_id)
    sdk = api.as_sdk().got("models/get", id=pk_id)

    assert page.keys() == ITEM_KEYS | {"models"}
    assert page["models"][0].keys() == ROW_KEYS
    assert alias == page
    assert sdk.keys() == page.keys() | {"workspace"}
    assert sdk["workspace"].keys() == {"id", "name"}
    assert sdk["models"][0].keys() == ROW_KEYS | {"status"}


def test_a_configuration_is_found_by_version_or_by_model(api: Api) -> None:  # C27 to C29
    version = api.stored("m")

    by_version = api.as_sdk().got("models/get_config_by_id", model_id=version)

    assert by_version.keys() == {"model_config"}
    assert by_version["model_config"].keys() == CONFIG_KEYS
    assert by_version["model_config"]["runtime"] == "onnx"
    assert api.got("models/get_config_by_id", model_id=999_999) == {"model_config": None}


def test_an_id_of_a_configuration_is_a_versions_to_the_sdk_and_a_models_to_others(api: Api) -> None:
    api = api.in_new_workspace()
    first, second, other = api.stored("a"), api.stored("a"), api.stored("b")
    own = {id_: api.configure(id_, filter_threshold=id_)["id"] for id_ in (first, second, other)}
    listed = api.got("models/list", workspace_id=api.workspace)["models"]
    model = next(one["id"] for one in listed if one["name"] == "b")
    # The id of this model is that of a version of another one, too, unless that was deleted.
    clash = api.as_sdk().got("models/get_config_by_id", model_id=model)["model_config"]

    plain = api.got("models/get_config_by_id", model_id=model)["model_config"]

    assert model < other
    assert plain["id"] == own[other]
    assert clash is None or clash["id"] != own[other]
    for agent in (api, api.as_sdk()):
        far = agent.got("models/get_config_by_id", model_id=other)["model_config"]
        assert far["id"] == own[other]


def test_setting_a_configuration_echoes_it_and_puts_it_in_force(api: Api) -> None:  # C31 to C34
    version = api.stored("m")
    before = api.as_sdk().got("models/get_config_by_id", model_id=version)["model_config"]["id"]

    config = api.configure(
        version,
        batch_config=None,
        filter_threshold=0.1,
        input_schema=None,
        output_schema=None,
        tensor_fields=["dense_1"],
    )

    assert config == {
        "id": config["id"],
        "model_version_id": version,
        "runtime": "onnx",
        "filter_threshold": 0.1,
        "tensor_fields": ["dense_1"],
        "input_schema": None,
        "output_schema": None,
        "batch_config": None,
    }
    assert config["id"] > before
    after = api.as_sdk().got("models/get_config_by_id", model_id=version)["model_config"]
    assert after["id"] == config["id"]


def test_schemas_stay_until_they_are_cleared(api: Api) -> None:  # C35 to C37
    version = api.stored("m")
    encoded = schema(("x", pa.list_(pa.float32(), 3)))

    first = api.configure(version, batch_config="single", filter_threshold=1, input_schema=encoded)
    text = api.post(
        "models/insert_model_config", {"model_version_id": version, "filter_threshold": 1}
    ).text
    kept = api.configure(version)
    cleared = api.configure(version, input_schema=None)

    assert (first["batch_config"], first["input_schema"]) == ("single", encoded)
    assert '"filter_threshold":1.0' in text
    assert (kept["batch_config"], kept["input_schema"]) == (None, encoded)
    assert cleared["input_schema"] is None


def test_the_sdk_gets_all_options_of_a_configuration(api: Api) -> None:
    version = api.stored("m")
    dynamic = {"max_batch_delay_ms": 10, "batch_size_target": 4, "batch_size_limit": None}

    config = api.as_sdk().configure(
        version, dynamic_batching_config=dynamic, openai_config={"enabled": False}
    )

    assert config.keys() == PAGE_CONFIG_KEYS | {
        "dynamic_batching_config",
        "continuous_batching_config",
        "queue_depth",
        "sidekick_uri",
        "openai",
    }
    assert config["dynamic_batching_config"] == dynamic
    assert config["openai"]["enabled"] is False


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"batch_config": "many"}, id="batch"),  # C38
        pytest.param({"tensor_fields": "dense"}, id="tensor-text"),  # C39
        pytest.param({"tensor_fields": [1]}, id="tensor-number"),
        pytest.param({"tensor_fields": ["a", "a"]}, id="tensor-twice"),
        pytest.param({"tensor_fields": ["a", "b"]}, id="tensor-too-many"),
        pytest.param({"filter_threshold": "x"}, id="threshold"),  # C40
        pytest.param({"input_schema": "!!!"}, id="schema"),  # C41
        pytest.param({"output_schema": "AAAA"}, id="no-message"),
        pytest.param({"input_schema": schema(("a", pa.int8()), ("b", pa.int8()))}, id="width"),
        pytest.param(
            {
                "batch_config": "single",
                "dynamic_batching_config": {"max_batch_delay_ms": 1, "batch_size_target": 2},
            },
            id="exclusive",  # C42
        ),
    ],
)
def test_wrong_configurations_are_refused(store_api: Api, fields: dict[str, Any]) -> None:
    version = store_api.stored("configured")
    before = store_api.as_sdk().got("models/get_config_by_id", model_id=version)

    status = store_api.refused(
        "models/insert_model_config", {"model_version_id": version, **fields}
    )

    assert status == 400
    assert store_api.as_sdk().got("models/get_config_by_id", model_id=version) == before


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        pytest.param("models/list", {}, 400, id="list"),  # C10
        pytest.param("models/get_by_id", {"id": 999_999}, 404, id="by-id-unknown"),  # C14
        pytest.param("models/get_by_id", {"id": "x"}, 400, id="by-id-text"),  # C15
        pytest.param("models/get_by_id", {"id": True}, 400, id="by-id-true"),
        pytest.param("models/get_by_id", {"id": 2**70}, 400, id="by-id-huge"),
        pytest.param("models/get_by_id", {}, 400, id="by-id-missing"),
        pytest.param("models/list_versions", {}, 400, id="versions"),  # C25
        pytest.param("models/get_config_by_id", {}, 400, id="config"),  # C30
        pytest.param("models/insert_model_config", {}, 400, id="insert-missing"),  # C43
        pytest.param("models/insert_model_config", {"model_version_id": 999_999}, 404, id="insert"),
        pytest.param("models/get", {}, 400, id="get-missing"),  # C46
        pytest.param("models/get", {"id": 999_999}, 404, id="get"),
        pytest.param("models/get_version_by_id", {"model_version_id": 999_999}, 404, id="version"),
        pytest.param("models/get_version_by_id", {}, 400, id="version-missing"),
        pytest.param("models/delete_model", {"model_id": "x", "workspace_id": 1}, 404, id="delete"),
        pytest.param("models/delete_model_versions", {}, 400, id="delete-nothing"),
        pytest.param("workspaces/create", {}, 400, id="workspace"),
        pytest.param("workspaces/create", {"workspace_name": "No Label"}, 400, id="workspace-name"),
        pytest.param("models/nothing", {}, 404, id="route"),
    ],
)
def test_refusals_have_the_form_of_the_contract(
    store_api: Api, path: str, content: dict[str, Any], status: int
) -> None:  # C68
    assert store_api.refused(path, content) == status


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[1]", id="list"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(b'{"workspace_id": 1, "x": "\\u0000"}', id="nul"),
    ],
)
def test_bodies_that_are_no_objects_are_refused(store_api: Api, body: bytes) -> None:
    assert store_api.refused("models/list", body=body) == 400


def test_a_wrong_method_is_refused_in_the_form_of_the_contract(store_api: Api) -> None:
    reply = store_api.server.get("/v1/api/models/list")

    assert (reply.status, reply.json()["code"]) == (405, 405)
    assert "POST" in reply.headers["Allow"]


def test_parallel_configurations_all_count_and_the_last_is_in_force(api: Api) -> None:  # C61
    version = api.stored("m")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: api.configure(version, filter_threshold=n), range(8)))

    ids = {config["id"] for config in made}
    assert len(ids) == 8
    assert api.as_sdk().got("models/get_config_by_id", model_id=version)["model_config"][
        "id"
    ] == max(ids)


def test_both_paths_of_a_version_give_the_same(api: Api) -> None:  # C66
    version = api.stored("m", areas())

    one = api.got("models/get_version_by_id", model_version_id=version)
    twin = api.got("models/get_model_version_by_id", model_version_id=version)
    sdk = api.as_sdk().version(version)

    assert one == twin
    assert one["model_version"]["config"]["model_version_id"] == version
    assert one["model_version"]["model_version"]["file_info"]["size"] == len(areas())
    assert sdk["model_id"] == "m"
    assert sdk["model"]["workspace"]["id"] == api.workspace


def test_logs_of_an_upload_have_times(api: Api) -> None:  # C67
    version = api.stored("m")

    lines = api.got("models/get_upload_logs", model_version_id=version, lines=None)["logs"]
    last = api.got("models/get_upload_logs", model_version_id=version, lines=1)["logs"]

    assert all(re.match(rf"{UTC.pattern} stderr F .", line) for line in lines)
    assert last == lines[-1:]
    assert api.got("models/get_upload_logs", model_version_id=999_999) == {"logs": []}


def test_deletes_say_what_they_would_free_before_they_are_confirmed(api: Api) -> None:
    versions = [api.stored("m", sums(float(factor))) for factor in (11, 12)]
    uuids = [api.version(version)["file_info"]["version"] for version in versions]
    fields = {"model_id": "m", "workspace_id": api.workspace}

    would = api.got("models/delete_model_versions", model_versions=uuids[:1])
    still = len(api.got("models/list_versions_for_model", **fields)["model_versions"])
    did = api.got("models/delete_model_versions", model_versions=uuids[:1], confirm_delete=True)
    left = api.got("models/list_versions_for_model", **fields)
    rest = api.got("models/delete_model", **fields, confirm_delete=True)

    assert would == did == {"bytes": len(sums(11.0))}
    assert still == 2
    assert [pair["model_version"]["id"] for pair in left["model_versions"]] == versions[1:]
    assert left["models"] == []
    assert rest == {"bytes": len(sums(12.0))}
    assert listed(api) == []


def test_what_is_deployed_is_not_deleted(api: Api) -> None:
    version = api.stored("m")
    api.deploy("p", version)

    status = api.refused(
        "models/delete_model",
        {"model_id": "m", "workspace_id": api.workspace, "confirm_delete": True},
    )

    assert status == 409
    assert api.version(version)["deployed"] is True


def test_an_alias_names_a_version(api: Api) -> None:
    uuid = api.version(api.stored("m"))["file_info"]["version"]
    fields = {"model_id": "m", "workspace_id": api.workspace}

    made = api.got("models/set_alias", **fields, alias="live", model_version=uuid)
    found = api.got("models/list_aliases", **fields)
    api.got("models/set_alias", **fields, alias="live", model_version=None)

    assert made == {"alias": "live", "model_version": uuid}
    assert found == {"aliases": {"live": uuid}}
    assert api.got("models/list_aliases", **fields) == {"aliases": {}}


def test_workspaces_are_listed_with_what_is_in_them(api: Api) -> None:  # C62
    api.stored("m")
    rows = {row["id"]: row for row in api.got("workspaces/list")["workspaces"]}
    mine = rows[api.workspace]

    status = api.refused("workspaces/create", {"workspace_name": mine["name"]})
    api.got("workspaces/add_user", workspace_id=api.workspace, email="ann@example.org")

    assert 400 <= status < 500
    assert mine["models"] == [pk(api, "m")]
    assert {"name", "created_at", "created_by", "archived", "pipelines"} <= mine.keys()
    assert api.got("workspaces/get", workspace_id=api.workspace) == mine
    assert api.got("workspaces/list_users", workspace_id=api.workspace) == {
        "users": [{"user_id": "ann@example.org", "user_type": "COLLABORATOR"}]
    }
    too_long = {"workspace_id": api.workspace, "user_id": "n" * 256}
    assert 400 <= api.refused("workspaces/add_user", too_long) < 500
    removed = api.got("workspaces/remove_user", workspace_id=api.workspace, user_id="nobody")
    assert removed == {"affected_rows": 0}
