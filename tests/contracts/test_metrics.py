"""/metrics: what is counted, in which formats, for whom, and how many series there are."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from drum_like import __version__
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.http.app import create_app
from tests.live.steered import MODEL, do, eventually
from tests.support.http_calls import call
from tests.support.metrics import Scrape, parsed, scrape
from tests.support.models import ONE_WORKER, REG, served
from tests.support.serving import Server, serve

ROWS = "a\n1\n2\n3\n"
PHASES = {"read", "wait", "decode", "predict", "encode", "write"}
OPENMETRICS = "application/openmetrics-text"
# As Prometheus 3.5 asks.
ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)

steered = served(MODEL, *ONE_WORKER, scope="module")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that has counted nothing but the probe of its start."""
    with serve(REG.write(tmp_path / "model"), *REG.flags, *ONE_WORKER) as running:
        yield running


def requests(found: Scrape, **labels: str) -> float:
    """Return how many requests are counted with these labels."""
    return found.total("drum_like_requests_total", **labels)


def test_requests_are_counted_by_contract_route_model_version_and_status(server: Server) -> None:
    for path in ("/predict/", "/predict", "/predictions/"):
        assert server.csv(ROWS, path).status == 200
    assert server.csv("b\n1\n").status == 200  # the hook takes any columns
    assert server.csv("").status == 422
    assert server.post("/v2/models/model/infer", "{", "application/json").status == 400
    found = scrape(server)

    of_model = {"model": "model", "version": "1"}
    here = {"contract": "drum", **of_model}
    assert requests(found, route="/predict", status="200", **here) == 3
    assert requests(found, route="/predictions", status="200", **here) == 1
    assert requests(found, route="/predict", status="422", **here) == 1
    assert requests(found, contract="open_inference", status="400", **of_model) == 1
    assert found.total("drum_like_rows_total", **of_model) == 10
    assert found.total("drum_like_errors_total", kind="payload") == 2
    assert found.total("drum_like_request_duration_seconds_count", **of_model) == 6


def test_a_request_is_there_once_its_answer_is(server: Server) -> None:
    for number in range(1, 40):
        server.csv(ROWS)
        assert requests(scrape(server), route="/predict") == number


def test_phases_are_parts_of_the_time_of_a_request(steered: Server) -> None:
    before = scrape(steered)
    for _ in range(3):
        assert steered.csv("do,value\nsleep,0.2\n").status == 200
    after = eventually(lambda: _with_phases(steered, before, 3))

    spent = {
        phase: after.total("drum_like_request_phase_seconds_sum", phase=phase)
        - before.total("drum_like_request_phase_seconds_sum", phase=phase)
        for phase in PHASES
    }
    total = after.total("drum_like_request_duration_seconds_sum")
    total -= before.total("drum_like_request_duration_seconds_sum")
    assert after.values("drum_like_request_phase_seconds_count", "phase") == PHASES
    assert 0.6 <= spent["predict"] <= total
    within = sum(spent[phase] for phase in ("wait", "decode", "predict", "encode"))
    assert within == pytest.approx(total, rel=0.02)


def _with_phases(server: Server, before: Scrape, number: int) -> Scrape | None:
    """Return the metrics, as soon as so many more requests have been written."""
    found, name = scrape(server), "drum_like_request_phase_seconds_count"
    grown = {found.total(name, phase=phase) - before.total(name, phase=phase) for phase in PHASES}
    return found if grown == {number} else None


def test_the_wait_for_custom_code_is_no_time_of_the_model(steered: Server) -> None:
    """Hooks take turns: three that sleep 0.2 s at once wait 0.6 s together."""
    name, before = "drum_like_request_phase_seconds_sum", scrape(steered)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: steered.csv("do,value\nsleep,0.2\n"), range(3)))
    after = scrape(steered)

    waited, predicted = (
        after.total(name, phase=phase) - before.total(name, phase=phase)
        for phase in ("wait", "predict")
    )
    assert 0.5 <= waited < 2
    assert 0.6 <= predicted < 0.9 + waited - 0.5


