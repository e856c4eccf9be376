"""The page of DRUM's prediction server, version 1.5.3, line by line: one row for each line.

The routes stand below a prefix, as the page has them. What newer versions of DRUM do otherwise is
said at the row.
"""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

from tests.support.http_calls import Part, Reply, form
from tests.support.models import ONE_WORKER, Model, hooks, served
from tests.support.more_models import UNSTRUCTURED
from tests.support.serving import Server, serve, start_failure

PREFIX = "/URL_PREFIX"
BELOW = {"URL_PREFIX": PREFIX}
JSON = "application/json"
PREDICT = ("predict", "predictions")
UNSTRUCTURED_ROUTES = ("predictUnstructured", "predictionsUnstructured")
GOOD: dict[str, Any] = {"message": "OK"}

METADATA = """\
environmentID: 5e8c889607389fe0f466c72d
inferenceModel:
  targetName: Grade 2014
name: regression model
targetType: regression
type: inference
validation:
  input: ../../../tests/testdata/juniors_3_year_stats_regression.csv
"""
IN_INFO = {
    "environmentID": "5e8c889607389fe0f466c72d",
    "inferenceModel": {"targetName": "Grade 2014"},
    "name": "regression model",
    "targetType": "regression",
    "type": "inference",
    "validation": {"input": "../../../tests/testdata/juniors_3_year_stats_regression.csv"},
}
CSV = "a,b\n1,1.4\n1,2.2\n3,3.1\n"
MATRIX = """\
%%MatrixMarket matrix coordinate real general
3 2 6
1 1 1
1 2 1.4
2 1 1
2 2 2.2
3 1 3
3 2 3.1
"""
GRADES = [2.4, 3.2, 6.1]

BY_COLUMN = hooks("""
def score(data, model, **kwargs):
    return data
""")
TWO = Model(
    BY_COLUMN,
    (
        *("--target-type", "binary", "--positive-class-label", "positiveClassLabel"),
        *("--negative-class-label", "negativeClassLabel"),
    ),
)
THREE = Model(
    BY_COLUMN,
    (
        *("--target-type", "multiclass", "--class-labels"),
        *("classLabel1", "classLabel2", "classLabel3"),
    ),
)
BROKEN = Model(
    {"custom.py": "import andas\n"}, ("--target-type", "regression", "--with-error-server")
)

two = served(TWO, *ONE_WORKER, env=BELOW)
three = served(THREE, *ONE_WORKER, env=BELOW)
broken = served(BROKEN, env=BELOW)
unstructured = served(UNSTRUCTURED, *ONE_WORKER, env=BELOW)


def sums() -> bytes:
    """Return a model of scikit-learn that adds two columns, and knows no names of them."""
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    return pickle.dumps(LinearRegression().fit(rows, rows.sum(axis=1)))


def options(directory: Path) -> list[str]:
    """Return the command line that the page shows, after the program's name."""
    return [
        *("server", "--code-dir", str(directory), "--target-type", "regression"),
        *("--address", "localhost:0", "--with-error-server", "--show-perf"),
    ]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model directory of the page's example."""
    files: dict[str, str | bytes] = {"model.pkl": sums(), "model-metadata.yaml": METADATA}
    return Model(files).write(tmp_path_factory.mktemp("models") / "python3_sklearn")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Server]:
    """The page's example, started as the page starts it."""
    flags = options(directory)[3:]
    with serve(directory, *flags, env=BELOW) as running:
        yield running


def got(server: Server, path: str) -> Any:
    reply = server.get(f"{PREFIX}/{path}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, JSON)
    return reply.json()


def arrow() -> bytes:
    """Return the rows of CSV as an Arrow stream."""
    rows = pa.table({"a": [1.0, 1.0, 3.0], "b": [1.4, 2.2, 3.1]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def posted(server: Server, route: str, body: bytes | str, content_type: str | None) -> Reply:
    return server.post(f"{PREFIX}/{route}/", body, content_type)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="the-prefix-alone-is-a-ping"),
        pytest.param("ping/", id="ping"),
        pytest.param("health/", id="health"),
    ],
)
def test_a_server_that_is_well_says_ok(server: Server, path: str) -> None:
    alive = {} if path else {"status": "alive"}  # D95
    assert got(server, path) == GOOD | alive


@pytest.mark.parametrize("path", ["", "ping/", "health/"])
def test_a_model_that_does_not_load_is_513_with_the_error_server(broken: Server, path: str) -> None:
    """The page shows health; where DRUM names the file by its whole path, see D28."""
    reply = broken.get(f"{PREFIX}/{path}")

    assert (reply.status, reply.headers["Content-Type"]) == (513, JSON)
    assert list(reply.json()) == ["message"]
    start, _, rest = reply.message.partition("[")
    assert start.split("\n") == [
        "ERROR: ",
        "",
        "Running environment language: Python.",
        "Failed loading hooks from ",
    ]
    file, _, reason = rest.partition("]")
    assert (file, reason.strip(" :")) == ("custom.py", "No module named 'andas'")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("drumServer", "flask", id="backend"),
        pytest.param("language", "python", id="language"),
        pytest.param("modelMetadata", IN_INFO, id="metadata-as-they-are-written"),
        pytest.param("predictor", "scikit-learn", id="predictor"),
        pytest.param("targetType", "regression", id="target-type"),
    ],
)
def test_info_tells(server: Server, key: str, value: Any) -> None:
    assert got(server, "info/")[key] == value


