"""Wallaroo's page of model management, line by line: each call by Python's requests and by curl.

The models are those of the page, as far as this server makes them: one of several versions, some
of them broken, and one beside it. Only `get_by_id` with nothing but a workspace is refused, where
the page's table and its own example disagree.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
import requests

from tests.support.artifacts import content, native_xgboost
from tests.support.curl import curl
from tests.support.http_calls import Part
from tests.support.models import ONE_WORKER
from tests.support.serving import serve
from tests.support.wallaroo_api import Api, areas, schema, sums, version_id

JSON = "application/json"
TOKEN = "Bearer all of it"
CREDENTIALS = "- {name: ann@example.org, passphrase: all of it}\n"
MULTI, SAMPLE = "api-upload-pytorch-multi-io", "api-sample-model"
IMAGE = "proxy.example.org/mlflow-deploy:v2023.4.0"
NONE = type(None)

ITEM = {"id": int, "name": str, "owner_id": str, "created_at": str, "updated_at": str}
VERSION = {
    "sha": str,
    "models_pk_id": int,
    "model_version": str,
    "owner_id": str,
    "model_id": str,
    "id": int,
    # An image that was registered without a file has no name of one.
    "file_name": str | None,
    "image_path": str | None,
}
LISTED_VERSION = {**VERSION, "status": str}
CONFIG = {"id": int, "runtime": str, "tensor_fields": NONE, "filter_threshold": NONE}
BY_ID = {**ITEM, "workspace_id": int, "model_config": dict}
SET = {
    "batch_config": None,
    "filter_threshold": 0.1,
    "input_schema": None,
    "output_schema": None,
    "tensor_fields": ["dense_1"],
}
FLOATS = schema(("x", pa.list_(pa.float32(), 3)))
SUM = schema(("variable", pa.list_(pa.float32(), 1)))


@dataclass(frozen=True, slots=True)
class Page:
    """The server of the page.

    Attributes:
        api: The same store without a credential, to make what the page shows.
        endpoint: Where the page's client sends its calls; it asks for a credential.
        versions: Ids of the versions of the first model, the oldest first.
    """

    api: Api
    endpoint: str
    versions: tuple[int, ...]


def by_requests(page: Page, path: str, sent: Any) -> Any:
    """Return the JSON of a call as the page makes it in Python."""
    reply = requests.post(
        f"{page.endpoint}/{path}",
        json=sent,
        headers={"Authorization": TOKEN},
        verify=True,
        timeout=60,
    )
    assert reply.status_code == 200, reply.text
    return reply.json()


def by_curl(page: Page, path: str, sent: Any) -> Any:
    """Return the JSON of a call as the page makes it in a shell."""
    reply = curl(
        f"{page.endpoint}/{path}",
        *("-H", f"Authorization: {TOKEN}", "-H", f"Content-Type: {JSON}"),
        *("--data", json.dumps(sent)),
    )
    assert (reply.status, reply.headers["Content-Type"]) == (200, JSON), reply.text
    return reply.json()


both = pytest.mark.parametrize("call", [by_requests, by_curl], ids=["requests", "curl"])


def cut_off() -> bytes:
    """Return half a file of XGBoost, which does not load."""
    whole = content(native_xgboost(".ubj"), "model.ubj")
    return whole[: len(whole) // 2]


def made(api: Api) -> tuple[int, ...]:
    """Make the models of the page; return the versions of the first one."""
    api.stored(SAMPLE)
    first = version_id(api.upload(api.metadata(MULTI), sums(2.0), "ccfraud.onnx"))
    second = version_id(api.upload(api.metadata(MULTI), sums(2.0), MULTI))
    image = api.metadata(MULTI, "mlflow", image_path=IMAGE)
    third = version_id(api.send("upload", (Part("metadata", json.dumps(image), None),)))
    last = api.converted(api.metadata(MULTI, "xgboost"), cut_off(), "model.ubj")["id"]
    return (first, second, third, last)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The models of the page, behind a server that asks for a credential."""
    root = tmp_path_factory.mktemp("page")
    (root / "credentials.yaml").write_text(CREDENTIALS, encoding="utf-8")
    flags = ("--store", str(root / "store"), *ONE_WORKER)
    asking = (*flags, "--credentials", str(root / "credentials.yaml"))
    with serve(None, *flags) as maker:
        api = Api(maker).in_new_workspace()
        versions = made(api)
        with serve(None, *asking) as server:
            yield Page(api, f"{server.url}/v1/api/models", versions)


@pytest.fixture(scope="module")
def first(page: Page) -> dict[str, Any]:
    """The first model of the list, as the page's examples take it."""
    found: dict[str, Any] = listed(page)[0]
    return found


def listed(page: Page) -> Any:
    return by_requests(page, "list", {"workspace_id": page.api.workspace})["models"]