def test_errors_are_counted_by_kind(steered: Server) -> None:
    steered.get("/no/such/path")
    steered.csv("do,value\nnothing,1\n")
    raw = steered.connect()
    raw.sendall(b"nonsense\r\n\r\n")
    assert raw.recv(100).startswith(b"HTTP/1.1 400")
    raw.close()
    found = scrape(steered)

    kinds = found.values("drum_like_errors_total", "kind")
    assert {"not_found", "hook", "invalid_request_line"} <= kinds
    assert requests(found, contract="", route="", status="404") == 1
    assert requests(found, contract="", route="", status="400") == 1


def test_names_and_paths_of_callers_make_no_series(server: Server) -> None:
    _attack(server, "first")
    scrape(server)
    before = scrape(server)
    _attack(server, "second")
    after = scrape(server)

    assert after.samples.keys() == before.samples.keys()
    assert requests(after) > requests(before) + 300
    assert len(after.samples) <= 200
    assert not [labels for _, labels in after.samples if "second" in str(labels)]


def _attack(server: Server, word: str) -> None:
    """Send names, paths, methods, versions and media types that nobody has sent before."""
    for number in range(50):
        name = f"{word}-{number}"
        server.get(f"/{name}")
        server.get(f"/{name}/livez")
        server.csv(ROWS, f"/predict/{name}")
        server.csv(ROWS, f"/{name}/model/score")
        server.post(f"/v2/models/{name}/infer", "{}", "application/json")
        server.post(f"/v2/models/model/versions/{name}/infer", "{}", "application/json")
        server.post("/predict/", ROWS, f"text/{name}", X_Scoring_Contract=name)
        call(server.url, name.upper(), "/predict/")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("text/plain; version=0.0.4", "text/plain"),
        (ACCEPT, OPENMETRICS),
        (f"{OPENMETRICS}; version=99.9", OPENMETRICS),
        (f"{OPENMETRICS}; version=x; q=0.1, text/plain", "text/plain"),
        (f"{OPENMETRICS};q=0", "text/plain"),
        (f"{OPENMETRICS};q=0.0, text/plain;q=0", "text/plain"),
        ("application/openmetrics-text;version=;;q=x", "text/plain"),
        ("text/html", "text/plain"),
    ],
)
def test_formats_are_chosen_by_accept(steered: Server, accept: str | None, expected: str) -> None:
    reply = steered.get("/metrics", **({} if accept is None else {"Accept": accept}))

    assert reply.status == 200
    assert reply.headers.get_content_type() == expected
    is_old = expected == "text/plain"
    assert reply.headers.get_param("version") == ("0.0.4" if is_old else "1.0.0")
    if is_old:
        assert parsed(reply.text).total("drum_like_build_info", version=__version__) == 1
    else:
        found = text_string_to_metric_families(reply.text)  # type: ignore[no-untyped-call]
        families = {family.name: family for family in found}
        assert families["drum_like_requests"].type == "counter"
        assert families["drum_like_request_phase_seconds"].type == "histogram"


def test_it_stands_at_the_root_whatever_the_prefix(tmp_path: Path) -> None:
    model = REG.write(tmp_path / "model")
    with serve(model, *REG.flags, *ONE_WORKER, "--url-prefix", "/a/b") as server:
        assert server.csv(ROWS, "/a/b/predict/").status == 200
        found = scrape(server)
        assert server.get("/a/b/metrics").status == 404

    assert requests(found, route="/a/b/predict", status="200") == 1


def test_models_of_a_catalog_are_told_apart(tmp_path: Path) -> None:
    metadata = "name: {}\ntype: inference\ntargetType: regression\n"
    for name in ("one", "two"):
        REG.plus(**{"model-metadata.yaml": metadata.format(name)}).write(tmp_path / name)
    with serve(None, "--models", str(tmp_path), *ONE_WORKER) as server:
        asked = ("one", "two", "two", "three")
        statuses = [server.csv(ROWS, f"/models/{name}/predict/").status for name in asked]
        found = scrape(server)

    assert statuses == [200, 200, 200, 404]
    by_model = {name: found.total("drum_like_rows_total", model=name) for name in asked}
    assert by_model == {"one": 3, "two": 6, "three": 0}
    here = {"route": "/models/<model>/predict", "status": "404"}
    assert requests(found, model="", **here) == 1
    assert found.values("drum_like_requests_total", "model") == {"", "one", "two"}


