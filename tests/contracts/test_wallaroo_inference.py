"""Pipelines of the Wallaroo contract: deployed, inferred with in both formats, undeployed."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xgboost

from tests.support.artifacts import content, native_xgboost, onnx_classifier, saved, xgboost_booster
from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER
from tests.support.serving import serve
from tests.support.wallaroo_api import (
    ARROW,
    RECORDS,
    Api,
    areas,
    from_arrow,
    schema,
    sums,
    zipped,
)

ROWS = [{"x": [1.0, 2.0, 3.5]}, {"x": [0.5, 0.25, 0.25]}]
TABLE = pa.table({"x": pa.array([row["x"] for row in ROWS], pa.list_(pa.float32(), 3))})
XGBOOST = content(native_xgboost(".ubj"), "model.ubj")


@pytest.fixture
def api(store_api: Api) -> Api:
    return store_api.in_new_workspace()


@pytest.fixture(scope="module")
def shared(store_api: Api) -> Api:
    """A workspace with one deployed pipeline, `sums`."""
    return store_api.in_new_workspace()


@pytest.fixture(scope="module")
def where(shared: Api) -> str:
    return shared.deploy("sums", shared.stored("sums"))


def refused(reply: Reply, status: int = 400, source: str = "engine") -> str:
    """Return the text of a refusal in the engine's form."""
    answer = reply.json()
    assert answer.keys() == {"code", "status", "error", "source"}
    assert (reply.status, answer["code"]) == (status, status), answer
    assert (answer["status"], answer["source"]) == ("error", source)
    return str(answer["error"])


def test_a_deployed_pipeline_runs(api: Api) -> None:  # C78
    version = api.stored("m")
    where = api.deploy("p", version)
    name = where.partition("/")[0]

    status = api.got("status/get_deployment", name=name)
    url = api.got("admin/get_pipeline_external_url", workspace_id=api.workspace, pipeline_name="p")[
        "url"
    ]
    found = api.got("pipelines/get_pipeline_by_name", workspace_id=api.workspace, pipeline_name="p")
    topic = api.got("plateau/get_topic_name", pipeline_pk_id=found["pipeline"]["id"])

    assert status.keys() == {"status", "details", "engines", "engine_lbs", "sidekicks"}
    assert status["status"] == "Running"
    assert url == f"{api.server.url}/v1/api/pipelines/infer/{where}"
    assert found["workspace"]["id"] == api.workspace
    assert topic == {"topic_name": found["plateau_topic"]}
    assert api.version(version)["deployed"] is True


def test_rows_in_json_come_back_flat(shared: Api, where: str) -> None:  # C79, C82
    reply = shared.infer(where, ROWS)

    rows = reply.json()
    assert reply.headers["Content-Type"] == RECORDS
    assert [list(row) for row in rows] == [["time", "in.x", "out.variable", "anomaly.count"]] * 2
    assert [row["in.x"] for row in rows] == [row["x"] for row in ROWS]
    assert [row["out.variable"] for row in rows] == [[6.5], [1.0]]
    assert [row["anomaly.count"] for row in rows] == [0, 0]
    assert len({row["time"] for row in rows}) == 1
    assert isinstance(rows[0]["time"], int)


def test_arrow_goes_in_and_comes_out(shared: Api, where: str) -> None:  # C80
    table = from_arrow(shared.infer(where, TABLE, accept=ARROW))

    inner = pa.field("inner", pa.float32(), nullable=False)
    assert table.schema == pa.schema(
        [
            pa.field("time", pa.int64()),
            pa.field("in.x", pa.list_(pa.float32(), 3)),
            pa.field("out.variable", pa.list_(inner), nullable=False),
            pa.field("anomaly.count", pa.uint32(), nullable=False),
        ]
    )
    assert table["out.variable"].to_pylist() == [[6.5], [1.0]]
    assert table["in.x"].equals(TABLE["x"])