def test_info_tells_where_the_model_is(server: Server, directory: Path) -> None:
    assert got(server, "info/")["codeDir"] == str(directory.resolve())


def test_info_tells_the_version_of_drum(server: Server) -> None:
    version = got(server, "info/")["drumVersion"]

    assert [part.isdigit() for part in version.split(".")] == [True] * 3


def test_info_of_a_model_without_metadata_has_none(two: Server) -> None:
    """The metadata are told if there are any."""
    assert got(two, "info/")["modelMetadata"] is None


def test_the_id_of_a_model_in_the_metadata_is_refused(tmp_path: Path) -> None:
    """A slip of the page: the program that it describes refuses this key, too."""
    metadata = METADATA + "modelId: 5f1f15a4d6111f01cb7f91fd\n"
    Model({"model.pkl": sums(), "model-metadata.yaml": metadata}).write(tmp_path)

    failed = start_failure(tmp_path, "--target-type", "regression")

    assert failed.returncode == 1
    assert "modelId" in failed.stderr


def test_statistics_tell_the_command_line(server: Server, directory: Path) -> None:
    processes = got(server, "stats/")["drum_info"]

    told = options(directory)
    assert processes
    assert all(process["cmdline"][-len(told) :] == told for process in processes)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        pytest.param("cpu_percent", int | float, id="share-of-a-cpu"),
        pytest.param("mem", float, id="memory"),
        pytest.param("pid", int, id="process"),
    ],
)
def test_statistics_tell_of_each_process(server: Server, key: str, kinds: Any) -> None:
    processes = got(server, "stats/")["drum_info"]

    assert processes
    assert all(isinstance(process[key], kinds) for process in processes)
    assert all(psutil.pid_exists(process["pid"]) for process in processes)


@pytest.mark.parametrize("key", ["avail", "drum_rss", "free", "total"])
def test_statistics_tell_the_memory(server: Server, key: str) -> None:
    assert got(server, "stats/")["mem_info"][key] > 0


@pytest.mark.parametrize("key", ["container_limit", "container_max_used", "container_used"])
def test_statistics_tell_the_memory_of_a_container_or_null(server: Server, key: str) -> None:
    memory = got(server, "stats/")["mem_info"]

    assert memory[key] is None or memory[key] > 0


def test_statistics_tell_that_there_is_no_nginx(server: Server) -> None:
    """Newer versions of DRUM have no such key; see D24."""
    assert got(server, "stats/")["mem_info"]["nginx_rss"] == 0


def test_the_memory_of_all_processes_is_their_sum(server: Server) -> None:
    stats = got(server, "stats/")

    assert stats["mem_info"]["drum_rss"] == pytest.approx(
        sum(process["mem"] for process in stats["drum_info"])
    )


@pytest.mark.parametrize("key", ["avg", "max", "min"])
def test_statistics_tell_the_seconds_of_predictions(server: Server, key: str) -> None:
    assert posted(server, "predict", CSV, "text/csv").status == 200

    times = got(server, "stats/")["time_info"]["run_predictor_total"]

    assert 0 < times[key] < 60
    assert times["min"] <= times["avg"] <= times["max"]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        pytest.param("csv", type(None), id="csv-of-no-version"),
        pytest.param("mtx", type(None), id="matrix-market-of-no-version"),
        pytest.param("arrow", str, id="arrow-of-a-version"),
    ],
)
def test_capabilities_tell_the_formats(server: Server, key: str, kind: type) -> None:
    formats = got(server, "capabilities/")["supported_payload_formats"]

    assert isinstance(formats[key], kind)


@pytest.mark.parametrize("route", PREDICT)
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(CSV, "text/plain", id="plain-text"),
        pytest.param(CSV, "text/csv", id="csv"),
        pytest.param(MATRIX, "text/mtx", id="matrix-market"),
        pytest.param(arrow(), "application/x-apache-arrow-stream", id="arrow-stream"),
    ],
)
def test_rows_are_the_body(
    server: Server, route: str, body: bytes | str, content_type: str
) -> None:
    reply = posted(server, route, body, content_type)

    assert (reply.status, reply.headers["Content-Type"]) == (200, JSON)
    assert reply.json() == {"predictions": pytest.approx(GRADES)}


