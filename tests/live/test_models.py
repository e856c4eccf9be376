"""Servers with many models: names in the path, defaults, and what changes while they run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from tests.support.http_calls import Part, form
from tests.support.models import BINARY
from tests.support.more_models import TRANSFORM, UNSTRUCTURED
from tests.support.registries import METADATA, Opened, constant, eventually, opened
from tests.support.serving import Server, serve, start_failure

ROW = "a\n0\n"


@dataclass(frozen=True, slots=True)
class Both:
    """A server over a store, and the same store from here."""

    server: Server
    store: Opened


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    root = tmp_path_factory.mktemp("store")
    with (
        serve(None, "--store", str(root), "--max-workers", "1") as server,
        opened(root) as store,
    ):
        yield Both(server, store)


def test_a_server_with_an_empty_store_is_ready_and_says_that_it_has_no_model(
    tmp_path: Path,
) -> None:
    with serve(None, "--store", str(tmp_path), "--max-workers", "1") as server:
        for path in ("/", "/ping/", "/health/", "/livez", "/readyz", "/stats/"):
            assert server.get(path).status == 200, path
        for reply in (server.get("/info/"), server.csv(ROW), server.get("/models/m/info/")):
            assert reply.status == 404
        assert "0 models and no default one" in server.csv(ROW).message
        assert "models from a store: 0" in server.log()


def test_a_version_that_is_stored_while_the_server_runs_is_served(both: Both) -> None:
    both.store.put("fresh", constant(1))

    eventually(lambda: both.server.csv(ROW, "/models/fresh/predict/").status == 200)

    reply = both.server.csv(ROW, "/models/fresh/predict/")
    assert reply.json() == {"predictions": [1.0]}
    both.store.put("fresh", constant(2))
    eventually(lambda: both.server.csv(ROW, "/models/fresh/predict/").json()["predictions"] == [2])
    assert both.server.csv(ROW, "/models/fresh@1/predict").json() == {"predictions": [1.0]}


def test_every_payload_format_reaches_a_model_by_its_name(both: Both) -> None:
    both.store.put("formats", constant(1))
    path = "/models/formats/predictions/"
    eventually(lambda: both.server.csv(ROW, path).status == 200)
    table = pa.table({"a": [0.5]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream = sink.getvalue().to_pybytes()
    parts, kind = form(Part("X", ROW))

    replies = {
        "arrow": both.server.post(path, stream, "application/x-apache-arrow-stream"),
        "mtx": both.server.post(
            path, "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 0.5\n", "text/mtx"
        ),
        "form": both.server.post(path, parts, kind),
    }

    assert {name: reply.json()["predictions"] for name, reply in replies.items()} == {
        "arrow": [1.5],
        "mtx": [1.5],
        "form": [1.0],
    }


def test_info_says_which_version_it_is(both: Both) -> None:
    version = both.store.put("about", constant(1))
    eventually(lambda: both.server.get("/models/about/info/").status == 200)

    info = both.server.get("/models/about@1/info/").json()

    assert (info["modelName"], info["modelVersion"]) == ("about", "1")
    assert (info["sha256"], info["modelUuid"]) == (version.sha256, version.uuid)
    assert both.server.get("/models/about/health/").json() == {"message": "OK"}
    assert both.server.get("/models/about/capabilities/").status == 200


@pytest.mark.parametrize("name", ["nobody", "w7.nobody", "..", "%2e%2e", "a@b@c", "@", "x" * 3000])
def test_what_is_not_there_is_404(both: Both, name: str) -> None:
    reply = both.server.csv(ROW, f"/models/{name}/predict/")

    assert reply.status == 404
    assert "ERROR" in reply.message


def test_directories_are_served_by_their_names_beside_the_default(tmp_path: Path) -> None:
    default, many = tmp_path / "default", tmp_path / "many"
    for directory, value in ((default, 5.0), (many / "one", 1.0), (many / "two", 2.0)):
        directory.mkdir(parents=True)
        (directory / "model.onnx").write_bytes(constant(value))
        (directory / "model-metadata.yaml").write_text(METADATA)

    with serve(default, "--models", str(many), "--preload-models", "--max-workers", "1") as server:
        assert server.csv(ROW).json() == {"predictions": [5.0]}
        assert server.csv(ROW, "/models/one/predict/").json() == {"predictions": [1.0]}
        assert server.csv(ROW, "/models/two/predict/").json() == {"predictions": [2.0]}
        assert server.csv(ROW, "/models/from-a-zip/predict/").json() == {"predictions": [5.0]}
        assert "models from --models: 3: from-a-zip, one, two" in server.log()


def test_models_of_all_target_types_answer_on_their_verbs(tmp_path: Path) -> None:
    kinds = {"binary": BINARY, "unstructured": UNSTRUCTURED, "transform": TRANSFORM}
    for name, model in kinds.items():
        directory = model.write(tmp_path / name)
        labels = "inferenceModel:\n  positiveClassLabel: yes\n  negativeClassLabel: no\n"
        (directory / "model-metadata.yaml").write_text(
            f"name: {name}\ntype: inference\ntargetType: {name}\n"
            + (labels if name == "binary" else "")
        )

    with serve(None, "--models", str(tmp_path), "--max-workers", "1") as server:
        binary = server.csv("yes,no\n0.75,0.25\n", "/models/binary/predict/")
        wrong = server.csv(ROW, "/models/unstructured/predict/")
        text = server.post("/models/unstructured/predictUnstructured/", "a", "text/plain")

    assert binary.json() == {"predictions": [{"yes": 0.75, "no": 0.25}]}
    assert wrong.status == 422
    assert text.status == 200


def test_a_database_that_does_not_answer_ends_the_start_with_a_reason(tmp_path: Path) -> None:
    done = start_failure(
        tmp_path, "--target-type", "regression",
        "--store", str(tmp_path / "s"), "--database-url", "postgresql://u:canary@127.0.0.1:1/n",
    )  # fmt: skip

    assert done.returncode in (1, 4)
    assert "canary" not in done.stderr