def test_it_is_answered_while_all_threads_serve(steered: Server) -> None:
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(steered.csv, "do,value\nsleep,0.1\n") for _ in range(20)]
        waiting = eventually(lambda: scrape(steered).total("drum_like_requests_waiting"))
        assert not all(one.done() for one in calls)
        assert {one.result().status for one in calls} == {200}
    found = scrape(steered)

    assert waiting > 0
    assert found.total("drum_like_requests_waiting") == 0
    assert found.total("drum_like_workers") == 1
    assert found.values("drum_like_worker_memory_bytes", "worker") == {"0", "master"}
    assert found.total("drum_like_worker_memory_bytes", worker="0") > 10 * 2**20


def test_successful_scrapes_are_not_in_the_access_log(server: Server) -> None:
    server.get("/metrics")
    server.csv(ROWS)
    eventually(lambda: "POST /predict/ 200" in server.log())

    lines = [json.loads(line) for line in server.log().splitlines()]

    assert [line["path"] for line in lines if line["logger"] == "access"] == ["/predict/"]


def test_a_model_in_memory_is_shown_with_its_size(server: Server) -> None:
    found = scrape(server)

    assert found.by("drum_like_model_workers") == {(("model", "model"), ("version", "1")): 1}
    assert found.total("drum_like_model_memory_bytes", model="model") > 0


def test_models_that_leave_the_memory_are_counted_no_more(tmp_path: Path) -> None:
    metadata = "name: {}\ntype: inference\ntargetType: regression\n"
    for name in ("one", "two"):
        REG.plus(**{"model-metadata.yaml": metadata.format(name)}).write(tmp_path / name)
    with serve(None, "--models", str(tmp_path), "--max-models", "1", *ONE_WORKER) as server:
        seen, names = [], ("one", "two")
        for name in names:
            assert server.csv(ROWS, f"/models/{name}/predict/").status == 200
            found = scrape(server)
            seen.append(
                {m: found.total("drum_like_model_workers", model=m) for m in ("one", "two")}
            )

    assert seen == [{"one": 1, "two": 0}, {"one": 0, "two": 1}]


@pytest.mark.parametrize(
    ("action", "value", "reason"),
    [("exit", 3, "exited"), ("crash", 11, "crashed"), ("crash", 9, "killed")],
)
def test_workers_that_end_are_counted_by_reason(
    tmp_path: Path, action: str, value: int, reason: str
) -> None:
    with serve(MODEL.write(tmp_path / "model"), *MODEL.flags, *ONE_WORKER) as server:
        with suppress(OSError, HTTPException):
            do(server, action, value)
        ends = eventually(lambda: scrape(server).by("drum_like_worker_ends_total", reason=reason))
        eventually(lambda: scrape(server).total("drum_like_worker_ends_total"))
        found = scrape(server)

    assert len(ends) == 1
    assert found.total("drum_like_worker_ends_total", reason=reason) == 1
    assert found.total("drum_like_worker_ends_total") == 1
    assert found.total("drum_like_model_workers") == 1


def test_a_number_of_requests_is_a_reason(tmp_path: Path) -> None:
    flags = (*REG.flags, *ONE_WORKER, "--max-requests", "20")
    with serve(REG.write(tmp_path / "model"), *flags) as server:
        for _ in range(20):
            server.csv(ROWS)
        eventually(lambda: _ended(server, "max_requests"))


def test_a_reload_is_a_reason(server: Server) -> None:
    server.process.send_signal(signal.SIGHUP)

    assert eventually(lambda: _ended(server, "reload")) == 1


def _ended(server: Server, reason: str) -> float:
    return scrape(server).total("drum_like_worker_ends_total", reason=reason)


