"""Starts of a server, and its messages where it cannot start."""

import json
import socket
from pathlib import Path

import pytest

from drum_like.config.value_types import Address
from tests.live.steered import boots, both, errors, events, eventually, write
from tests.support.serving import run, serve, start_failure


def test_workers_and_address_come_from_the_environment(tmp_path: Path) -> None:
    directory = write(tmp_path)
    env = {"MAX_WORKERS": "2", "URL_PREFIX": "/my/model"}

    with serve(directory, "--target-type", "regression", env=env) as server:
        eventually(lambda: _two_processes(server.get("/my/model/stats/").json()))

        assert eventually(lambda: boots(directory) == 2)


def _two_processes(stats: dict[str, list[dict[str, int]]]) -> bool:
    return len({process["pid"] for process in stats["drum_info"]}) == 2


def test_start_lines_are_printed_once_and_tell_what_is_served_and_where(tmp_path: Path) -> None:
    with serve(write(tmp_path), "--target-type", "regression", "--max-workers", "2") as server:
        eventually(lambda: boots(tmp_path) == 2)
        lines = [event["msg"] for event in events(server.log())]

    assert sum(line == f"listening {server.url}" for line in lines) == 1
    assert sum(line.startswith("drum-like ") for line in lines) == 1
    assert "workers 2 x 8 threads" in lines
    assert any("curl" in line and f"{server.url}/predict/" in line for line in lines)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("raise nosuch", "nosuch"),
        ("crash 11", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("exit 0", "exit code 0"),
        ("exit 3", "exit code 3"),
        ("exit 4", "exit code 4"),
    ],
)
def test_a_model_that_does_not_load_is_one_message_and_exit_4(
    broken: str, words: str, tmp_path: Path
) -> None:
    directory = write(tmp_path, broken)

    done = start_failure(directory, "--target-type", "regression", "--max-workers", "2")

    (message,) = errors(done.stderr)
    assert done.returncode == 4
    assert words in message
    assert "Traceback" not in done.stderr
    assert boots(directory) == 1


def test_the_stacktrace_of_a_failed_load_is_shown_when_asked_for(tmp_path: Path) -> None:
    directory = write(tmp_path, "raise nosuch")

    done = start_failure(directory, "--target-type", "regression", "--show-stacktrace")

    assert done.returncode == 4
    assert "Traceback" in done.stderr


def test_a_port_in_use_is_one_message_and_exit_1(tmp_path: Path) -> None:
    directory = write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"

        arguments = ("--code-dir", directory, "--target-type", "regression", "--address", address)
        done = run("server", *arguments)

    assert done.returncode == 1
    assert "in use" in json.loads(done.stderr)["msg"]
    assert boots(directory) == 0


def test_native_threads_are_divided_among_the_workers_unless_the_user_says(tmp_path: Path) -> None:
    code = """
import os
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [int(os.environ["OMP_NUM_THREADS"])]})
"""
    (tmp_path / "custom.py").write_text(code)
    flags = ("--target-type", "regression", "--max-workers")

    with serve(tmp_path, *flags, "1", env={"OMP_NUM_THREADS": "7"}) as server:
        chosen = server.csv("a\n1\n").json()["predictions"]
    with serve(tmp_path, *flags, "3") as server:
        divided = server.csv("a\n1\n").json()["predictions"]

    assert (chosen, divided) == ([7], [1])


def test_a_server_for_this_machine_alone_warns_of_nothing(tmp_path: Path) -> None:
    flags = ("--target-type", "regression", "--max-workers", "1")
    with serve(write(tmp_path), *flags) as server:
        found = [event["msg"] for event in events(server.log()) if event["level"] == "warning"]

    assert found == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_hosts_of_this_machine_alone_are_known(host: str) -> None:
    assert Address(host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "models.example", "10.0.0.1"])
def test_hosts_that_others_reach_are_known(host: str) -> None:
    assert not Address(host).is_loopback


def test_every_worker_answers(tmp_path: Path) -> None:
    with serve(write(tmp_path), "--target-type", "regression", "--max-workers", "2") as server:
        eventually(lambda: boots(tmp_path) == 2)

        assert both(server)
