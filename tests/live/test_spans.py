"""Spans of requests, as a receiver of OpenTelemetry gets them."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from threading import Thread
from time import perf_counter
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.live.steered import eventually
from tests.support.serving import Server, environment, serve, stop

PHASES = ["read", "wait", "decode", "predict", "encode", "write"]
SERVER_KIND, ERROR = 2, 2
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

HOOK = """
import time


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    if data.iloc[0, 0] < 0:
        raise ValueError("as asked")
    time.sleep(data.iloc[0, 0])
    return data[["x"]].rename(columns={"x": "Predictions"})
"""


@dataclass
class Receiver:
    """A receiver of OTLP over HTTP.

    Attributes:
        url: Its address.
        paths: The paths that were asked.
        resources: The attributes of what sent spans.
        spans: The spans, in the order in which they came.
    """

    url: str = ""
    paths: set[str] = field(default_factory=set)
    resources: list[dict[str, str]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Keep the spans of a request."""
        self.paths.add(path)
        for found in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(found.resource))
            self.spans += [span for scope in found.scope_spans for span in scope.spans]

    def requests(self, number: int) -> list[Any]:
        """Return the spans of so many requests, once they have come."""
        return list(eventually(lambda: found if len(found := self._whole()) >= number else []))

    def parts(self, request: Any) -> list[Any]:
        """Return the spans of the phases of a request, in their order."""
        own = [span for span in self.spans if span.parent_span_id == request.span_id]
        return sorted(own, key=lambda span: (span.start_time_unix_nano, PHASES.index(span.name)))

    def _whole(self) -> list[Any]:
        return [span for span in self.spans if span.kind == SERVER_KIND]