def test_decisions_are_counted(tmp_path: Path) -> None:
    flags = ("--store", str(tmp_path / "store"), *REG.flags, *ONE_WORKER)
    body = json.dumps({"campaign": "model", "in_params": {"input": ["a"], "value": [1]}})
    with serve(REG.write(tmp_path / "model"), *flags) as server:
        statuses = [server.post("/invocate", body, "application/json").status for _ in range(3)]
        found = eventually(lambda: _decided(server, 3))

    assert statuses == [200, 200, 200]
    assert found.total("drum_like_decisions_total", outcome="lost") == 0
    assert found.total("drum_like_decisions_waiting") == 0


def test_a_scrape_reads_each_process_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[int] = Counter()

    class Counted(psutil.Process):
        def __init__(self, pid: int) -> None:
            read[pid] += 1
            super().__init__(pid)

    words = ("server", "--code-dir", str(REG.write(tmp_path / "model")), *REG.flags)
    client = create_app(load(ServerSettings, words, {})).flask.test_client()
    monkeypatch.setattr(psutil, "Process", Counted)

    found = parsed(client.get("/metrics").text)

    assert found.total("drum_like_workers") == len(read)
    assert set(read.values()) == {1}


def test_an_acceptance_of_an_unknown_decision_is_not_written(tmp_path: Path) -> None:
    flags = ("--store", str(tmp_path / "store"), "--log-sync", *REG.flags, *ONE_WORKER)
    known = json.dumps({"campaign": "model", "in_params": {"input": ["a"], "value": [1]}})
    unknown = json.dumps({"uuid": "nobody", "offers_accepted": ["x"]})
    with serve(REG.write(tmp_path / "model"), *flags) as server:
        server.post("/invocate", known, "application/json")
        eventually(lambda: _decided(server, 1))
        reply = server.post("/response", unknown, "application/json")
        found = scrape(server)

    assert reply.status == 200
    assert found.total("drum_like_decisions_total", outcome="written") == 1
    assert found.total("drum_like_decisions_total", outcome="lost") == 0


def _decided(server: Server, number: int) -> Scrape | None:
    found = scrape(server)
    return found if found.total("drum_like_decisions_total", outcome="written") >= number else None


def test_server_timing_is_told_to_those_who_ask(steered: Server) -> None:
    rows = "do,value\nsleep,0.1\n"
    before = requests(scrape(steered), route="/predict", status="200")
    reply = steered.post("/predict/", rows, "text/csv", X_Server_Timing="1")
    counted = requests(scrape(steered), route="/predict", status="200") - before
    others = (steered.csv(rows), steered.get("/metrics", X_Server_Timing="1"))

    assert counted == 1
    spent = dict(part.split(";dur=") for part in reply.headers["Server-Timing"].split(", "))
    assert list(spent) == ["read", "wait", "decode", "predict", "encode"]
    assert 100 <= float(spent["predict"]) < 1000
    assert not [other for other in others if "Server-Timing" in other.headers]


