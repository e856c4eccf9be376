"""Logs and /stats/ of a running server, over all of its workers."""

import http.client
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.live.steered import boots, do, errors, events, eventually, pid, pids, write
from tests.support.http_calls import send
from tests.support.raw_clients import get_s, whole
from tests.support.serving import serve

FLAGS = ("--target-type", "regression")


def test_every_line_of_the_log_is_json(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--logging-level", "debug") as server:
        do(server, "log", 1)
        server.get("/nope%0a%1b[31m?secret=hidden")
        server.post("/predict/", b"do\n1,2\n", "text/csv")
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(20)

        log = server.log()

    assert events(log)
    assert "hidden" not in log
    assert "\x1b" not in log


def test_the_id_of_a_request_is_in_its_access_line_and_in_what_its_hook_logs(
    tmp_path: Path,
) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        rows = "do,value\nlog,1\n"
        server.post("/predict/", rows, "text/csv", X_Request_ID="my-id-1")
        server.post("/predict/", "do,value\npid,1\n", "text/csv", X_Request_ID="my-id-2")

        found = eventually(lambda: _with_ids(server.log()))

    hook, access, other = found
    assert (hook["logger"], hook["msg"], hook["request_id"]) == ("my.hook", "a\nhook 1", "my-id-1")
    assert (access["path"], access["status"], access["method"]) == ("/predict/", 200, "POST")
    assert access["request_id"] == "my-id-1"
    assert access["duration_ms"] > 0
    assert other["request_id"] == "my-id-2"


def _with_ids(log: str) -> list[dict[str, Any]]:
    """Return the lines of the test's requests, by request, as soon as all are there.

    Lines follow the answers, so that the next request may be logged before the last one is.
    """
    found = [event for event in events(log) if "my-id" in event.get("request_id", "")]
    return sorted(found, key=lambda event: event["request_id"]) if len(found) >= 3 else []


def _access(log: str) -> list[dict[str, Any]]:
    return [event for event in events(log) if event["logger"] == "access"]


def test_probes_are_not_logged(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        for path in ("/livez", "/readyz", "/ping/", "/health/"):
            assert server.get(path).status == 200
        server.get("/info/")

        access = eventually(lambda: _access(server.log()))

    assert [event["path"] for event in access] == ["/info/"]


def test_text_logs_are_lines_for_people(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--log-format", "text") as server:
        do(server, "pid")

        eventually(lambda: " INFO access: POST /predict/ 200 " in server.log())
        assert f"listening {server.url}" in server.log().splitlines()


def test_timings_of_all_workers_are_summed_and_survive_them(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "2", "--show-perf") as server:
        eventually(lambda: boots(tmp_path) == 2)
        first = pid(server)
        do(server, "sleep", 0.5)
        before = server.get("/stats/").json()["time_info"]["run_predictor_total"]

        for worker in pids(server):
            os.kill(worker, signal.SIGKILL)
        do(server, "sleep", 0.25)
        after = server.get("/stats/").json()["time_info"]["run_predictor_total"]

    assert first
    assert 0.5 <= before["max"] < 5
    assert before["min"] <= before["avg"] <= before["max"] <= before["total"]
    assert after["max"] >= before["max"]
    assert after["total"] >= before["total"] + 0.25


def test_stats_list_every_worker_and_none_of_the_dead(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "2") as server:
        eventually(lambda: len(_listed(server.get("/stats/").json())) == 2)
        dead = pid(server)
        os.kill(dead, signal.SIGKILL)

        listed = eventually(lambda: _two_without(dead, _listed(server.get("/stats/").json())))

        memory = server.get("/stats/").json()
        used = sum(process["mem"] for process in memory["drum_info"])

    assert dead not in listed
    assert abs(memory["mem_info"]["drum_rss"] - used) < 1e-6


def _listed(stats: dict[str, list[dict[str, int]]]) -> set[int]:
    return {process["pid"] for process in stats["drum_info"]}


def _two_without(dead: int, listed: set[int]) -> set[int]:
    return listed if len(listed) == 2 and dead not in listed else set()


def test_connections_stay_open(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
        send(connection, "GET", "/info/")
        kept = connection.sock

        reply = send(connection, "GET", "/info/")

        assert reply.status == 200
        assert connection.sock is kept
        connection.close()


def test_clients_that_do_not_close_keep_nobody_waiting(tmp_path: Path) -> None:
    request = b"GET /ping/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server, ExitStack() as clients:
        for client in [clients.enter_context(server.connect()) for _ in range(5)]:
            client.sendall(request)
            assert whole(client).startswith(b"HTTP/1.1 200")

        assert get_s(server) < 1


def test_a_client_that_sends_on_hears_the_whole_answer_and_is_closed(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server, server.connect() as client:
        client.sendall(b"GET /ping/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = whole(client)

        with pytest.raises(OSError, match=r"reset|pipe"):
            eventually(lambda: client.send(b"more") and None)

        assert b"200 OK" in answer
        assert server.get("/livez").status == 200


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"GET /ping/ HTTP/1.1\r\nBad Header: 1", 400), (b"GET /" + b"x" * 5000 + b" HTTP/1.1", 414)],
    ids=["header", "line"],
)
def test_what_is_not_http_is_answered(request_line: bytes, status: int, tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server, server.connect() as client:
        client.sendall(request_line + b"\r\n\r\n")

        assert whole(client).startswith(b"HTTP/1.1 %d " % status)
        assert errors(server.log()) == []


@pytest.mark.parametrize(("path", "status"), [(b"/ping/", 200), (b"/prefix/ping/", 404)])
def test_no_header_moves_the_path_of_a_request(path: bytes, status: int, tmp_path: Path) -> None:
    head = b"GET %b HTTP/1.1\r\nHost: localhost\r\nSCRIPT_NAME: /prefix\r\nPATH_INFO: /x\r\n\r\n"
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server, server.connect() as client:
        client.sendall(head % path)

        assert client.recv(65536).startswith(b"HTTP/1.1 %d " % status)


def test_an_error_of_the_application_itself_is_answered_and_logged(tmp_path: Path) -> None:
    extension = """
from flask import Flask


def init_app(app):
    inner = app.wsgi_app

    def wsgi_app(environ, start_response):
        if environ["PATH_INFO"] == "/raise":
            raise ValueError("a fault outside of Flask")
        return inner(environ, start_response)

    app.wsgi_app = wsgi_app
"""
    (write(tmp_path) / "custom_flask.py").write_text(extension)
    with serve(tmp_path, *FLAGS, "--max-workers", "1") as server:
        reply = server.get("/raise")

        access = eventually(lambda: _access(server.log()))

    assert reply.status == 500
    assert [(event["path"], event["status"]) for event in access] == [("/raise", 500)]


def test_a_keep_alive_of_0_closes_every_connection(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--keep-alive-s", "0") as server:
        assert server.get("/info/").headers["Connection"] == "close"


def test_a_body_over_the_limit_is_413(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-body-mb", "1") as server:
        fits = server.csv("do,value\n" + "pid,1\n" * 1000)
        reply = server.csv("do,value\n" + "pid,1\n" * 300_000)

    assert fits.status == 200
    assert reply.status == 413
    assert "message" in reply.json()