def refused(page: Page, path: str, sent: Any) -> int:
    """Return the status of a refusal in the form of the contract."""
    reply = requests.post(
        f"{page.endpoint}/{path}", json=sent, headers={"Authorization": TOKEN}, timeout=60
    )
    assert reply.json().keys() == {"msg", "code"}
    return reply.status_code


def has(found: dict[str, Any], fields: dict[str, Any]) -> None:
    """Demand these fields, of these types, and no others."""
    assert found.keys() == fields.keys()
    wrong = [name for name, kind in fields.items() if not isinstance(found[name], kind)]
    assert wrong == []


# Names of models.


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("letters", id="lower-case-letters"),
        pytest.param("2023", id="digits"),
        pytest.param("a-1-b", id="dashes"),
    ],
)
def test_a_name_that_the_page_allows_is_taken(page: Page, name: str) -> None:
    api = page.api.in_new_workspace()

    assert api.upload(api.metadata(name), sums()).status == 200


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a.b", id="a-dot"),
        pytest.param("a_b", id="an-underscore"),
        pytest.param("Upper", id="upper-case"),
        pytest.param("größe", id="not-ascii"),
    ],
)
def test_a_name_that_the_page_forbids_is_refused(page: Page, name: str) -> None:
    api = page.api.in_new_workspace()

    assert api.upload(api.metadata(name), sums()).status == 400


# The credential.


@pytest.mark.parametrize(
    "path",
    ["list", "get_by_id", "list_versions", "get_config_by_id", "insert_model_config", "get"],
)
def test_every_call_shows_its_token(page: Page, path: str) -> None:
    reply = requests.post(f"{page.endpoint}/{path}", json={}, timeout=60)

    assert reply.status_code == 401


# Models in a workspace.


@both
def test_models_of_a_workspace_are_listed(page: Page, call: Any) -> None:
    answer = call(page, "list", {"workspace_id": page.api.workspace})

    assert answer.keys() == {"models"}
    assert [model["name"] for model in answer["models"]] == [MULTI, SAMPLE]
    for model in answer["models"]:
        has(model, ITEM)


def test_models_have_an_owner_of_two_quotes(page: Page) -> None:
    assert {model["owner_id"] for model in listed(page)} == {'""'}


@pytest.mark.parametrize("key", ["created_at", "updated_at"])
def test_times_of_models_are_of_utc(page: Page, key: str) -> None:
    times = [datetime.fromisoformat(model[key]) for model in listed(page)]

    assert {time.utcoffset() for time in times} == {timedelta(0)}
    assert all(model[key].endswith("+00:00") for model in listed(page))


def test_a_model_of_one_version_is_as_old_as_its_last_change(page: Page) -> None:
    sample = listed(page)[1]

    assert sample["updated_at"] == sample["created_at"]


def test_a_new_version_changes_a_model(first: dict[str, Any]) -> None:
    assert first["updated_at"] > first["created_at"]


def test_a_list_needs_a_workspace(page: Page) -> None:
    assert refused(page, "list", {}) == 400


# One model by its id.


@both
def test_a_model_is_found_by_its_id(page: Page, first: dict[str, Any], call: Any) -> None:
    answer = call(page, "get_by_id", {"id": first["id"]})

    has(answer, BY_ID)
    assert {name: answer[name] for name in ITEM} == first
    assert answer["workspace_id"] == page.api.workspace


@both
def test_a_model_is_shown_with_its_configuration(
    page: Page, first: dict[str, Any], call: Any
) -> None:
    config = call(page, "get_by_id", {"id": first["id"]})["model_config"]

    has(config, CONFIG)
    assert config["runtime"] == "flight"


def test_a_workspace_alone_names_no_model(page: Page) -> None:
    """A slip of the page: its table has the field of the list."""
    assert refused(page, "get_by_id", {"workspace_id": page.api.workspace}) == 400


def test_a_workspace_beside_the_id_does_no_harm(page: Page, first: dict[str, Any]) -> None:
    sent = {"id": first["id"], "workspace_id": page.api.workspace}

    assert by_requests(page, "get_by_id", sent)["name"] == MULTI


# Versions of a model.


@both
def test_versions_are_listed(page: Page, first: dict[str, Any], call: Any) -> None:
    answer = call(page, "list_versions", {"model_id": MULTI, "models_pk_id": first["id"]})

    assert {row["id"] for row in answer} == set(page.versions)
    for row in answer:
        has(row, LISTED_VERSION)
        assert (row["models_pk_id"], row["model_id"]) == (first["id"], MULTI)
        assert (row["owner_id"], str(UUID(row["model_version"]))) == ('""', row["model_version"])


