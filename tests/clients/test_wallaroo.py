"""The real SDK of Wallaroo against a real server; `make clients` runs it."""

import base64
import csv
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import Server, serve

pytest.importorskip("wallaroo", reason="make clients installs it")

import httpx
import pandas as pd
import pyarrow as pa
import wallaroo
from wallaroo.exceptions import InferenceError, ModelUploadError
from wallaroo.framework import Framework
from wallaroo.object import InvalidNameError

ONE_FIELD = pa.schema([pa.field("a", pa.float32())])
SCHEMAS = {"input_schema": ONE_FIELD, "output_schema": ONE_FIELD}
TEMPLATES = Path(__file__).parents[2] / "model_templates"
ONNX, XGBOOST = "onnx_regression", "xgboost_binary"


@dataclass(frozen=True, slots=True)
class Known:
    """A template's sample and what the template says of it.

    Attributes:
        path: The model file.
        rows: The cells of each row.
        expected: The predictions.
    """

    path: Path
    rows: list[list[float]]
    expected: list[Any]


def known(template: str) -> Known:
    """Return a template's model file, rows and predictions."""
    folder = TEMPLATES / template
    with (folder / "sample.csv").open(newline="") as file:
        rows = [list(map(float, row)) for row in list(csv.reader(file))[1:]]
    answer = json.loads((folder / "expected.json").read_text())
    return Known(next(folder.glob("model.[!j]*")), rows, answer["predictions"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("store")
    with serve(None, "--store", str(root), "--max-workers", "2") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The SDK, logged in by a token, in a workspace of its own."""
    path = tmp_path_factory.mktemp("credentials") / "token.json"
    path.write_text('{"token": "any", "user_email": "ann@example.org", "user_id": "ann"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WALLAROO_SDK_CREDENTIALS", str(path))
        made = wallaroo.Client(api_endpoint=server.url, auth_type="token")
        made.set_current_workspace(made.create_workspace(f"team-{uuid.uuid4().hex[:8]}"))
        yield made


@pytest.fixture(scope="module")
def regressor(client: Any) -> Any:
    """The ONNX model, whose one input callers name `tensor`."""
    version = client.upload_model("regressor", known(ONNX).path, framework=Framework.ONNX)
    return version.configure(tensor_fields=["tensor"])


@pytest.fixture(scope="module")
def classifier(client: Any) -> Any:
    """The XGBoost model with schemas, once it is ready."""
    return client.upload_model(
        "classifier",
        known(XGBOOST).path,
        framework=Framework.XGBOOST,
        input_schema=pa.schema([pa.field("inputs", pa.list_(pa.float64(), 30))]),
        output_schema=pa.schema([pa.field("predictions", pa.float32())]),
    )


@pytest.fixture(scope="module")
def pipeline(client: Any, regressor: Any) -> Iterator[Any]:
    """A deployed pipeline over the ONNX model."""
    made = client.build_pipeline("progression")
    made.add_model_step(regressor)
    made.deploy()
    yield made
    made.undeploy()


def model_named(client: Any, name: str) -> Any:
    """Return a model of the current workspace with all its versions."""
    return next(model for model in client.list_models() if model.name() == name)


def graphql_calls(server: Server) -> int:
    """Return the number of requests to GraphQL."""
    return server.log().count("POST /v1/graphql")


def test_workspaces_are_listed_and_found(client: Any) -> None:
    mine = client.get_current_workspace()

    assert mine.name() in [workspace.name() for workspace in client.list_workspaces()]
    assert client.get_workspace(mine.name()).id() == mine.id()


def test_a_new_client_has_a_default_workspace(server: Server, client: Any) -> None:
    del client  # its credentials are used again

    fresh = wallaroo.Client(api_endpoint=server.url, auth_type="token")

    assert fresh.get_current_workspace().id() == 1


def test_an_upload_is_a_version(regressor: Any) -> None:
    assert regressor.name() == "regressor"
    assert regressor.file_name() == "model.onnx"
    assert len(regressor.sha()) == 64
    assert str(uuid.UUID(regressor.version())) == regressor.version()
    assert regressor.status() == "ready"
    assert regressor.config().tensor_fields() == ["tensor"]
    assert regressor.config().runtime() == "onnx"


def test_a_conversion_is_waited_for(classifier: Any) -> None:
    assert classifier.status() == "ready"
    assert classifier.error_summary() is None
    assert classifier.config().runtime() == "flight"


def test_schemas_come_back(client: Any) -> None:
    version = client.upload_model("schemas", known(ONNX).path, framework=Framework.ONNX)
    schema = pa.schema([pa.field("X", pa.list_(pa.float32(), 10))])

    configured = version.configure(input_schema=schema, batch_config="single")

    encoded = configured.config().input_schema()
    assert pa.ipc.read_schema(pa.py_buffer(base64.b64decode(encoded))) == schema


def test_models_and_versions_are_listed(client: Any, regressor: Any, classifier: Any) -> None:
    names = [model.name() for model in client.list_models()]
    found = model_named(client, "classifier")

    assert {"regressor", "classifier"} <= set(names)
    assert [version.version() for version in found.versions()] == [classifier.version()]
    assert client.get_model("classifier").version() == classifier.version()
    by_name = client.model_version_by_name("regressor", regressor.version())
    assert by_name.id() == regressor.id()
    assert classifier.version() in [one.version() for one in client.search_models("classifier")]


def test_a_second_upload_is_a_second_version(client: Any) -> None:
    first = client.upload_model("again", known(ONNX).path, framework=Framework.ONNX)
    second = client.upload_model("again", known(ONNX).path, framework=Framework.ONNX)

    versions = model_named(client, "again").versions()

    assert {one.version() for one in versions} == {first.version(), second.version()}
    assert first.sha() == second.sha()


def test_plain_calls_need_no_graphql(server: Server, client: Any, regressor: Any) -> None:
    before = graphql_calls(server)

    version = client.upload_model("quiet", known(ONNX).path, framework=Framework.ONNX)
    version.configure(tensor_fields=["tensor"])
    seen = (version.name(), version.sha(), version.file_name(), version.config().tensor_fields())
    listed = client.list_models()
    versions, room = listed[0].versions(), listed[0].workspace()
    name = f"quiet-{uuid.uuid4().hex[:8]}"
    made = client.create_workspace(name)
    found = client.get_workspace(name)
    image = client.register_model_image("quiet-image", "registry.example.org/a:1")
    with pytest.raises(ModelUploadError):
        client.upload_model("quiet-zip", known(ONNX).path, framework=Framework.CUSTOM, **SCHEMAS)

    assert seen[0] == "quiet"
    assert versions
    assert room.id() == client.get_current_workspace().id()
    assert found.id() == made.id()
    assert image.name() == "quiet-image"
    assert regressor.name() == "regressor"
    assert graphql_calls(server) == before


def test_a_data_frame_is_inferred(pipeline: Any) -> None:
    sample = known(ONNX)

    answer = pipeline.infer(pd.DataFrame({"tensor": sample.rows}))

    assert list(answer.columns) == ["time", "in.tensor", "out.variable", "anomaly.count"]
    assert [row[0] for row in answer["out.variable"]] == pytest.approx(sample.expected)
    assert pipeline.status()["status"] == "Running"


def test_a_table_is_inferred(pipeline: Any) -> None:
    sample = known(ONNX)
    rows = pa.array(sample.rows, pa.list_(pa.float32()))

    answer = pipeline.infer(pa.table({"tensor": rows}))

    assert answer.column_names == ["time", "in.tensor", "out.variable", "anomaly.count"]
    assert [row[0] for row in answer["out.variable"].to_pylist()] == pytest.approx(sample.expected)


def test_columns_of_an_inference_are_chosen(pipeline: Any) -> None:
    rows = pd.DataFrame({"tensor": known(ONNX).rows[:1]})

    some = pipeline.infer(rows, dataset=["time", "out"])
    all_of_them = pipeline.infer(rows, dataset=["*", "metadata"])
    few = pipeline.infer(rows, dataset_exclude=["in", "anomaly"])

    last = json.loads(all_of_them["metadata.last_model"][0])
    assert list(some.columns) == list(few.columns) == ["time", "out.variable"]
    assert last["model_name"] == "regressor"
    assert len(last["model_sha"]) == 64


def test_a_wrong_row_is_an_inference_error(pipeline: Any) -> None:
    with pytest.raises(InferenceError, match=r"\[400\] missing columns"):
        pipeline.infer(pd.DataFrame({"other": [[1.0]]}))


def test_a_schema_is_inferred_with_and_a_pipeline_undeployed(client: Any, classifier: Any) -> None:
    sample = known(XGBOOST)
    made = client.build_pipeline("tumours")
    made.add_model_step(classifier)
    made.deploy()

    answer = made.infer(pd.DataFrame({"inputs": sample.rows}))
    made.undeploy()

    expected = [row["malignant"] for row in sample.expected]
    assert answer["out.predictions"].tolist() == pytest.approx(expected, abs=1e-6)
    with pytest.raises(InferenceError, match=r"\[404\]"):
        made.infer(pd.DataFrame({"inputs": sample.rows}))


def test_what_is_no_zip_is_an_upload_error(client: Any) -> None:
    with pytest.raises(ModelUploadError, match=r"\[400\] Bad request: Not a valid ZIP file\."):
        client.upload_model("custom", known(ONNX).path, framework=Framework.CUSTOM, **SCHEMAS)


def test_names_that_pass_the_client_are_refused_by_the_server(client: Any) -> None:
    with pytest.raises((ModelUploadError, InvalidNameError)):
        client.upload_model("Upper", known(ONNX).path, framework=Framework.ONNX)


def test_an_image_is_registered(client: Any) -> None:
    version = client.register_model_image("image", "registry.example.org/a:1").configure(**SCHEMAS)

    assert version.config().runtime() == "mlflow"


def test_a_password_logs_in(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WALLAROO_USER", "eve@example.org")
    monkeypatch.setenv("WALLAROO_PASSWORD", "secret")

    client = wallaroo.Client(api_endpoint=server.url, auth_type="user_password")

    assert client.list_workspaces()


def test_the_page_shows_the_same_to_other_clients(server: Server, client: Any) -> None:
    workspace_id = client.get_current_workspace().id()

    answer = httpx.post(
        f"{server.url}/v1/api/models/list", json={"workspace_id": workspace_id}, timeout=10
    ).json()

    assert answer["models"][0].keys() == {"id", "name", "owner_id", "created_at", "updated_at"}


def test_pipelines_are_listed_found_and_searched(client: Any, pipeline: Any) -> None:
    room, name = client.get_current_workspace(), "progression"

    got = client.get_pipeline(name)
    listed = [client.list_pipelines(), client.list_pipelines(workspace_id=room.id())]
    listed.append(client.list_pipelines(workspace_name=room.name()))
    named = client.pipelines_by_name(name)
    searched = client.search_pipelines(name, workspace_id=room.id())
    deployed = client.search_pipelines(deployed=True, workspace_name=room.name())
    versions = client.search_pipeline_versions(search_term="regressor")

    assert got.id() == pipeline.id()
    assert got.workspace().id() == room.id()
    assert all(pipeline.id() in [one.id() for one in found] for found in listed)
    assert pipeline.id() in [one.id() for one in named]
    assert {one.pipeline().name() for one in searched} == {name}
    assert pipeline.versions()[0].id() in [one.id() for one in deployed]
    assert pipeline.versions()[0].id() in [one.id() for one in versions]
    assert client.list_pipelines(workspace_name="nowhere") == []
    assert client.search_pipelines(f"no-{name}") == []
    newer = datetime.now(UTC) + timedelta(days=1)
    assert client.search_pipelines(name, created_start=newer) == []
    assert pipeline.versions()[0].id() in [
        one.id() for one in client.search_pipelines(name, created_end=newer)
    ]


def test_a_configuration_of_a_pipeline_is_shown(pipeline: Any) -> None:
    found = pipeline.get_pipeline_configuration()

    assert found["pipeline_id"] == "progression"
    assert found["version"] == pipeline.versions()[0].name()
    assert found["definition"] == pipeline.versions()[0].definition()


def test_deployments_are_listed_and_found(client: Any, pipeline: Any) -> None:
    ids = [one.id() for one in client.list_deployments()]

    name = pipeline._deployment.name()  # noqa: SLF001 - the SDK shows it nowhere else
    assert pipeline._deployment.id() in ids  # noqa: SLF001 - as above
    assert client.deployment_by_name(name).name() == name


def test_models_are_searched_in_a_workspace_and_a_time(client: Any, regressor: Any) -> None:
    room, newer = client.get_current_workspace(), datetime.now(UTC) + timedelta(days=1)

    inside = client.search_models("regressor", workspace_id=room.id())
    named = client.search_model_versions("regressor", workspace_name=room.name())

    assert [one.id() for one in inside] == [one.id() for one in named] == [regressor.id()]
    assert client.search_models("regressor", workspace_name="nowhere") == []
    assert client.search_models("regressor", uploaded_time_start=newer) == []
    assert client.search_models("regressor", uploaded_time_end=newer)


def test_users_are_names(client: Any) -> None:
    room = client.create_workspace(f"shared-{uuid.uuid4().hex[:8]}")

    room.add_user("bob@example.org").add_owner("eve@example.org")

    assert len(client.list_users()) == 1
    assert client.get_email_by_id("bob@example.org") == "bob@example.org"
    assert client.get_user_by_email("bob@example.org").email() == "bob@example.org"
    assert {"bob@example.org", "eve@example.org"} <= {one.email() for one in room.users()}
    with pytest.raises(Exception, match="already exists"):
        room.add_user("bob@example.org")
    room.remove_user("bob@example.org")
    assert "bob@example.org" not in {one.email() for one in room.users()}


def test_what_is_not_there_is_an_empty_list(client: Any, pipeline: Any) -> None:
    room = client.get_current_workspace()
    empty = [
        client.list_orchestrations(),
        client.list_tasks(),
        client.list_connections(),
        room.list_connections(),
        client.list_tags(),
        client.list_publishes(),
        client.list_model_registries(),
        client.list_assays(),
        pipeline.publishes(),
    ]

    assert [list(one) for one in empty] == [[]] * len(empty)
