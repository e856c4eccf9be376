"""Faults that hooks and kernels bring to workers, and the answers of the server."""

import http.client
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.live.steered import begin, boots, both, do, errors, eventually, pid, pids, write
from tests.support.raw_clients import get_s
from tests.support.serving import serve, start_failure

FLAGS = ("--target-type", "regression", "--max-workers", "1")
LOST = (OSError, http.client.HTTPException)


@pytest.mark.parametrize(
    ("action", "value", "words"),
    [
        ("exit", 0, None),
        ("exit", 3, "exit code 3"),
        ("exit", 4, "exit code 4"),
        ("exit", 255, "exit code 255"),
        ("crash", signal.SIGSEGV, "SIGSEGV"),
    ],
)
def test_the_server_outlives_a_hook_that_ends_its_process(
    action: str, value: int, words: str | None, tmp_path: Path
) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        with pytest.raises(LOST):
            do(server, action, value)

        assert do(server, "pid").status == 200
        assert server.process.poll() is None
        found = errors(server.log())
        assert len(found) == (words is not None)
        assert all(str(words) in message for message in found)


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        first = pid(server)

        os.kill(first, signal.SIGKILL)

        assert pid(server) != first
        assert boots(tmp_path) == 2


def test_a_worker_that_the_system_does_not_start_is_tried_again(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        first, master = pid(server), psutil.Process(server.process.pid)
        n_files, usual = master.num_fds(), master.rlimit(psutil.RLIMIT_NOFILE)
        master.rlimit(psutil.RLIMIT_NOFILE, (3, usual[1]))
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: [text for text in errors(server.log()) if "send it again" in text])
        os.kill(first, signal.SIGKILL)
        eventually(lambda: [text for text in errors(server.log()) if "next attempt" in text])
        master.rlimit(psutil.RLIMIT_NOFILE, usual)

        assert pid(server) != first
        assert master.num_fds() == n_files


def test_a_respawned_worker_that_cannot_load_is_tried_again_after_pauses(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        first = pid(server)
        write(tmp_path, "raise nosuch")
        began = time.monotonic()
        os.kill(first, signal.SIGKILL)

        eventually(lambda: boots(tmp_path) == 4)
        took_s = time.monotonic() - began
        (tmp_path / "broken").unlink()

        assert took_s > 3
        assert do(server, "pid").status == 200
        pauses = [message.rpartition(";")[2] for message in errors(server.log()) if ";" in message]
        assert pauses[1:4] == [f" next attempt in {seconds} s" for seconds in (1, 2, 4)]


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_workers_that_are_ended_while_they_load_come_back_at_once_and_side_by_side(
    name: str, tmp_path: Path
) -> None:
    flags = ("--target-type", "regression", "--max-workers", "2")
    with serve(write(tmp_path), *flags) as server:
        serving = both(server)
        write(tmp_path, "sleep 60")
        loading = _killed_and_replaced(tmp_path, "SIGKILL", serving)
        loading = _killed_and_replaced(tmp_path, name, loading)
        (tmp_path / "broken").unlink()
        _killed_and_replaced(tmp_path, name, loading)

        assert do(server, "pid").status == 200
        both(server)
        assert not [message for message in errors(server.log()) if "cannot load" in message]


def _killed_and_replaced(directory: Path, name: str, workers: set[int]) -> set[int]:
    """End both workers; return those that load instead."""
    n_boots = boots(directory)
    for worker in workers:
        os.kill(worker, signal.Signals[name])
    eventually(lambda: boots(directory) >= n_boots + 2)
    return {int(line) for line in (directory / "boots").read_text().split()[n_boots:]}


def test_a_first_worker_that_is_killed_while_it_loads_is_replaced(tmp_path: Path) -> None:
    directory = write(tmp_path, "sleep 60")
    with serve(directory, *FLAGS, "--server-log-level", "debug", ready=False) as server:
        eventually(lambda: boots(directory) == 1)
        (directory / "broken").unlink()
        os.kill(int((directory / "boots").read_text()), signal.SIGKILL)

        assert do(server, "pid").status == 200


def test_a_model_whose_load_is_always_killed_is_given_up(tmp_path: Path) -> None:
    done = start_failure(write(tmp_path, "crash 9"), *FLAGS)

    assert done.returncode == 4
    assert "SIGKILL" in errors(done.stderr)[-1]
    assert 1 < boots(tmp_path) <= 5


def test_workers_are_replaced_after_max_requests(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-requests", "5") as server:
        seen = pids(server, 30)

        assert len(seen) >= 3
        assert errors(server.log()) == []


def test_a_late_request_is_answered_in_time_and_its_worker_replaced(tmp_path: Path) -> None:
    flags = (*FLAGS, "--request-timeout-s", "2")
    with serve(write(tmp_path), *flags) as server:
        first = pid(server)
        began = time.monotonic()

        reply = do(server, "sleep", 10)

        assert reply.status == 504
        assert "longer" in reply.message
        assert 1.9 < time.monotonic() - began < 8
        eventually(lambda: boots(tmp_path) == 2)
        assert do(server, "pid").json()["predictions"] != [first]
        assert [message for message in errors(server.log()) if "POST /predict/" in message]


def test_a_hook_that_never_ends_does_not_keep_its_worker(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--request-timeout-s", "1") as server:
        first = pid(server)

        reply = do(server, "sleep", 600)

        assert reply.status == 504
        eventually(lambda: not _exists(first), timeout_s=30)
        assert do(server, "pid").status == 200


def test_a_hook_that_blocks_the_interpreter_is_ended_and_its_worker_replaced(
    tmp_path: Path,
) -> None:
    with serve(write(tmp_path), *FLAGS, "--request-timeout-s", "1") as server:
        first = pid(server)

        with pytest.raises(LOST):
            do(server, "hold", 60)

        eventually(lambda: not _exists(first))
        assert do(server, "pid").status == 200


def test_a_held_interpreter_is_noticed_whatever_a_request_may_take(tmp_path: Path) -> None:
    flags = (*FLAGS, "--request-timeout-s", "600", "--heartbeat-timeout-s", "2")
    with serve(write(tmp_path), *flags) as server:
        first = pid(server)

        with pytest.raises(LOST):
            do(server, "hold", 60)

        eventually(lambda: not _exists(first), timeout_s=15)
        assert do(server, "pid").status == 200


def test_no_worker_is_held_to_be_silent_after_the_whole_server_has_stood_still(
    tmp_path: Path,
) -> None:
    with serve(write(tmp_path), *FLAGS, "--heartbeat-timeout-s", "5") as server:
        first = pid(server)
        for process in (first, server.process.pid):
            os.kill(process, signal.SIGSTOP)
        time.sleep(6)
        for process in (server.process.pid, first):
            os.kill(process, signal.SIGCONT)
        time.sleep(1.5)

        assert pid(server) == first
        assert errors(server.log()) == []


def test_a_load_may_take_longer_than_a_request(tmp_path: Path) -> None:
    flags = (*FLAGS, "--request-timeout-s", "1")
    with serve(write(tmp_path, "hold 8"), *flags) as server:
        assert do(server, "pid").status == 200
        assert boots(tmp_path) == 1


def test_others_are_answered_while_a_hook_takes_its_time(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS) as server:
        busy = begin(lambda: do(server, "sleep", 3))
        eventually(lambda: server.get("/livez").status == 200)

        assert get_s(server, "/info/") < 2
        assert not busy.done()
        assert busy.result().status == 200


def _exists(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