@pytest.mark.parametrize("by", ["model_id", "models_pk_id"])
def test_versions_are_found_by_the_name_or_the_id_alone(
    page: Page, first: dict[str, Any], by: str
) -> None:
    sent = {by: MULTI if by == "model_id" else first["id"]}

    rows = by_requests(page, "list_versions", sent)

    assert {row["id"] for row in rows} == set(page.versions)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(0, {"file_name": "ccfraud.onnx", "status": "ready"}, id="ready"),
        pytest.param(1, {"file_name": MULTI, "status": "ready"}, id="file-without-a-suffix"),
        pytest.param(2, {"image_path": IMAGE, "file_name": None}, id="an-image"),
        pytest.param(3, {"file_name": "model.ubj", "status": "error"}, id="error"),
        pytest.param(
            0, {"sha": hashlib.sha256(sums(2.0)).hexdigest(), "image_path": None}, id="its-sha"
        ),
        pytest.param(3, {"sha": hashlib.sha256(cut_off()).hexdigest()}, id="sha-of-a-broken-one"),
    ],
)
def test_a_version_of_the_list_tells(page: Page, at: int, expected: dict[str, Any]) -> None:
    rows = {row["id"]: row for row in by_requests(page, "list_versions", {"model_id": MULTI})}

    assert expected.items() <= rows[page.versions[at]].items()


# Configurations.


@both
def test_a_configuration_is_found_by_the_id_of_a_model(
    page: Page, first: dict[str, Any], call: Any
) -> None:
    answer = call(page, "get_config_by_id", {"model_id": first["id"]})

    assert answer.keys() == {"model_config"}
    has(answer["model_config"], CONFIG)
    by_id = by_requests(page, "get_by_id", {"id": first["id"]})
    assert answer["model_config"] == by_id["model_config"]


def test_a_configuration_needs_the_id_of_a_model(page: Page) -> None:
    assert refused(page, "get_config_by_id", {}) == 400


def test_a_configuration_is_set_and_echoed(page: Page) -> None:
    version = page.api.stored("configured")

    answer = by_requests(page, "insert_model_config", {"model_version_id": version, **SET})

    assert answer.keys() == {"model_config"}
    config = answer["model_config"]
    assert isinstance(config.pop("id"), int)
    assert config == {"model_version_id": version, "runtime": "onnx", **SET}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("tensor_fields", ["any_name"], id="names-of-inputs"),
        pytest.param("batch_config", "single", id="one-row-at-a-time"),
        pytest.param("batch_config", None, id="several-rows"),
        pytest.param("filter_threshold", 1, id="a-whole-threshold"),
        pytest.param("input_schema", FLOATS, id="schema-of-the-input"),
        pytest.param("output_schema", SUM, id="schema-of-the-output"),
    ],
)
def test_each_field_of_a_configuration_may_stand_alone(page: Page, field: str, value: Any) -> None:
    version = page.api.stored("configured")
    sent = {"model_version_id": version, field: value}

    config = by_requests(page, "insert_model_config", sent)["model_config"]

    assert config.keys() == {"id", "model_version_id", "runtime", *SET}
    assert config[field] == value


def test_a_configuration_needs_a_version(page: Page) -> None:
    assert refused(page, "insert_model_config", SET) == 400


def test_inputs_are_called_by_their_new_names(page: Page) -> None:
    version = page.api.stored("renamed", areas())
    page.api.configure(version, tensor_fields=["square_feet", "house_age"])

    reply = page.api.infer(
        page.api.deploy("renamed", version), [{"square_feet": 2.5, "house_age": 4}]
    )

    assert reply.json()[0]["out.area"] == [10.0]


@pytest.mark.parametrize(
    ("batch_config", "statuses"),
    [
        pytest.param("single", [200, 400], id="one-row-at-a-time"),
        pytest.param(None, [200, 200], id="several-rows"),
    ],
)
def test_a_configuration_says_how_many_rows_a_request_has(
    page: Page, batch_config: str | None, statuses: list[int]
) -> None:
    api = page.api.in_new_workspace()
    version = api.stored("rows")
    api.configure(version, batch_config=batch_config)
    where = api.deploy("rows", version)
    row = {"x": [1.0, 2.0, 3.0]}

    assert [api.infer(where, [row] * n_rows).status for n_rows in (1, 2)] == statuses


# A model and its versions.


@both
def test_a_model_is_shown_with_its_versions(page: Page, first: dict[str, Any], call: Any) -> None:
    answer = call(page, "get", {"id": first["id"]})

    has(answer, {**ITEM, "models": list})
    assert {name: answer[name] for name in ITEM} == first
    assert {row["id"] for row in answer["models"]} == set(page.versions)
    for row in answer["models"]:
        has(row, VERSION)


def test_the_id_of_a_model_may_be_called_model_id(page: Page, first: dict[str, Any]) -> None:
    """The page's table has this name, its examples the other."""
    shown = by_requests(page, "get", {"id": first["id"]})

    assert by_requests(page, "get", {"model_id": first["id"]}) == shown


def test_both_lists_tell_the_same_of_versions(page: Page, first: dict[str, Any]) -> None:
    rows = by_requests(page, "list_versions", {"models_pk_id": first["id"]})
    for row in rows:
        row.pop("status")

    assert by_requests(page, "get", {"id": first["id"]})["models"] == rows


def test_details_need_an_id(page: Page) -> None:
    assert refused(page, "get", {}) == 400
