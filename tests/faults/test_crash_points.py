"""F-34: a process ends at each step of an upload, and the store is in the old state or the new."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from drum_like.store import row_mapping, tables
from drum_like.store.entities import Status, Version
from drum_like.store.location import Place
from tests.faults.crashing import NAME, POINTS, VALUE
from tests.faults.scale import FULL
from tests.support.registries import Opened, answer, constant, eventually, opened
from tests.support.serving import environment
from tests.support.stores import DATABASES, files_of, place_on

ROOT = Path(__file__).parents[2]
OLD = VALUE - 1
STORED = ("committed", "claimed", "checked", "promoted", "promoted-at-once")
"""Points at which the version is there."""
SERVED = ("promoted", "promoted-at-once")
"""Points at which it is the one that is served."""

State = tuple[list[tuple[int, Status]], list[str], float]
"""Versions, files, and the answer of the model."""


@pytest.fixture(params=DATABASES if FULL else DATABASES[:1])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


@pytest.mark.parametrize("point", POINTS)
def test_an_upload_that_ends_at_a_point_is_there_or_is_not(place: Place, point: str) -> None:
    with _open(place) as here:
        here.put(NAME, constant(OLD))
    command = [sys.executable, "-m", "tests.faults.crashing", str(place.root), place.url or "-"]

    done = subprocess.run(
        [*command, point],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        check=False,
        timeout=120,
    )

    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    with _open(place) as here:
        assert answer(here.catalog.resolve(NAME)) == (VALUE if point in SERVED else OLD)
        assert len(_versions(here)) == 1 + (point in STORED)
    found = _reconciled(place)
    assert found[0][1:] == [(2, Status.READY)] * (point in STORED)
    assert found[2] == (VALUE if point in STORED else OLD)
    assert _reconciled(place) == found
    with _open(place) as here:
        here.put(NAME, constant(VALUE))
        assert answer(here.catalog.resolve(NAME)) == VALUE


@contextmanager
def _open(place: Place, *, alive: bool = False) -> Iterator[Opened]:
    url: dict[str, Any] = {} if place.url is None else {"database_url": place.url}
    with opened(place.root, alive=alive, **url) as here:
        yield here


def _versions(here: Opened) -> list[Version]:
    """Return the versions, the oldest first, whose files are what was uploaded."""
    found = here.registry.store.versions.search(NAME)[::-1]
    for version in found:
        here.registry.store.files.check(version.sha256)
    return found


def _reconciled(place: Place) -> State:
    """Start as a server does, much later; return what is there when all is checked and swept."""
    with _open(place) as here, here.registry.store.database.write() as writing:
        over = {"lease_until": row_mapping.now() - timedelta(seconds=1)}
        writing.connection.execute(update(tables.versions).values(over))
    with _open(place, alive=True) as here:
        store = here.registry.store
        eventually(lambda: all(version.status is Status.READY for version in _versions(here)))
        store.sweep(older_than_s=0)
        here.catalog.refresh()
        answered = answer(here.catalog.resolve(NAME))
        versions = _versions(here)
        blobs = [f"blobs/{one.sha256[:2]}/{one.sha256}" for one in versions]
        files = files_of(place.root)
        assert [path for path in files if not path.startswith("directories/")] == sorted(blobs)
        rows = [(one.number, one.status) for one in versions]
        return rows, files, answered