def test_without_parameters_the_groups_are_nested(shared: Api, where: str) -> None:  # C81
    (row, _) = shared.infer(where, ROWS, query="").json()

    assert list(row) == ["time", "in", "out", "anomaly", "metadata"]
    assert row["in"] == ROWS[0]
    assert row["out"] == {"variable": [6.5]}
    assert row["anomaly"] == {"count": 0}
    assert row["metadata"].keys() == {
        "last_model",
        "pipeline_version",
        "elapsed",
        "dropped",
        "partition",
    }


def test_nested_groups_are_structs_in_arrow(shared: Api, where: str) -> None:
    table = from_arrow(shared.infer(where, ROWS, query="", accept=ARROW))

    assert table.column_names == ["time", "in", "out", "anomaly", "metadata"]
    assert table["out"].to_pylist()[0] == {"variable": [6.5]}


def test_arrow_without_an_accept_header_is_answered_in_json(shared: Api, where: str) -> None:  # C83
    reply = shared.infer(where, TABLE)

    assert reply.headers["Content-Type"] == RECORDS
    assert reply.json()[0]["out.variable"] == [6.5]


def test_arrow_that_is_refused_is_not_sent(shared: Api, where: str) -> None:
    reply = shared.infer(where, TABLE, accept=f"{ARROW};q=0, application/json;q=0.5")

    assert reply.headers["Content-Type"] == RECORDS


def test_metadata_tells_the_model(shared: Api, where: str) -> None:  # C84
    query = "dataset%5B%5D=*&dataset%5B%5D=metadata&dataset.separator=."

    (row, _) = shared.infer(where, ROWS, query=query).json()

    (stored,) = [one for one in shared.rows("sums") if one["status"] == "ready"][:1]
    last = json.loads(row["metadata.last_model"])
    assert last == {"model_name": "sums", "model_sha": stored["sha"]}
    assert len(row["metadata.elapsed"]) == 2
    assert all(isinstance(value, int) for value in row["metadata.elapsed"])
    assert len(row["metadata.pipeline_version"]) == 36
    assert row["metadata.dropped"] == []


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        pytest.param(
            "dataset%5B%5D=*&dataset.exclude%5B%5D=metadata&dataset.exclude%5B%5D=in"
            "&dataset.exclude%5B%5D=anomaly&dataset.separator=.",
            ["time", "out.variable"],
            id="exclude",  # C85
        ),
        pytest.param(
            "dataset%5B%5D=time&dataset%5B%5D=out&dataset.separator=.",
            ["time", "out.variable"],
            id="chosen",
        ),
        pytest.param(
            "dataset%5B%5D=out.variable&dataset%5B%5D=anomaly.count&dataset.separator=_",
            ["out_variable", "anomaly_count"],
            id="dotted",
        ),
        pytest.param("dataset%5B%5D=out&dataset.flatten=true", ["out.variable"], id="flatten"),
    ],
)
def test_columns_are_chosen(shared: Api, where: str, query: str, columns: list[str]) -> None:
    (row, _) = shared.infer(where, ROWS, query=query).json()

    assert list(row) == columns