def attributes(span: Any) -> dict[str, Any]:
    """Return the attributes of a span."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def seconds(span: Any) -> float:
    """Return how long a span lasted."""
    return float(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


@pytest.fixture(name="receiver")
def fixture_receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


@contextmanager
def traced(folder: Path, url: str, *flags: str) -> Iterator[Server]:
    """Serve a model whose spans go to a URL every 50 ms."""
    (folder / "custom.py").write_text(HOOK)
    variables = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_ENDPOINT": url}
    words = ("--target-type", "regression", "--max-workers", "2", *flags)
    with serve(folder, *words, env=variables) as running:
        yield running


def test_a_request_is_one_trace_whose_phases_are_its_time(
    receiver: Receiver, tmp_path: Path
) -> None:
    with traced(tmp_path, receiver.url + "/") as server:
        began = perf_counter()
        reply = server.post("/predict/", "x,y\n0.1,2\n", traceparent=f"00-{TRACE}-{CALLER}-01")
        took_s = perf_counter() - began
        (span,) = receiver.requests(1)

    parts = receiver.parts(span)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, CALLER)
    assert {part.trace_id for part in parts} == {span.trace_id}
    assert [part.name for part in parts] == PHASES
    assert sum(map(seconds, parts)) == pytest.approx(seconds(span), rel=0.05)
    assert 0.1 <= seconds(parts[3]) <= seconds(span) <= took_s
    assert [one.end_time_unix_nano for one in parts[:-1]] == [
        one.start_time_unix_nano for one in parts[1:]
    ]
    assert span.name == "POST /predict/"
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": "/predict/",
        "http.response.status_code": 200,
        "http.response.body.size": len(reply.body),
        "url.path": "/predict/",
        "url.scheme": "http",
        "drum_like.contract": "drum",
        "drum_like.request_id": reply.headers["X_Request_ID"],
        "drum_like.model": tmp_path.name,
        "drum_like.model_version": "1",
        "drum_like.rows": 1,
    }
    assert receiver.paths == {"/v1/traces"}
    assert receiver.resources[0]["service.name"] == "drum-like"


def test_requests_have_traces_of_their_own_and_probes_none(
    receiver: Receiver, tmp_path: Path
) -> None:
    with traced(tmp_path, receiver.url, "--request-timeout-s", "1") as server:
        told = {
            status: server.post("/predict/", body).status
            for status, body in ((200, "x\n0\n"), (422, ""), (500, "x\n-1\n"), (504, "x\n2\n"))
        }
        server.post("/predict/", "x\n0\n", traceparent=f"00-{TRACE}-{CALLER}-00")
        replies = [server.get(path) for path in ("/ping/", "/readyz", "/metrics", "/nothing")]
        spans = receiver.requests(5)
        server.process.terminate()
        server.process.wait(20)

    assert told == {status: status for status in told}
    assert [reply.status for reply in replies] == [200, 200, 200, 404]
    statuses = [attributes(span)["http.response.status_code"] for span in spans]
    assert sorted(statuses) == [200, 404, 422, 500, 504]
    assert len(receiver.requests(5)) == 5, "nor one that its caller does not sample"
    assert len({span.trace_id for span in spans}) == 5
    for span, status in zip(spans, statuses, strict=True):
        assert (span.status.code == ERROR) == (status >= 500)
        assert [one.name for one in receiver.parts(span)] == (
            PHASES if status in (200, 500) else []
        )


def test_a_receiver_that_is_away_holds_nobody_up(tmp_path: Path) -> None:
    with traced(tmp_path, "http://127.0.0.1:9") as server:
        statuses = [server.post("/predict/", "x\n0\n").status for _ in range(20)]
        began = perf_counter()
        server.process.terminate()
        code = server.process.wait(20)

    assert (statuses, code) == ([200] * 20, 0)
    assert perf_counter() - began < 8


def traces(log: str) -> dict[str, tuple[str, str]]:
    """Return trace and span of each request in the access log, by its id."""
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return {
        one["request_id"]: (one.get("trace_id", ""), one.get("span_id", ""))
        for one in events
        if one["logger"] == "access"
    }


def test_lines_of_the_log_name_the_trace_that_begins_here(
    receiver: Receiver, tmp_path: Path
) -> None:
    bodies: tuple[tuple[str, dict[str, str]], ...] = (
        ("", {}),
        ("x\n0\n", {}),
        ("x\n-1\n", {"traceparent": "00-none"}),
        ("x\n0\n", {"traceparent": f"00-{TRACE}-{CALLER}-01"}),
    )
    with traced(tmp_path, receiver.url, "--log-format", "json") as server:
        replies = [server.post("/predict/", body, **headers) for body, headers in bodies]
        spans = receiver.requests(len(bodies))
        ids = [reply.headers["X_Request_ID"] for reply in replies]
        eventually(lambda: set(ids) <= traces(server.log()).keys())
        failed = [line for line in server.log().splitlines() if '"level": "error"' in line]
        logged = traces(server.log())

    exported = {
        attributes(span)["drum_like.request_id"]: (span.trace_id.hex(), span.span_id.hex())
        for span in spans
    }
    assert [logged[one] for one in ids[:3]] == [exported[one] for one in ids[:3]]
    assert logged[ids[3]] == (TRACE, CALLER)
    assert exported[ids[3]][0] == TRACE
    assert len(set(logged.values())) == len(bodies)
    assert [json.loads(line)["trace_id"] for line in failed] == [logged[ids[2]][0]]
    for span in spans:  # those of the phases have ids of their own
        parts = receiver.parts(span)
        assert len({part.span_id for part in (*parts, span)}) == len(parts) + 1


def test_without_spans_a_request_without_a_trace_has_none(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text(HOOK)
    words = ("--target-type", "regression", "--log-format", "json")
    with serve(tmp_path, *words) as server:
        request_id = server.post("/predict/", "x\n0\n").headers["X_Request_ID"]
        eventually(lambda: request_id in traces(server.log()))
        logged = traces(server.log())

    assert logged[request_id] == ("", "")


WITHOUT = """
import sys

sys.modules["opentelemetry"] = None
from drum_like.cli.main import main

sys.exit(main())
"""
"""A start where OpenTelemetry does not import."""


def test_without_the_extra_the_log_says_so_and_nothing_is_exported(
    receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "custom.py").write_text(HOOK)
    flags = ["--code-dir", str(tmp_path), "--address", "127.0.0.1:0", "--target-type", "regression"]
    command = [sys.executable, "-c", WITHOUT, "server", *flags, "--otlp-endpoint", receiver.url]
    process = Popen(command, stdout=PIPE, stderr=STDOUT, env=environment(), text=True)
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "try it" in line:
                break
    finally:
        stop(process)
        process.stdout.close()

    said = [line for line in lines if "pip install 'drum-like[otel]'" in line]
    assert len(said) >= 1, lines
    assert receiver.spans == []