@pytest.mark.parametrize("route", PREDICT)
@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(CSV, "rows.csv", id="csv"),
        pytest.param(MATRIX, "rows.mtx", id="matrix-market"),
        pytest.param(arrow(), "rows.arrow", id="arrow"),
    ],
)
def test_rows_are_the_part_x_of_a_form(
    server: Server, route: str, content: bytes | str, name: str
) -> None:
    reply = posted(server, route, *form(Part("X", content, name)))

    assert (reply.status, reply.json()) == (200, {"predictions": pytest.approx(GRADES)})


@pytest.mark.parametrize("route", PREDICT)
def test_nothing_to_predict_is_422_with_the_ways_to_send_it(server: Server, route: str) -> None:
    """Newer versions of DRUM do not name Arrow here, and this program says what they say."""
    reply = posted(server, route, b"", None)

    assert (reply.status, reply.headers["Content-Type"]) == (422, JSON)
    assert list(reply.json()) == ["message"]
    assert reply.message.startswith("ERROR: Samples should be provided as: ")
    assert "under `X` form-data param key." in reply.message
    assert "- binary data" in reply.message


@pytest.mark.parametrize("route", PREDICT)
def test_two_classes_are_answered_by_label(two: Server, route: str) -> None:
    rows = [
        {"positiveClassLabel": 0.85, "negativeClassLabel": 0.15},
        {"positiveClassLabel": 0.25, "negativeClassLabel": 0.75},
    ]
    body = "positiveClassLabel,negativeClassLabel\n0.85,0.15\n0.25,0.75\n"

    assert posted(two, route, body, "text/csv").json() == {"predictions": rows}


@pytest.mark.parametrize("route", PREDICT)
def test_three_classes_are_answered_by_label(three: Server, route: str) -> None:
    rows = [
        {"classLabel1": 0.75, "classLabel2": 0.15, "classLabel3": 0.1},
        {"classLabel1": 0.2, "classLabel2": 0.5, "classLabel3": 0.3},
    ]
    body = "classLabel1,classLabel2,classLabel3\n0.75,0.15,0.1\n0.2,0.5,0.3\n"

    assert posted(three, route, body, "text/csv").json() == {"predictions": rows}


@pytest.mark.parametrize("route", UNSTRUCTURED_ROUTES)
@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        pytest.param("text/plain", "str", id="plain-text"),
        pytest.param("text/csv", "str", id="csv"),
        pytest.param("text/html", "str", id="html"),
        pytest.param(JSON, "str", id="json"),
        pytest.param("application/octet-stream", "bytes", id="octets"),
        pytest.param("image/png", "bytes", id="any-other-type"),
    ],
)
def test_unstructured_data_are_text_or_bytes_by_their_type(
    unstructured: Server, route: str, content_type: str, kind: str
) -> None:
    reply = posted(unstructured, route, '{"a": 1}', content_type)

    assert reply.status == 200
    seen = json.loads(reply.text)
    assert (seen["type"], seen["mimetype"], seen["data"]) == (kind, content_type, '{"a": 1}')


@pytest.mark.parametrize("route", UNSTRUCTURED_ROUTES)
@pytest.mark.parametrize(
    ("returned", "content_type"),
    [
        pytest.param("text", "text/plain", id="plain-text"),
        pytest.param("bytes", "application/octet-stream", id="octets"),
        pytest.param("html", "text/html", id="the-type-that-the-hook-says"),
        pytest.param("png", "image/png", id="a-type-of-bytes-that-the-hook-says"),
    ],
)
def test_unstructured_answers_have_the_type_of_what_was_returned(
    unstructured: Server, route: str, returned: str, content_type: str
) -> None:
    reply = unstructured.post(f"{PREFIX}/{route}/?form={returned}", "a", "text/plain")

    assert (reply.status, reply.body) == (200, b"x")
    assert reply.headers.get_content_type() == content_type


@pytest.mark.parametrize("route", UNSTRUCTURED_ROUTES)
def test_unstructured_calls_of_a_regression_are_422(server: Server, route: str) -> None:
    reply = posted(server, route, "anything", "text/plain")

    assert (reply.status, reply.headers["Content-Type"]) == (422, JSON)
    assert list(reply.json()) == ["message"]
    assert reply.message.startswith("ERROR: ")


@pytest.mark.parametrize("path", ["ping/", "health/", "info/", "stats/", "capabilities/"])
def test_nothing_is_beside_the_prefix(server: Server, path: str) -> None:
    assert server.get(f"/{path}").status == 404


def test_options_of_backends_are_accepted_and_change_nothing(tmp_path: Path) -> None:
    """On the page they choose nginx or a container; the start says what becomes of them."""
    flags = ("--production", "--max-workers", "1", "--docker", "any")
    with serve(THREE.write(tmp_path), *THREE.flags, *flags) as running:
        assert running.get("/ping/").json() == GOOD
        assert all(flag in running.log() for flag in ("--production", "--docker"))
