"""The Open Inference Protocol: metadata, health, and inference in JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.artifacts import native_xgboost
from tests.support.models import ECHO, ONE_WORKER, STEERED, Model
from tests.support.more_models import UNSTRUCTURED
from tests.support.open_inference import NO_YES_OUTPUTS, Tensor, answered, infer, path, post
from tests.support.serving import Server, serve

MODEL, VECTOR, TEXTS, SPOKEN = "model", "vector", "texts", "spoken"
NAMES = {
    MODEL: native_xgboost(".json").model,
    "echo": ECHO,
    "steered": STEERED,
    "unstructured": UNSTRUCTURED,
}


def named(name: str) -> dict[str, str]:
    return {"model-metadata.yaml": f"name: {name}\ntype: inference\n"}


def directory(root: Path, name: str, model: Model, *flags: str) -> Iterator[Server]:
    folder = model.write(root / name)
    with serve(folder, *model.flags, *flags, *ONE_WORKER, env=model.env) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from directory(tmp_path_factory.mktemp("a"), MODEL, NAMES[MODEL])


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from directory(tmp_path_factory.mktemp("b"), "echo", ECHO)


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from directory(tmp_path_factory.mktemp("c"), "steered", STEERED)


ROW = np.array([[1.5, -0.5]])
MATRIX = Tensor("input-0", "FP64", ROW)
COLUMNS = (Tensor("b", "FP64", ROW[0, 1:]), Tensor("a", "FP64", ROW[0, :1]))


def by_csv(server: Server, text: str = "a,b\n1.5,-0.5\n") -> list[Any]:
    predictions: list[Any] = server.csv(text).json()["predictions"]
    return predictions


def test_the_server_tells_its_name_and_extensions(server: Server) -> None:
    found = server.get("/v2").json()

    assert list(found) == ["name", "version", "extensions"]
    assert found["name"] == "drum-like"
    assert found["version"] == server.get("/v2").headers["X-Drum-Like-Version"]
    known = {"model_repository", "model_repository_extension", "binary_tensor_data"}
    assert known <= set(found["extensions"])


def test_health_is_said_in_the_words_of_all_clients(server: Server) -> None:
    assert server.get("/v2/health/live").json() == {"live": True}
    assert server.get("/v2/health/ready").json() == {"ready": True, "live": True}
    assert server.get(path(MODEL, "/ready")).json() == {"name": MODEL, "ready": True}
    assert server.get("/v2/models").json() == {"models": [MODEL]}


@pytest.mark.parametrize("version", ["", "/versions/1"])
def test_metadata_tell_the_tensors(server: Server, version: str) -> None:
    found = server.get(path(MODEL, version)).json()

    assert found == {
        "name": MODEL,
        "versions": ["1"],
        "platform": "xgboost",
        "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, 2]}],
        "outputs": [*NO_YES_OUTPUTS],
    }


def test_the_configuration_is_in_tritons_form(server: Server) -> None:
    found = server.get(path(MODEL, "/config")).json()

    assert found == {
        "name": MODEL,
        "platform": "xgboost",
        "backend": "xgboost",
        "max_batch_size": 0,
        "input": [{"name": "input-0", "data_type": "TYPE_FP64", "dims": [-1, 2]}],
        "output": [
            {"name": "predict", "data_type": "TYPE_STRING", "dims": [-1]},
            {"name": "predict_proba", "data_type": "TYPE_FP64", "dims": [-1, 2]},
        ],
    }


@pytest.mark.parametrize("end", ["", "/ready", "/config", "/versions/9", "/versions/9/ready"])
def test_unknown_models_and_versions_are_404(server: Server, end: str) -> None:
    name = MODEL if "9" in end else "nobody"

    reply = server.get(path(name, end))

    assert (reply.status, list(reply.json())) == (404, ["error"])


@pytest.mark.parametrize("known", ["/versions/1/infer", "/infer", "/infer/"])
def test_one_tensor_holds_all_columns(server: Server, known: str) -> None:
    reply = server.post(path(MODEL, known), json.dumps({"inputs": [MATRIX.described], "id": "7"}))

    (row,) = by_csv(server)
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json() == {
        "model_name": MODEL,
        "model_version": "1",
        "id": "7",
        "outputs": [
            {"name": "predict", "datatype": "BYTES", "shape": [1], "data": ["yes"]},
            {
                "name": "predict_proba",
                "datatype": "FP64",
                "shape": [1, 2],
                "parameters": {"class_labels": '["no","yes"]'},
                "data": [row["no"], row["yes"]],
            },
        ],
    }


def test_each_column_may_have_its_tensor_in_any_order(server: Server) -> None:
    (row,) = by_csv(server)

    found = answered(infer(server, MODEL, *COLUMNS))

    assert found["predict_proba"] == [row["no"], row["yes"]]


@pytest.mark.parametrize("data", [[1.5, -0.5], [[1.5, -0.5]], [[[1.5], [-0.5]]]])
def test_data_may_be_flat_or_nested(server: Server, data: Any) -> None:
    tensor = {**MATRIX.described, "data": data}

    assert answered(post(server, MODEL, {"inputs": [tensor]})) == answered(
        infer(server, MODEL, MATRIX)
    )


def test_an_empty_id_comes_back(server: Server) -> None:
    reply = post(server, MODEL, {"inputs": [MATRIX.described], "id": ""})

    assert reply.json()["id"] == ""


def test_another_version_is_told_by_its_number(server: Server) -> None:
    reply = server.get(path(MODEL, "/versions/9"))

    assert reply.status == 404
    assert f"{MODEL!r} in version '1'" in reply.json()["error"]


def test_an_id_is_made_up_where_none_is_sent(server: Server) -> None:
    first, second = (infer(server, MODEL, MATRIX).json()["id"] for _ in range(2))

    assert len(first) == 36
    assert first != second


@pytest.mark.parametrize("kind", [None, "application/json; charset=utf-8", "text/csv", "x/y"])
def test_the_content_type_says_nothing(server: Server, kind: str | None) -> None:
    body = json.dumps({"inputs": [MATRIX.described]})

    assert server.post(path(MODEL), body, kind).status == 200


def test_wanted_outputs_come_alone_and_under_the_name_asked_for(server: Server) -> None:
    every = answered(infer(server, MODEL, MATRIX))
    some = answered(infer(server, MODEL, MATRIX, outputs=[{"name": "predict_proba"}]))
    first = answered(infer(server, MODEL, MATRIX, outputs=[{"name": "output-0"}]))

    assert some == {"predict_proba": every["predict_proba"]}
    assert first == {"output-0": every["predict"]}


def test_no_rows_are_no_answers(server: Server) -> None:
    reply = infer(server, MODEL, Tensor("input-0", "FP64", np.empty((0, 2))))

    assert answered(reply) == {"predict": [], "predict_proba": []}
    assert [one["shape"] for one in reply.json()["outputs"]] == [[0], [0, 2]]


def test_null_and_nan_are_missing(server: Server) -> None:
    tensor = {**MATRIX.described, "shape": [2, 2], "data": [1.5, None, float("nan"), -0.5]}

    found = answered(post(server, MODEL, {"inputs": [tensor]}))

    rows = by_csv(server, "a,b\n1.5,\n,-0.5\n")
    assert found["predict_proba"] == [row[label] for row in rows for label in ("no", "yes")]


def changed(**members: Any) -> dict[str, Any]:
    return {"inputs": [{**MATRIX.described, **members}]}


def without(member: str) -> dict[str, Any]:
    tensor = MATRIX.described
    del tensor[member]
    return {"inputs": [tensor]}


WRONG = [
    ([], "must be a JSON object"),
    ({}, "`inputs` must be a list"),
    ({"inputs": []}, "at least one"),
    ({"inputs": [1]}, "`inputs` must be a list of objects"),
    ({"inputs": {"a": 1}}, "`inputs` must be a list"),
    (without("name"), "must have a `name`"),
    (without("shape"), "the shape of the tensor 'input-0'"),
    (without("datatype"), "the datatype of the tensor 'input-0' must be one of BOOL"),
    (without("data"), "its data must be a list"),
    (changed(name=None), "must have a `name`"),
    (changed(name=["a"]), "must have a `name`"),
    (changed(datatype="FP128"), "must be one of"),
    (changed(datatype=["FP64"]), "must be one of"),
    (changed(datatype="FP16"), "FP16 has no form in JSON"),
    (changed(shape=[]), "a list of 1 to 8 sizes"),
    (changed(shape=[1] * 9), "a list of 1 to 8 sizes"),
    (changed(shape=[1, -2]), "must be whole numbers"),
    (changed(shape=[1, 2.0]), "must be whole numbers"),
    (changed(shape=[True, 2]), "must be whole numbers"),
    (changed(shape=[2, 2]), "its data have 2 values, and its shape [2, 2] has 4"),
    (changed(shape=[2**62, 2]), "--max-rows"),
    (changed(shape=[2, 2**62]), "--max-columns"),
    (changed(shape=[0, 2**62], data=[]), "--max-columns"),
    (changed(shape=[2, 1], data=[[1.0, 2.0]]), "the lists of its data have the sizes [1, 2]"),
    (changed(shape=[2, 2], data=[[1.0], [2.0], [3.0], [4.0]]), "the lists of its data have the"),
    (changed(shape=[3], data=[[1.0, 2.0], [3.0]]), "must be of one length"),
    (changed(data=[[1.0], -0.5]), "must be of one length"),
    (changed(data="1.5"), "its data must be a list"),
    (changed(data=["1.5", "2"]), "must be numbers; number 0 (counted from 0) is text"),
    (changed(data=[1.5, True]), "must be numbers; number 1 (counted from 0) is true or false"),
    (changed(data=[1.5, {}]), "number 1 (counted from 0) is an object"),
    (changed(data=[1.5, 1e300], datatype="FP32"), "a number that FP32 cannot hold"),
    (changed(data=[1.0, 2.5], datatype="INT64"), "whole numbers"),
    (changed(data=[1, float("inf")], datatype="INT64"), "whole numbers"),
    (changed(data=[1, float("nan")], datatype="INT64"), "whole numbers"),
    (changed(data=[1, 2.0**53], datatype="INT64"), "whole numbers"),
    (changed(data=[1, None], datatype="INT64"), "number 1 (counted from 0) is null"),
    (changed(data=[1, True], datatype="INT64"), "whole numbers"),
    (changed(data=[1, 2**63], datatype="INT64"), "a number that INT64 cannot hold"),
    (changed(data=[1, 2**64], datatype="UINT64"), "whole numbers"),
    (changed(data=[1, -1], datatype="UINT8"), "a number that UINT8 cannot hold"),
    (changed(data=[1, 256], datatype="UINT8"), "a number that UINT8 cannot hold"),
    (changed(data=[True, 2], datatype="BOOL"), "true or false"),
    (changed(data=["x", 2], datatype="BYTES"), "must be text"),
    (changed(data=["x", "y"], datatype="BYTES"), "'a' holds text in row 1"),
    (changed(shape=[1, 3], data=[1, 2, 3]), "takes 2 columns by position, but the payload has 3"),
    (changed(shape=[1, 2, 2], data=[1, 2, 3, 4]), "must have the shape [rows, columns]"),
    (changed(shape=[3, 0], data=[]), "hold no value"),
    (changed(name="a", shape=[2], data=[1.5, -0.5]), "missing columns: 'b'"),
    (changed(parameters=[]), "the parameters of a tensor must be an object"),
    (changed(parameters={"shared_memory_region": "r"}), "shared memory is not served"),
    (changed(parameters={"content_type": "base64"}), "content_type must be one of np, pd,"),
    ({**changed(), "parameters": {"content_type": "hf"}}, "content_type must be one of np, pd,"),
    ({**changed(), "parameters": {"content_type": ["pd"]}}, "content_type must be one of np,"),
    (changed(parameters={"binary_data_size": 16}), "either `data`, or a binary_data_size"),
    ({"inputs": [MATRIX.described] * 2}, "two tensors of `inputs` have one name"),
    (
        {"inputs": [MATRIX.described, {**COLUMNS[0].described}]},
        "must have the shape [rows] or [rows, 1]",
    ),
    (
        {
            "inputs": [
                Tensor(name, "FP64", np.zeros(n)).described for name, n in (("a", 1), ("b", 2))
            ]
        },
        "the first size of all tensors must be the same",
    ),
    ({**changed(), "id": 7}, "`id` must be text"),
    ({**changed(), "parameters": []}, "the parameters must be an object"),
    ({**changed(), "parameters": {"binary_data_output": 1}}, "must be true or false"),
    ({**changed(), "outputs": [{}]}, "must have a `name`"),
    ({**changed(), "outputs": [1]}, "`outputs` must be a list of objects"),
    ({**changed(), "outputs": {}}, "`outputs` must be a list of objects"),
    ({**changed(), "outputs": ""}, "`outputs` must be a list of objects"),
    (
        {**changed(), "outputs": [{"name": "x"}]},
        "Unexpected inference output 'x' for model 'model'",
    ),
    (
        {**changed(), "outputs": [{"name": "predict", "parameters": {"classification": 2}}]},
        "the classification extension is not served",
    ),
    (
        {
            **changed(),
            "outputs": [{"name": "predict", "parameters": {"shared_memory_region": "r"}}],
        },
        "shared memory is not served",
    ),
]


@pytest.mark.parametrize(("tree", "text"), WRONG)
def test_wrong_requests_are_told_what_is_wrong(server: Server, tree: Any, text: str) -> None:
    reply = post(server, MODEL, tree)

    assert reply.status == (413 if text.startswith("--max") else 400), reply.text
    assert list(reply.json()) == ["error"]
    assert text in reply.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"a,b\n1,2\n", b'{"inputs": 1, "inputs": 2}', b"\xff"])
def test_what_is_no_json_is_refused(server: Server, body: bytes) -> None:
    reply = server.post(path(MODEL), body)

    assert reply.status == 400
    assert reply.json()["error"]


def test_nested_lists_have_a_limit(server: Server) -> None:
    reply = server.post(path(MODEL), b'{"inputs": ' + b"[" * 200 + b"]" * 200 + b"}")

    assert reply.status == 400
    assert "--max-json-depth" in reply.json()["error"]


def test_columns_have_a_limit(server: Server) -> None:
    reply = infer(server, MODEL, Tensor("input-0", "INT8", np.zeros((1, 10_001), np.int8)))

    assert reply.status == 413
    assert "--max-columns" in reply.json()["error"]


def test_hooks_get_typed_columns(echo: Server) -> None:
    big = 2**53 + 1
    tensors = (
        Tensor("whole", "INT64", np.array([big, -big])),
        Tensor("large", "UINT64", np.array([2**64 - 1, 2**63], np.uint64)),
        Tensor("small", "UINT8", np.array([1, 2], np.uint8)),
        Tensor("narrow", "FP32", np.array([0.1, 2.5], np.float32)),
        Tensor("flag", "BOOL", np.array([[True], [False]])),
        Tensor("text", "BYTES", np.array(["007", "zwei Wörter"], object)),
    )

    seen = json.loads(answered(infer(echo, "echo", *tensors))["predict"][0])

    assert seen["columns"] == [repr(tensor.name) for tensor in tensors]
    assert seen["dtypes"] == ["int64", "uint64", "int64", "float64", "bool", "str"]
    assert seen["rows"][0] == [
        *(str(big), str(2**64 - 1), "1", repr(float(np.float32(0.1))), "True", "'007'")
    ]


def test_hooks_that_raise_are_500_in_this_form(steered: Server) -> None:
    def asked(case: str) -> Any:
        return infer(steered, "steered", Tensor("case", "BYTES", np.array([case], object)))

    teapot = asked("teapot")
    assert (asked("value-error").status, teapot.status) == (500, 418)
    assert "boom" in asked("value-error").json()["error"]
    assert teapot.json() == {"error": "bad"}
    assert answered(asked("digits")) == {"predict": [1.5]}
    assert answered(asked("missing")) == {"predict": [None]}


def test_a_body_of_this_form_is_answered_on_invocations(server: Server) -> None:
    tree = {"inputs": [MATRIX.described], "id": "7"}

    reply = server.post("/invocations", json.dumps(tree), "application/json")

    assert reply.headers["X-Scoring-Contract"] == "open_inference"
    assert reply.json() == post(server, MODEL, tree).json()


@pytest.mark.parametrize("name", ["open_inference", "oip"])
def test_who_chooses_the_contract_is_refused_in_its_form(server: Server, name: str) -> None:
    body = '{"inputs": [{"a": 1}]}'

    reply = server.post("/invocations", body, "application/json", X_Scoring_Contract=name)

    assert reply.status == 400
    assert "must have a `name`" in reply.json()["error"]


def test_requests_are_counted(tmp_path: Path) -> None:
    for server in directory(tmp_path, MODEL, NAMES[MODEL]):
        (before,) = server.get("/v2/models/stats").json()["model_stats"]
        infer(server, MODEL, Tensor("input-0", "FP64", np.zeros((3, 2))))
        infer(server, MODEL, MATRIX)
        infer(server, MODEL, Tensor("input-0", "FP64", np.zeros((3, 1))))
        (found,) = server.get(path(MODEL, "/stats")).json()["model_stats"]
        same = server.get(path(MODEL, "/versions/1/stats")).json()["model_stats"]

    assert same == [found]
    assert (found["name"], found["version"], before["last_inference"]) == (MODEL, "1", 0)
    assert (found["inference_count"], found["execution_count"]) == (4, 2)
    stats = found["inference_stats"]
    assert (stats["success"]["count"], stats["fail"]["count"]) == (2, 1)
    parts = ("compute_input", "compute_infer", "compute_output")
    assert sum(stats[part]["ns"] for part in parts) == stats["success"]["ns"] > 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_shared_memory_is_not_served(server: Server, method: str) -> None:
    ask = server.get if method == "GET" else server.post

    for kind in ("systemsharedmemory", "cudasharedmemory"):
        reply = ask(f"/v2/{kind}/region/r/register")
        assert reply.status == 501
        assert "send tensors in the body" in reply.json()["error"]


def test_unknown_paths_have_the_form_of_the_contract(server: Server) -> None:
    assert list(server.get("/v2/nothing").json()) == ["error"]
    assert server.post("/v2/health/live").status == 405


def test_models_that_predict_no_rows_are_refused(tmp_path: Path) -> None:
    for unstructured in directory(tmp_path, "unstructured", UNSTRUCTURED):
        reply = infer(unstructured, "unstructured", MATRIX)

        assert reply.status == 400
        assert "does not predict rows" in reply.json()["error"]
        assert unstructured.get(path("unstructured", "")).status == 200


def test_a_model_that_does_not_load_is_not_ready(tmp_path: Path) -> None:
    broken = Model({"custom.py": "def load_model(code_dir):\n    raise ValueError('x')\n"})
    model = broken.plus(model_py="")
    flags = ("--target-type", "regression", "--with-error-server")
    for server in directory(tmp_path, "broken", model, *flags):
        ready, infers = server.get("/v2/health/ready"), infer(server, "broken", MATRIX)

        assert (ready.status, infers.status) == (503, 503)
        assert list(infers.json()) == ["error"]
        assert server.get("/v2/health/live").status == 200
