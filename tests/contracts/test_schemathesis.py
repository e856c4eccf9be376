"""Real servers keep what openapi/drum.yaml promises, whatever they are sent."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error

from tests.support.described import CONFORMANCE, ROOT, cases, drawn, operations
from tests.support.http_calls import Part, form
from tests.support.serving import Server, serve

TEMPLATES = ROOT / "model_templates"
EXAMPLES = 12
EXAMPLES_WITHOUT_BODY = 4

OPERATIONS = operations("drum.yaml")

FAILING_HOOKS = frozenset(
    f"POST {path}"
    for path in (
        "/predict/",
        "/predictions/",
        "/invocations",
        "/chat/completions",
        "/v1/chat/completions",
    )
)
"""Routes on which hooks of the text generation template may get bodies that they fail on."""

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"


def sample(template: str, name: str = "sample.csv") -> bytes:
    """Return the request that a template brings along."""
    return (TEMPLATES / template / name).read_bytes()


def arrow(template: str) -> bytes:
    """Return a template's sample as an Arrow stream."""
    table = pyarrow.csv.read_csv(TEMPLATES / template / "sample.csv")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def matrix_market(template: str) -> tuple[bytes, str]:
    """Return a template's sample as a form with a matrix and the names of its columns."""
    names, *rows = sample(template).decode().splitlines()
    matrix = np.array([row.split(",") for row in rows], dtype=np.float64)
    values = "\n".join(map(str, matrix.T.ravel().tolist()))
    head = f"%%MatrixMarket matrix array real general\n{matrix.shape[0]} {matrix.shape[1]}\n"
    return form(
        Part("X", f"{head}{values}\n", "x.mtx"),
        Part("X.colnames", names.replace(",", "\n"), "x.columns"),
    )


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """Return a good body, mostly with some bytes replaced by others."""
    return st.builds(
        lambda at, cut, put: good[:at] + put + good[at + cut :],
        st.integers(0, len(good)),
        st.integers(0, 20),
        st.sampled_from([b"", b"x", b'"', b",", b"\n", b"1e400", b"nan", b"\xff", b"\0"]),
    )


def bodies(*good: bytes) -> st.SearchStrategy[bytes]:
    """Return good bodies, damaged ones, and noise."""
    return st.one_of(st.sampled_from(good), *map(damaged, good), st.binary(max_size=60))


def teach_media_types() -> None:
    """Register with schemathesis the bodies of the documented media types."""
    tables = bodies(sample("xgboost_binary"), sample("text_generation"))
    matrix = b"%%MatrixMarket matrix coordinate real general\n2 30 1\n1 3 0.5\n"
    schemathesis.openapi.media_type("text/csv", tables)
    schemathesis.openapi.media_type("text/plain", tables)
    schemathesis.openapi.media_type("text/mtx", bodies(matrix))
    schemathesis.openapi.media_type("application/octet-stream", bodies(b"", b"{}"))
    for name in (ARROW, "application/vnd.apache.arrow.file", "application/x-apache-arrow-stream"):
        schemathesis.openapi.media_type(name, bodies(arrow("xgboost_binary")))


teach_media_types()