BAD_ROWS: dict[str, Any] = {
    "null": [{"x": None}],  # C86
    "null-inside": [{"x": [1.0, None, 2.0]}],
    "unknown-field": [{"y": [1.0, 2.0, 3.0]}],
    "short": [{"x": [1.0, 2.0]}],
    "ragged": [{"x": [1.0, 2.0, 3.0]}, {"x": [1.0, 2.0]}],
    "text": [{"x": ["1", "2", "3"]}],
    "mixed": [{"x": [1.0, "2", 3.0]}],
    "objects": [{"x": {"a": 1}}],
    "other-keys": [{"x": [1.0, 2.0, 3.0]}, {"z": [1.0, 2.0, 3.0]}],
    "deep": ('[{"x": ' + "[" * 900 + "1" + "]" * 900 + "}]").encode(),
    "twice": b'[{"x": [1.0, 2.0, 3.0], "x": [1.0, 2.0, 3.0]}]',
    "no-rows": [],
    "no-columns": [{}],
    "no-list": {"x": [1.0]},
    "no-json": b"[{",
    "numbers": [1, 2],
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_are_refused(shared: Api, where: str, case: str) -> None:
    error = refused(shared.infer(where, BAD_ROWS[case]))

    assert error


def test_a_null_is_named(shared: Api, where: str) -> None:
    error = refused(shared.infer(where, [{"x": None}]))

    assert error.startswith("tensor values may not be null")


@pytest.mark.parametrize("kind", ["text/csv", "application/json; format=wallaroo"])
def test_other_types_are_not_read(shared: Api, where: str, kind: str) -> None:
    reply = shared.server.post(f"/v1/api/pipelines/infer/{where}", "[]", kind)

    refused(reply, 415)


def test_broken_arrow_is_refused(shared: Api, where: str) -> None:
    reply = shared.server.post(f"/v1/api/pipelines/infer/{where}", b"ARROW1\0\0cut", ARROW)

    refused(reply)


def test_nulls_and_twin_columns_of_arrow_are_refused(shared: Api, where: str) -> None:
    null = pa.table({"x": pa.array([[1.0, None, 2.0]], pa.list_(pa.float32()))})
    twins = pa.Table.from_arrays([TABLE["x"], TABLE["x"]], names=["x", "x"])

    assert "null" in refused(shared.infer(where, null))
    assert "same name" in refused(shared.infer(where, twins))


def test_unused_columns_are_echoed_without_a_schema(shared: Api, where: str) -> None:
    (row,) = shared.infer(where, [{"x": [1, 2, 3], "id": "abc"}]).json()

    assert (row["in.id"], row["out.variable"]) == ("abc", [6.0])


def test_parameters_that_leave_nothing_are_refused(shared: Api, where: str) -> None:
    refused(shared.infer(where, ROWS, query="dataset%5B%5D=nothing"))


def test_tensor_fields_rename_the_inputs(api: Api) -> None:
    version = api.stored("m")
    api.configure(version, tensor_fields=["tensor"])
    where = api.deploy("p", version)

    (row,) = api.infer(where, [{"tensor": [1, 2, 3]}]).json()

    assert list(row) == ["time", "in.tensor", "out.variable", "anomaly.count"]
    assert "missing columns: 'x'" not in refused(api.infer(where, [{"x": [1, 2, 3]}]))


def test_single_takes_one_row(api: Api) -> None:  # C87
    version = api.stored("m")
    api.configure(version, batch_config="single")
    where = api.deploy("p", version)

    assert api.infer(where, ROWS[:1]).status == 200
    assert "one row" in refused(api.infer(where, ROWS))


def test_a_schema_is_held_to(api: Api) -> None:
    version = api.stored("m")
    api.configure(version, input_schema=schema(("x", pa.list_(pa.float64(), 3))))
    where = api.deploy("p", version)

    assert api.infer(where, [{"x": [1, 2, 3]}]).json()[0]["out.variable"] == [6.0]
    assert "input schema" in refused(api.infer(where, [{"x": [1, 2]}]))
    assert "input schema" in refused(api.infer(where, [{"x": [1, 2, 3], "y": 1}]))


def test_inputs_are_cast_to_their_types(api: Api) -> None:
    where = api.deploy("p", api.stored("areas", areas()))

    whole = api.infer(where, [{"width": 2, "n": 2**53 + 1}, {"width": [1.5], "n": [2]}])
    rows = api.infer(where, [{"width": 2, "n": 2**53 + 1}, {"width": 1.5, "n": 2}]).json()

    refused(whole)  # scalars beside lists
    assert [row["out.area"] for row in rows] == [[float(str(np.float32(2**54)))], [3.0]]
    assert [row["out.echo"] for row in rows] == [[2**53 + 1], [2]]
    assert "fit int64" in refused(api.infer(where, [{"width": 1, "n": 1.5}]))


def test_a_classifier_of_onnx_gives_all_its_outputs(api: Api) -> None:
    trained = onnx_classifier(zipmap=True)
    where = api.deploy("p", api.stored("m", content(trained, "model.onnx")))

    (row,) = api.infer(where, [{"x": [1.5, -0.5]}]).json()

    (chances,) = [
        value for name, value in row.items() if name.startswith("out.") and "prob" in name
    ]
    assert chances[1] == pytest.approx(trained.expected, abs=1e-6)


def test_steps_follow_each_other(api: Api) -> None:
    first, second = api.stored("first"), api.stored("second", sums(2.0, 1))
    api.configure(second, tensor_fields=["variable"])
    where = api.deploy("p", first, second)

    rows = api.infer(where, ROWS, query="dataset.separator=.").json()

    assert [row["out.variable"] for row in rows] == [[13.0], [2.0]]
    assert json.loads(rows[0]["metadata.last_model"])["model_name"] == "second"
    assert len(rows[0]["metadata.elapsed"]) == 3


def test_xgboost_takes_whole_rows_under_a_schema(api: Api) -> None:
    version = api.converted(
        api.metadata(
            "m",
            "xgboost",
            input_schema=schema(("inputs", pa.list_(pa.float32(), 2))),
            output_schema=schema(
                ("predictions", pa.int64()), ("probabilities", pa.list_(pa.float32()))
            ),
        ),
        XGBOOST,
        "model.ubj",
    )
    where = api.deploy("p", version["id"])

    table = from_arrow(api.infer(where, [{"inputs": [1.5, -0.5]}], accept=ARROW))

    data = xgboost.DMatrix(np.array([[1.5, -0.5]]), feature_names=["a", "b"])
    chance = xgboost_booster().predict(data)[0]
    assert table.schema.field("out.predictions").type == pa.int64()
    assert table["out.predictions"].to_pylist() == [int(chance > 0.5)]
    assert table["out.probabilities"].to_pylist() == [pytest.approx([1 - chance, chance], abs=1e-7)]


def test_xgboost_takes_columns_by_name_without_a_schema(api: Api) -> None:
    version = api.converted(api.metadata("m", "xgboost"), XGBOOST, "model.ubj")
    where = api.deploy("p", version["id"])

    by_name = api.infer(where, [{"b": -0.5, "a": 1.5, "more": 3}]).json()[0]
    as_list = api.infer(where, [{"anything": [1.5, -0.5]}]).json()[0]

    expected = native_xgboost(".ubj").expected
    assert by_name["out.probabilities"][1] == pytest.approx(expected, abs=1e-6)
    assert as_list["out.probabilities"] == by_name["out.probabilities"]
    assert "missing columns" in refused(api.infer(where, [{"a": 1.5}]))


def test_numbers_are_printed_in_the_width_of_the_model(api: Api) -> None:
    data = np.array([[0.1, 0.2], [0.3, 0.4]])
    booster = xgboost.train({}, xgboost.DMatrix(data, [0.1, 0.7]), num_boost_round=2)
    version = api.converted(
        api.metadata("m", "xgboost"), saved(".ubj", booster.save_model), "m.ubj"
    )
    where = api.deploy("p", version["id"])

    reply = api.infer(where, [{"row": [0.1, 0.2]}])

    expected = booster.predict(xgboost.DMatrix(data))[0]
    assert f'"out.predictions":{expected!s}' in reply.text.replace(" ", "")


def test_a_directory_in_a_zip_infers(api: Api) -> None:
    files: dict[str, str | bytes] = {
        "model-metadata.yaml": "name: zipped\ntype: inference\ntargetType: regression\n",
        "model.ubj": saved(".ubj", _regressor().save_model),
    }
    version = api.converted(api.metadata("m", "custom"), zipped(files), "model.zip")
    where = api.deploy("p", version["id"])

    (row,) = api.infer(where, [{"a": 1.0, "b": 2.0}]).json()

    assert isinstance(row["out.predictions"], float)


def _regressor() -> xgboost.Booster:
    data = xgboost.DMatrix(np.eye(2), [1.0, 2.0], feature_names=["a", "b"])
    return xgboost.train({}, data, num_boost_round=1)


def test_what_is_not_ready_is_not_deployed(api: Api) -> None:
    broken = XGBOOST[: len(XGBOOST) // 2]
    version = api.converted(api.metadata("m", "xgboost"), broken, "model.ubj")
    info = version["file_info"]
    step = {"ModelInference": {"models": [{"name": "m", "version": info["version"], "sha": "x"}]}}
    made = api.got(
        "pipelines/create",
        pipeline_id="p",
        workspace_id=api.workspace,
        definition={"id": "p", "steps": [step]},
    )

    status = api.refused(
        "pipelines/deploy",
        {"deploy_id": "p", "pipeline_version_pk_id": made["pipeline_variant_pk_id"]},
    )

    assert status == 400


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        pytest.param(
            "pipelines/create",
            {"pipeline_id": "Not a label", "workspace_id": 1, "definition": {}},
            400,
            id="name",
        ),
        pytest.param(
            "pipelines/create",
            {"pipeline_id": "p", "workspace_id": 1, "definition": {"steps": [{"Average": {}}]}},
            400,
            id="step",
        ),
        pytest.param(
            "pipelines/create", {"pipeline_id": "p", "workspace_id": 999_999}, 404, id="workspace"
        ),
        pytest.param("pipelines/deploy", {"deploy_id": "p", "pipeline_id": 9999}, 404, id="deploy"),
        pytest.param("pipelines/undeploy", {}, 400, id="undeploy"),
        pytest.param("status/get_deployment", {"name": "nothing-9999"}, 404, id="status"),
        pytest.param(
            "pipelines/get_pipeline_by_name",
            {"pipeline_name": "nothing", "workspace_id": 1},
            404,
            id="by-name",
        ),
    ],
)
def test_refusals_about_pipelines(
    store_api: Api, path: str, content: dict[str, Any], status: int
) -> None:
    assert store_api.refused(path, content) == status


