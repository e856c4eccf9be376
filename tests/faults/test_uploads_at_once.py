"""Many processes upload versions of one new name at once."""

import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from drum_like.store.location import Place
from drum_like.store.store import open_store
from tests.faults.scale import scaled
from tests.faults.stress import upload
from tests.support.stores import DATABASES, place_on

CLIENTS = 8
UPLOADS = scaled(5, 50)
TIMEOUT_S = 300


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


def _uploads(place: Place, client: int, start: Barrier) -> None:
    with closing(open_store(place)) as store:
        start.wait(TIMEOUT_S)
        for number in range(UPLOADS):
            upload(store, "one-name", f"{client} {number}".encode() * 1000)


def test_uploads_of_one_name_at_once_are_all_there(place: Place) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(CLIENTS)
    clients = [spawn.Process(target=_uploads, args=(place, n, start)) for n in range(CLIENTS)]

    for client in clients:
        client.start()
    for client in clients:
        client.join(TIMEOUT_S)

    assert [client.exitcode for client in clients] == [0] * CLIENTS
    n_versions = CLIENTS * UPLOADS
    with closing(open_store(place)) as store:
        (model,) = store.models.of_workspace(1)
        versions = store.versions.of_model(model.id)
        assert len({version.id for version in versions}) == n_versions
        assert len({version.uuid for version in versions}) == n_versions
        assert len({version.sha256 for version in versions}) == n_versions
        assert sorted(version.number for version in versions) == list(range(1, n_versions + 1))
        for version in versions:
            store.files.check(version.sha256)