class Servers:
    """Servers that are started when first asked for, and stopped at the end."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[tuple[Path, tuple[str, ...]], Server] = {}

    def of(self, directory: Path, *flags: str) -> Server:
        """Return the server of a model directory."""
        key = (directory, flags)
        if key not in self._running:
            running = serve(directory, "--max-workers", "1", "--hide-errors", *flags)
            self._running[key] = self._stack.enter_context(running)
        return self._running[key]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.mark.parametrize("template", ["xgboost_binary", "unstructured", "text_generation"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(
    label: str, template: str, servers: Servers, session: requests.Session
) -> None:
    """The only 5xx are those of hooks that were sent what they do not take."""
    server = servers.of(TEMPLATES / template)
    may_fail = template == "text_generation" and label in FAILING_HOOKS
    checks = CONFORMANCE if may_fail else [not_a_server_error, *CONFORMANCE]

    @given(case=cases(OPERATIONS[label]))
    @drawn(EXAMPLES if OPERATIONS[label].body else EXAMPLES_WITHOUT_BODY)
    def answers_as_described(case: Case[Any]) -> None:
        case.call_and_validate(base_url=server.url, session=session, checks=checks)

    answers_as_described()
    assert server.process.poll() is None


CHAT = {"messages": [{"role": "user", "content": "This is a"}], "max_tokens": 3}
FORM, FORM_TYPE = matrix_market("xgboost_binary")
CSV_FORM, CSV_FORM_TYPE = form(Part("X", sample("transform")), Part("y", "y\n" + "1\n" * 6))

GOOD_REQUESTS = [
    pytest.param("xgboost_binary", "/predict/", sample("xgboost_binary"), "text/csv", id="csv"),
    pytest.param("xgboost_binary", "/predictions/", FORM, FORM_TYPE, id="matrix-market-form"),
    pytest.param("xgboost_binary", "/invocations", arrow("xgboost_binary"), ARROW, id="arrow"),
    pytest.param("custom_hooks", "/predict/", sample("custom_hooks"), "text/csv", id="extra"),
    pytest.param("transform", "/transform/", sample("transform"), "text/csv", id="transform"),
    pytest.param("transform", "/transform/", CSV_FORM, CSV_FORM_TYPE, id="transform-with-y"),
    pytest.param(
        "unstructured",
        "/predictUnstructured/",
        sample("unstructured", "sample.json"),
        JSON,
        id="unstructured",
    ),
    pytest.param("text_generation", "/predict/", sample("text_generation"), "text/csv", id="text"),
    pytest.param("text_generation", "/chat/completions", json.dumps(CHAT), JSON, id="chat"),
    pytest.param(
        "text_generation",
        "/v1/chat/completions",
        json.dumps(CHAT | {"stream": True}),
        JSON,
        id="streaming-chat",
    ),
]

DEPLOYMENT = {
    "target": {
        "name": "diagnosis",
        "type": "Binary",
        "class_mapping": [["malignant", 1], ["benign", 0]],
        "prediction_threshold": 0.5,
        "missing_maps_to": None,
    }
}


@pytest.mark.parametrize(("template", "path", "body", "content_type"), GOOD_REQUESTS)
def test_good_requests_are_answered_as_described(
    servers: Servers, template: str, path: str, body: bytes | str, content_type: str
) -> None:
    server = servers.of(TEMPLATES / template)

    response = post(server, path, body, {"Content-Type": content_type})

    assert_described(path, response, 200)


@pytest.mark.parametrize("accept", [ARROW, "application/x-apache-arrow-stream"])
def test_arrow_answers_are_as_described(servers: Servers, accept: str) -> None:
    server = servers.of(TEMPLATES / "xgboost_binary")
    headers = {"Content-Type": "text/csv", "Accept": accept}

    response = post(server, "/predict/", sample("xgboost_binary"), headers)

    assert_described("/predict/", response, 200)
    assert response.headers["Content-Type"] == accept


def test_answers_in_the_form_of_deployments_are_as_described(
    servers: Servers, tmp_path: Path
) -> None:
    config = tmp_path / "deployment.json"
    config.write_text(json.dumps(DEPLOYMENT), encoding="utf-8")
    server = servers.of(TEMPLATES / "xgboost_binary", "--deployment-config", str(config))

    response = post(server, "/predict/", sample("xgboost_binary"), {"Content-Type": "text/csv"})

    assert_described("/predict/", response, 200)
    assert list(response.json()) == ["data"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param("a," * 10_000 + "b\n1\n", "text/csv", 413, id="columns"),
        pytest.param("a\n1\n", "text/csv; charset=klingon", 415, id="charset"),
        pytest.param("a\n1\n", "image/png", 422, id="media-type"),
        pytest.param("a\n1\n", "text/csv", 422, id="missing-columns"),
    ],
)
def test_refusals_are_as_described(
    servers: Servers, body: str, content_type: str, status: int
) -> None:
    server = servers.of(TEMPLATES / "xgboost_binary")

    response = post(server, "/predict/", body, {"Content-Type": content_type})

    assert_described("/predict/", response, status)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/", 513, id="root"),
        pytest.param("GET", "/ping/", 513, id="ping"),
        pytest.param("GET", "/health/", 513, id="health"),
        pytest.param("GET", "/readyz", 503, id="readyz"),
        pytest.param("GET", "/livez", 200, id="livez"),
        pytest.param("GET", "/info/", 404, id="info"),
        pytest.param("GET", "/capabilities/", 404, id="capabilities"),
        pytest.param("GET", "/stats/", 404, id="stats"),
        pytest.param("GET", "/models", 404, id="models"),
        pytest.param("POST", "/predict/", 513, id="predict"),
        pytest.param("POST", "/transform/", 513, id="transform"),
        pytest.param("POST", "/predictUnstructured/", 513, id="unstructured"),
        pytest.param("POST", "/chat/completions", 404, id="chat"),
    ],
)
def test_answers_of_the_error_server_are_as_described(
    servers: Servers, broken: Path, method: str, path: str, status: int
) -> None:
    server = servers.of(broken, "--target-type", "regression", "--with-error-server")
    body, headers = ("{}", {"Content-Type": JSON}) if method == "POST" else (None, {})

    response = requests.request(method, server.url + path, data=body, headers=headers, timeout=30)

    assert_described(path, response, status)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("broken")
    (directory / "custom.py").write_text("import nosuchmodule\n", encoding="utf-8")
    return directory


def post(
    server: Server, path: str, body: bytes | str, headers: Mapping[str, str]
) -> requests.Response:
    """Return the answer to a body."""
    return requests.post(server.url + path, body, headers=dict(headers), timeout=30)


def assert_described(path: str, response: requests.Response, status: int) -> None:
    """Check an answer against the description of its operation."""
    operation = OPERATIONS[f"{response.request.method} {path}"]

    assert response.status_code == status
    operation.validate_response(response)