def test_an_undeployed_pipeline_is_gone(api: Api) -> None:  # C88
    where = api.deploy("p", api.stored("m"))
    name = where.partition("/")[0]
    deployment = int(name.rpartition("-")[2])

    assert api.got("pipelines/undeploy", deployment_id=deployment) == {}

    assert api.refused("status/get_deployment", {"name": name}) == 404
    error = refused(api.infer(where, ROWS), 404, "platform")
    assert error == "Deployment not found"


def test_the_path_names_deployment_and_pipeline(shared: Api, where: str) -> None:
    name, _, pipeline = where.partition("/")

    for wrong in (f"{name}/other", f"other-{name.rpartition('-')[2]}/{pipeline}", "x/y"):
        refused(shared.infer(wrong, ROWS), 404, "platform")


def test_a_model_is_a_pipeline_of_its_own(api: Api) -> None:
    version = api.stored("m")
    name = f"w{api.workspace}.m"
    first = api.infer(f"{name}-0/{name}", ROWS).json()
    api.configure(version, tensor_fields=["tensor"])

    second = api.infer(f"{name}-0/{name}", [{"tensor": [1, 2, 3]}]).json()

    assert [row["out.variable"] for row in first] == [[6.5], [1.0]]
    assert second[0]["out.variable"] == [6.0]
    refused(api.infer("nothing-0/nothing", ROWS), 404, "platform")


def test_a_deployment_keeps_its_configuration(api: Api) -> None:
    version = api.stored("m")
    where = api.deploy("p", version)

    api.configure(version, tensor_fields=["tensor"])

    assert api.infer(where, ROWS).status == 200
    again = api.deploy("p", version)
    assert again == where
    assert api.infer(again, [{"tensor": [1, 2, 3]}]).status == 200


def test_the_contract_stands_below_the_prefix(tmp_path: Any) -> None:
    flags = ("--store", str(tmp_path), "--url-prefix", "/here", *ONE_WORKER)
    with serve(None, *flags) as server:
        inside = server.post("/here/v1/api/models/list", '{"workspace_id": 1}')
        lost = server.post("/here/v1/api/nothing", "{}")
        outside = server.post("/v1/api/models/list", "{}")

    assert inside.json() == {"models": []}
    assert lost.json() == {"msg": "Not found", "code": 404}
    assert outside.status == 404
