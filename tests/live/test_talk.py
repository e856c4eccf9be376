"""What a running server says: logs and /stats/, over all of its workers."""

import http.client
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

from tests.live.steered import boots, do, events, eventually, pid, pids, write
from tests.support.http_calls import send
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

        found = [event for event in events(server.log()) if "my-id" in event.get("request_id", "")]

    hook, access, other = found
    assert (hook["logger"], hook["msg"], hook["request_id"]) == ("my.hook", "a\nhook 1", "my-id-1")
    assert (access["path"], access["status"], access["method"]) == ("/predict/", 200, "POST")
    assert access["request_id"] == "my-id-1"
    assert access["duration_ms"] > 0
    assert other["request_id"] == "my-id-2"


def test_probes_are_not_logged(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        for path in ("/livez", "/readyz", "/ping/", "/health/"):
            assert server.get(path).status == 200
        server.get("/info/")

        access = [event for event in events(server.log()) if event["logger"] == "access"]

    assert [event["path"] for event in access] == ["/info/"]


def test_text_logs_are_lines_for_people(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--log-format", "text") as server:
        do(server, "pid")

        lines = server.log().splitlines()

    assert f"listening {server.url}" in lines
    assert any(" INFO access: POST /predict/ 200 " in line for line in lines)


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
