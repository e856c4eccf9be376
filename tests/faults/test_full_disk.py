"""F-12: the disk of a store is full for a while: a small file system, or a limit of the process."""

import resource
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import orjson
import psutil
import pytest

from drum_like.store.ecosystem_tables import presented
from drum_like.store.location import DATABASE, Place
from tests.faults.conftest import Tell
from tests.faults.decision_calls import (
    BODY,
    CALLS_S,
    FEATURES,
    Heard,
    calls,
    n_dropped,
    rows,
    serving,
)
from tests.faults.scale import scaled
from tests.support.campaigns import write_models
from tests.support.ecosystem_bodies import SPEND
from tests.support.http_calls import Reply
from tests.support.registries import eventually
from tests.support.serving import Server, stop
from tests.support.stores import files_of
from tests.support.wallaroo_api import Api, sums

BESIDE_S, FULL_S = scaled(2, 5), scaled(6, 60)
BACK_S = scaled(20, 5)
"""The longest time until everything is taken again."""

LARGE = orjson.dumps(
    {
        "campaign": "spend_risk",
        "in_params": {
            "input": [*FEATURES["input"], "note"],
            "value": [*FEATURES["value"], "x" * 500_000],
        },
    }
)
"""64 of these fill what a worker keeps."""


class Disk(Protocol):
    """A disk that can be filled, and emptied."""

    root: Path

    def fill(self, server: Server) -> None:
        """Leave no room."""

    def free(self, server: Server) -> None:
        """Make room again."""


class SmallDisk:
    """A file system in memory.

    Args:
        root: Where it is mounted.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self, server: Server) -> None:
        """Write until nothing more is taken, not even a byte that was freed meanwhile."""
        del server
        with (self.root / "filler").open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    def free(self, server: Server) -> None:
        """Remove what was written."""
        del server
        (self.root / "filler").unlink()


class LimitedProcesses:
    """Processes that may make no file longer, wherever it is.

    Args:
        root: A directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self, server: Server) -> None:
        """Set the limit."""
        self._set(server, 0)

    def free(self, server: Server) -> None:
        """Take the limit away."""
        self._set(server, resource.RLIM_INFINITY)

    def _set(self, server: Server, limit: int) -> None:
        master = psutil.Process(server.process.pid)
        for process in (master, *master.children()):
            process.rlimit(psutil.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


@contextmanager
def small_disk(root: Path) -> Iterator[Disk]:
    """Give a file system of 1 GB; skip where none may be mounted."""
    root.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


@contextmanager
def limited_processes(root: Path) -> Iterator[Disk]:
    """Give a directory of processes that get a limit."""
    root.mkdir()
    yield LimitedProcesses(root)


DISKS = pytest.mark.parametrize("made", [small_disk, limited_processes])
Made = Callable[[Path], AbstractContextManager[Disk]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models")) / SPEND


@DISKS
def test_decisions_are_answered_and_each_is_written_or_counted(
    made: Made, model: Path, tmp_path: Path, tell: Tell
) -> None:
    rate, body = (25, LARGE) if made is small_disk else (CALLS_S, BODY)
    back_s: list[float] = []

    def fill(heard: Heard, _done: threading.Event) -> None:
        time.sleep(BESIDE_S)
        with heard.faulty():
            disk.fill(server)
            time.sleep(FULL_S)
            n_before = _n_written(place)
            disk.free(server)
        back_s.append(_took_s(lambda: _n_written(place) > n_before))

    with made(tmp_path / "disk") as disk:
        place = Place(disk.root / "store")
        with serving(model, place) as server:
            heard = calls(server.url, fill, rate * (FULL_S + 2 * BESIDE_S), body, rate)
            stop(server.process)
            dropped = n_dropped(server.log())
        written, _ = rows(place)

    tell(
        f"{len(heard.answered)} sent, {len(written)} written, {dropped} dropped and counted; "
        f"written again after {back_s[0]:.1f} s; {heard.figures()}"
    )
    assert (heard.broken, heard.failed) == (0, [])
    assert set(written) <= set(heard.answered)
    assert set(written.values()) == {1}
    assert len(written) + dropped == len(heard.answered)
    assert back_s[0] <= BACK_S


@DISKS
def test_uploads_are_refused_and_leave_nothing(
    made: Made, model: Path, tmp_path: Path, tell: Tell
) -> None:
    with made(tmp_path / "disk") as disk, serving(model, Place(disk.root / "store")) as server:
        api, root = Api(server), disk.root / "store"
        version = api.stored("m")
        before = files_of(root)

        disk.fill(server)
        refused = [_uploaded(api, number) for number in range(scaled(4, 30))]
        seen = files_of(root), [row["id"] for row in api.rows("m")]
        predicted = server.post("/invocate", BODY, "application/json")
        disk.free(server)

        took_s = _took_s(lambda: _uploaded(api, 1).status == 200)
        left = list((root / "incoming").iterdir())

    tell(f"{len(refused)} uploads refused with 507; taken again after {took_s:.1f} s")
    assert {(reply.status, reply.json()["code"]) for reply in refused} == {(507, 507)}
    assert seen == (before, [version])
    assert predicted.status == 200
    assert left == []
    assert took_s <= BACK_S


def _n_written(place: Place) -> int:
    """Return how many decisions are in the database."""
    with closing(sqlite3.connect(place.root / DATABASE, timeout=5)) as connection:
        (found,) = connection.execute(f"SELECT count(*) FROM {presented.name}").fetchone()
    return int(found)


def _uploaded(api: Api, number: int) -> Reply:
    return api.upload(api.metadata("n"), sums(float(number)))


def _took_s(condition: Callable[[], object]) -> float:
    """Return how long it took until a condition came true."""
    began = time.monotonic()
    eventually(condition)
    return time.monotonic() - began
