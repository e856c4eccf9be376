"""Routes, headers, statuses and request forms, on a model that predicts its column `a`."""

import gzip
from pathlib import Path

import pyarrow as pa

from tests.parity.case import Case, Part, Probe, ServerCase, files, get, post, upload, upload_rows
from tests.parity.hooks import COLUMN, REPORT, UNSTRUCTURED
from tests.parity.values import Request

ROWS = "a\n1\n2\n"
REGRESSION = ("--target-type", "regression")
MATRIX = "%%MatrixMarket matrix coordinate real general\n2 1 2\n1 1 1\n2 1 2.5\n"
METADATA = """name: parity
type: inference
targetType: regression
description: first
majorVersion: true
inferenceModel:
  targetName: t
  predictionThreshold: 1
runtimeParameterDefinitions:
  - fieldName: LIMIT
    type: numeric
    defaultValue: 50
"""
ARROW_TYPES = ("application/x-apache-arrow-stream", "application/vnd.apache.arrow.stream")


def arrow_stream() -> bytes:
    """Return the rows of ROWS as an Arrow stream."""
    table = pa.table({"a": [1, 2]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def edit_description(directory: Path) -> None:
    """Change the metadata while the servers run."""
    (directory / "model-metadata.yaml").write_text(METADATA.replace("first", "second"))


ROUTES = (
    Probe("root", get("/"), ("alive",)),
    Probe("ping", get("/ping/")),
    Probe("ping without slash", get("/ping")),
    Probe("health", get("/health/")),
    Probe("health without slash", get("/health"), ("D3",)),
    Probe("info", get("/info/"), ("D24",)),
    Probe("info with a query", get("/info/?x=1"), ("D24",)),
    Probe("capabilities", get("/capabilities/"), ("D24",)),
    Probe("statistics", get("/stats/"), ("D10",), shape=True),
    Probe("predict", post("/predict/", ROWS)),
    Probe("predict without slash", post("/predict", ROWS), ("D3",)),
    Probe("predictions", post("/predictions/", ROWS)),
    Probe("predictions without slash", post("/predictions", ROWS), ("D3",)),
    Probe("invocations", post("/invocations", ROWS)),
    Probe("invocations with a slash", post("/invocations/", ROWS), ("D3",)),
    Probe("unknown path", get("/nope"), ("D3",)),
    Probe("wrong method", get("/predict/"), ("D3",)),
    Probe("wrong method on ping", post("/ping/", ""), ("D3",)),
    Probe("HEAD", Request("HEAD", "/ping/")),
    Probe("OPTIONS", Request("OPTIONS", "/predict/")),
    Probe("wrong endpoint: transform", post("/transform/", ROWS)),
    Probe("wrong endpoint: unstructured", post("/predictUnstructured/", ROWS)),
    Probe("wrong endpoint: unstructured alias", post("/predictionsUnstructured/", ROWS)),
    Probe("models of a regression", get("/models")),
    Probe("v1 models of a regression", get("/v1/models"), ("model-names",)),
    Probe("models with a slash", get("/models/"), ("D3",)),
    Probe("chat without a hook", post("/chat/completions", '{"messages":[]}', "application/json")),
    Probe("v1 chat", post("/v1/chat/completions", '{"messages":[]}', "application/json")),
    Probe("chat with a slash", post("/chat/completions/", "{}", "application/json"), ("D3",)),
    Probe("chat: malformed JSON", post("/chat/completions", "{", "application/json")),
    Probe("chat: not JSON", post("/chat/completions", "x", "text/plain"), ("chat-media-type",)),
    Probe("direct access", post("/directAccess/a", "x")),
    Probe("nim", get("/nim/a/b")),
    Probe("direct access to nothing", get("/directAccess/"), ("D3",)),
)

HEADERS = (
    Probe("request id", get("/ping/", ("x-request-id", "my.id-1"))),
    Probe("empty request id", get("/ping/", ("X-Request-ID", ""))),
    Probe("underscores", get("/ping/", ("X_Request_ID", "abc"))),
    Probe(
        "request id of other characters", get("/ping/", ("X-Request-ID", "a b/c")), ("request-id",)
    ),
    Probe("request id with an error", get("/nope", ("X-Request-ID", "my-id")), ("D3",)),
    Probe("connection", get("/ping/"), ("D13",), headers=("connection",)),
)

FORMS = (
    Probe("file part", upload_rows("/predict/", ROWS)),
    Probe("part x", upload("/predict/", Part("x", b"a\n1\n", "x.csv"))),
    Probe("part without a file name", upload("/predict/", Part("X", b"a\n1\n"))),
    Probe("empty file name", upload_rows("/predict/", ROWS, "")),
    Probe("two parts X", upload("/predict/", Part("X", b"a\n1\n", "x"), Part("X", b"a\n2\n", "y"))),
    Probe("upper-case mtx is CSV", upload_rows("/predict/", ROWS, "x.MTX")),
    Probe("arrow name is CSV", upload_rows("/predict/", ROWS, "x.arrow"), ("D5",)),
    Probe("text name is CSV", upload_rows("/predict/", ROWS, "x.txt")),
    Probe("no suffix is CSV", upload_rows("/predict/", ROWS, "x")),
    Probe("hidden mtx is CSV", upload_rows("/predict/", ROWS, ".mtx")),
    Probe(
        "type of the part is ignored",
        upload("/predict/", Part("X", b"a\n1\n", "x.csv", "application/json")),
    ),
    Probe(
        "further parts are ignored",
        upload("/predict/", Part("note", b"hello"), Part("X", b"a\n1\n", "x.csv")),
    ),
    Probe("text/plain", post("/predict/", ROWS, "text/plain")),
    Probe("no content type", post("/predict/", ROWS, None)),
    Probe("charset that fits", post("/predict/", ROWS, "text/csv; charset=utf-8")),
    Probe("upper-case media type", post("/predict/", ROWS, "TEXT/CSV"), ("D11",)),
    Probe("records of JSON", post("/predict/", '[{"a": 1}]', "application/json"), ("json-rows",)),
    Probe(
        "records of JSON mean CSV",
        post("/predict/", '[{"a": 1}]', "application/json"),
        drum_request=post("/predict/", "a\n1\n"),
    ),
    Probe("broken JSON", post("/predict/", '[{"a": 1}', "application/json"), ("json-rows",)),
    Probe(
        "a form-urlencoded record",
        post("/predict/", '[{"a": 1}]', "application/x-www-form-urlencoded"),
        ("json-rows",),
    ),
    Probe("octet-stream", post("/predict/", ROWS, "application/octet-stream")),
    Probe(
        "form-urlencoded", post("/predict/", ROWS, "application/x-www-form-urlencoded"), ("D12",)
    ),
    Probe(
        "form-urlencoded means CSV",
        post("/predict/", ROWS, "application/x-www-form-urlencoded"),
        drum_request=post("/predict/", ROWS),
    ),
    Probe(
        "form-urlencoded, one line",
        post("/predict/", "a=1", "application/x-www-form-urlencoded"),
        ("D12",),
    ),
    *(Probe(name, post("/predict/", arrow_stream(), name), ("D5",)) for name in ARROW_TYPES),
    Probe(
        "Arrow means the same",
        post("/predict/", arrow_stream(), ARROW_TYPES[0]),
        drum_request=post("/predict/", ROWS),
    ),
    Probe(
        "Arrow file part means the same",
        upload_rows("/predict/", arrow_stream(), "x.arrow"),
        drum_request=post("/predict/", ROWS),
    ),
    Probe("empty body", post("/predict/", "")),
    Probe("empty file", upload_rows("/predict/", ""), ("D2",)),
    Probe("multipart without a boundary", post("/predict/", ROWS, "multipart/form-data")),
    Probe("query", post("/predict/?a=1", ROWS)),
    Probe(
        "chunked",
        Request("POST", "/predict/", (("Content-Type", "text/csv"),), b"a\n1\n", chunked=True),
    ),
    Probe(
        "gzip",
        post(
            "/predict/", gzip.compress(b"a\n1\n", mtime=0), "text/csv", ("Content-Encoding", "gzip")
        ),
        ("coded-body",),
    ),
    Probe(
        "large form field",
        upload("/predict/", Part("note", b"x" * 600_000), Part("X", b"a\n1\n", "x.csv")),
        ("D16",),
    ),
    Probe("many rows", post("/predict/", "a\n" + "\n".join(map(str, range(200_000))))),
    Probe("no rows", post("/predict/", "a\n")),
    Probe("missing column for the hook", post("/predict/", "b\n1\n")),
    Probe("a valid request after errors", post("/predict/", ROWS)),
)

REPORTED_MATRIX = "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1.5\n1 2 2\n2 2 2\n"
SPARSE = (
    Probe("mtx by file name", upload_rows("/predict/", REPORTED_MATRIX, "m.mtx")),
    Probe("mtx by second suffix", upload_rows("/predict/", REPORTED_MATRIX, "a.b.mtx")),
    Probe("mtx by media type", post("/predict/", REPORTED_MATRIX, "text/mtx")),
    Probe(
        "column names",
        upload(
            "/predict/",
            Part("X", REPORTED_MATRIX.encode(), "m.mtx"),
            Part("X.colnames", b" a \nb\n", "c"),
        ),
    ),
    Probe(
        "column names without a file name",
        upload(
            "/predict/", Part("X", REPORTED_MATRIX.encode(), "m.mtx"), Part("X.colnames", b"a\nb\n")
        ),
    ),
    Probe(
        "empty column names",
        upload(
            "/predict/", Part("X", REPORTED_MATRIX.encode(), "m.mtx"), Part("X.colnames", b"", "c")
        ),
    ),
    Probe(
        "too many column names",
        upload(
            "/predict/",
            Part("X", REPORTED_MATRIX.encode(), "m.mtx"),
            Part("X.colnames", b"a\nb\nc\n", "c"),
        ),
        ("D2",),
    ),
    Probe(
        "column names beside CSV",
        upload("/predict/", Part("X", b"a\n1\n", "x.csv"), Part("X.colnames", b"z\n", "c")),
    ),
    Probe(
        "integer",
        post(
            "/predict/", REPORTED_MATRIX.replace("real", "integer").replace("1.5", "3"), "text/mtx"
        ),
    ),
    Probe(
        "pattern",
        post(
            "/predict/",
            "%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 2\n",
            "text/mtx",
        ),
    ),
    Probe(
        "symmetric",
        post(
            "/predict/",
            "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 1\n2 1 5\n",
            "text/mtx",
        ),
    ),
    Probe(
        "array",
        post("/predict/", "%%MatrixMarket matrix array real general\n2 1\n1\n2\n", "text/mtx"),
        ("matrix-market-array",),
    ),
    Probe("CSV called mtx", upload_rows("/predict/", ROWS, "m.mtx"), ("D2",)),
)

CASES: tuple[Case, ...] = (
    ServerCase(
        name="routes", build=files({"custom.py": COLUMN}), arguments=REGRESSION, probes=ROUTES
    ),
    ServerCase(
        name="headers", build=files({"custom.py": COLUMN}), arguments=REGRESSION, probes=HEADERS
    ),
    ServerCase(
        name="request-forms", build=files({"custom.py": COLUMN}), arguments=REGRESSION, probes=FORMS
    ),
    ServerCase(
        name="sparse-rows",
        build=files({"custom.py": REPORT}),
        arguments=("--target-type", "textgeneration"),
        environment={"TARGET_NAME": "out"},
        probes=SPARSE,
    ),
    ServerCase(
        name="sparse-predictions",
        build=files({"custom.py": COLUMN}),
        arguments=REGRESSION,
        probes=(
            Probe(
                "named column",
                upload(
                    "/predict/",
                    Part("X", MATRIX.encode(), "m.mtx"),
                    Part("X.colnames", b"a\n", "c"),
                ),
            ),
            Probe("no named column", upload_rows("/predict/", MATRIX, "m.mtx")),
        ),
    ),
    ServerCase(
        name="url-prefix",
        build=files({"custom.py": COLUMN}),
        arguments=REGRESSION,
        environment={"URL_PREFIX": "/pre/fix"},
        prefix="/pre/fix",
        probes=(
            Probe("ping", get("/pre/fix/ping/")),
            Probe("predict", post("/pre/fix/predict/", ROWS)),
            Probe("invocations", post("/pre/fix/invocations", ROWS)),
            Probe("without the prefix", get("/ping/"), ("D3",)),
            Probe("prefix without slash", get("/pre/fix"), ("alive",)),
            Probe("chat", post("/pre/fix/v1/chat/completions", "{}", "application/json")),
        ),
    ),
    ServerCase(
        name="url-prefix-with-slash",
        build=files({"custom.py": COLUMN}),
        arguments=REGRESSION,
        environment={"URL_PREFIX": "/pre/"},
        prefix="/pre",
        probes=(
            Probe("ping", get("/pre/ping/")),
            Probe("predict", post("/pre/predict/", ROWS)),
        ),
    ),
    ServerCase(
        name="metadata-in-info",
        build=files({"custom.py": COLUMN, "model-metadata.yaml": METADATA}),
        probes=(
            Probe("info", get("/info/"), ("D24",)),
            Probe("info of an edited file", get("/info/"), ("D22",), before=edit_description),
            Probe("predict", post("/predict/", ROWS)),
        ),
    ),
    ServerCase(
        name="configured-by-environment",
        build=files({"custom.py": COLUMN}),
        command=("server",),
        environment={
            "TARGET_TYPE": "regression",
            "CODE_DIR": "{dir}",
            "ADDRESS": "{address}",
            "SHOW_STACKTRACE": "true",
            "DRUM_SERVER_TYPE": "gunicorn",
        },
        probes=(Probe("info", get("/info/"), ("D24",)), Probe("predict", post("/predict/", ROWS))),
    ),
    ServerCase(
        name="unstructured-routes",
        build=files({"custom.py": UNSTRUCTURED}),
        arguments=("--target-type", "unstructured"),
        probes=(
            Probe("info", get("/info/"), ("D24",)),
            Probe("capabilities", get("/capabilities/"), ("D24",)),
            Probe("wrong endpoint: predict", post("/predict/", ROWS)),
            Probe("wrong endpoint: invocations", post("/invocations", ROWS)),
            Probe("wrong endpoint: transform", post("/transform/", ROWS)),
            Probe("chat without a hook", post("/chat/completions", "{}", "application/json")),
            Probe("models", get("/models")),
        ),
    ),
)