def test_traces_of_callers_are_in_the_log(server: Server) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    server.post("/predict/", ROWS, "text/csv", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    eventually(lambda: server.log().count("POST /predict/ 200") == 1)  # lines follow answers
    server.post("/predict/", ROWS, "text/csv", traceparent="00-nonsense")
    eventually(lambda: server.log().count("POST /predict/ 200") == 2)

    lines = [line for line in map(json.loads, server.log().splitlines()) if "path" in line]

    assert [line.get("trace_id") for line in lines] == [trace, None]
    assert [line.get("span_id") for line in lines] == ["00f067aa0ba902b7", None]


def test_requests_that_are_turned_away_are_counted_once(tmp_path: Path) -> None:
    flags = (*MODEL.flags, *ONE_WORKER, "--threads", "1", "--queue-timeout-ms", "200")
    with serve(MODEL.write(tmp_path / "model"), *flags) as server:
        with ThreadPoolExecutor(8) as pool:
            rows = "do,value\nsleep,0.5\n"
            statuses = [one.status for one in pool.map(lambda _: server.csv(rows), range(8))]
        found = scrape(server)

    n_busy = statuses.count(503)
    assert n_busy > 0
    assert requests(found, contract="drum", route="/predict", status="503") == n_busy
    assert requests(found, route="/predict", status="200") == len(statuses) - n_busy
    assert found.total("drum_like_errors_total") == n_busy


@pytest.mark.parametrize("headers", [{}, {"X_Server_Timing": "1"}])
def test_requests_that_take_too_long_are_counted_once(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    flags = (*MODEL.flags, *ONE_WORKER, "--request-timeout-s", "1")
    with serve(MODEL.write(tmp_path / "model"), *flags) as server:
        reply = server.post("/predict/", "do,value\nsleep,1.5\n", "text/csv", **headers)
        seen = [scrape(server)]
        eventually(lambda: "POST /predict/ 504" in server.log())  # its hook has ended
        seen.append(scrape(server))

    assert (reply.status, reply.headers["Server-Timing"]) == (504, None)
    for found in seen:
        assert requests(found, route="/predict") == 1
        assert requests(found, contract="drum", route="/predict", status="504") == 1
        assert found.by("drum_like_errors_total") == {(("kind", "timeout"),): 1}
        assert found.total("drum_like_request_duration_seconds_sum") >= 1
        assert found.total("drum_like_request_phase_seconds_sum") == 0  # not the hook's as encoding


def test_a_late_request_whose_hook_never_ends_is_counted(tmp_path: Path) -> None:
    flags = (*MODEL.flags, *ONE_WORKER, "--request-timeout-s", "1")
    with serve(MODEL.write(tmp_path / "model"), *flags) as server:
        status = do(server, "sleep", 3600).status
        found = scrape(server)
        eventually(lambda: _ended(server, "stuck"), timeout_s=60)
        last = scrape(server)

    assert status == 504
    for one in (found, last):
        assert requests(one, route="/predict", status="504") == 1
        assert one.total("drum_like_errors_total", kind="timeout") == 1


def test_a_large_body_is_time_of_reading(server: Server) -> None:
    body = b"a\n" + b"1234567\n" * 1_000_000
    head = f"POST /predict/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    with server.connect() as client:
        client.sendall(f"{head}Content-Type: text/csv\r\nConnection: close\r\n\r\n".encode() + body)
        while client.recv(1 << 20):
            pass
    name = "drum_like_request_phase_seconds_sum"

    assert 0 < scrape(server).total(name, phase="read") < 60


FORKING = """
import os


def init_app(app):
    app.add_url_rule("/fork", "fork", lambda: str(os.fork()))
"""


def _n_living(master: psutil.Process) -> int:
    """Return how many processes a master has that have not ended, those of hooks among them."""
    found = master.children(recursive=True)
    return sum(one.status() != psutil.STATUS_ZOMBIE for one in found)


def test_a_child_that_custom_code_forks_does_not_count_a_request_again(tmp_path: Path) -> None:
    model = REG.plus(custom_flask_py=FORKING).write(tmp_path / "model")
    with serve(model, *REG.flags, *ONE_WORKER) as server:
        statuses = [server.get("/fork").status for _ in range(20)]
        eventually(lambda: _n_living(psutil.Process(server.process.pid)) == 1)
        found = scrape(server)

    assert statuses == [200] * 20
    assert requests(found, route="/fork") == 20


def test_a_client_that_takes_its_answer_slowly_is_time_of_writing(server: Server) -> None:
    body = b"a\n" + b"1234567\n" * 1_000_000
    head = f"POST /predict/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    with server.connect() as client:
        client.sendall(f"{head}Content-Type: text/csv\r\nConnection: close\r\n\r\n".encode() + body)
        assert client.recv(12) == b"HTTP/1.1 200"
        time.sleep(0.5)
        while client.recv(1 << 20):
            pass
    name = "drum_like_request_phase_seconds_sum"
    found = eventually(lambda: scrape(server).total(name, phase="write"))

    assert 0.5 <= found < 10
    assert requests(scrape(server), route="/predict", status="200") == 1
