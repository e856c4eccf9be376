"""Nothing is lost: a server is killed at random moments while clients upload and configure."""

import hashlib
import os
import random
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import insert

from drum_like.registry.sandbox.task import fingerprint
from drum_like.store import row_mapping, tables
from drum_like.store.entities import Declared
from drum_like.store.location import Place
from drum_like.store.store import open_store
from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.faults.traffic import NAMES, Contents, Told, clients
from tests.support.serving import Server, serve
from tests.support.stores import DATABASES, files_of, place_on
from tests.support.wallaroo_api import SDK, Api

SEEDS = range(1, 1 + scaled(1, 4))
KILLS = scaled(3, 50)
"""With each of the seeds, each time on a new store: 200 in all."""
CLIENTS = 4
LONGEST_S = 2.5
"""The first upload takes a second, while a worker looks which frameworks there are."""
KNOWN = 100
"""Models a round that need no trial: they were found good before, so that many are stored."""
OLD_S = 7200
SWEEP_S = 30


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_server_loses_nothing_and_shows_nothing_half(
    place: Place, seed: int, tell: Tell
) -> None:
    chance, told, contents = random.Random(seed), Told(), Contents()
    checked: set[int] = set()
    database = () if place.url is None else ("--database-url", place.url)
    flags = ("--store", str(place.root), "--max-workers", "2", *database)

    for _ in range(KILLS):
        _know_good(place, contents.some(KNOWN))
        with serve(None, *flags) as server:
            _check(server, place, told, checked)
            with clients(server.url, CLIENTS, told, contents):
                time.sleep(chance.uniform(0, LONGEST_S))
                _kill(server)
        _age(place.root)
    with serve(None, *flags) as server:
        n_found = _check(server, place, told, checked)

    assert told.wrong == []
    assert len(told.versions) > scaled(0, KILLS)
    assert n_found - len(told.versions) <= KILLS * CLIENTS
    tell(
        f"{KILLS} kills, {len(told.versions)} versions and {len(told.configs)} configurations "
        f"acknowledged and there; {n_found - len(told.versions)} whole ones whose answer was cut"
    )


def _kill(server: Server) -> None:
    """End a server's processes at once, without a word."""
    parent = psutil.Process(server.process.pid)
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    server.process.wait()


def _know_good(place: Place, models: Any) -> None:
    """Note verdicts on models to come."""
    keys = [
        fingerprint(hashlib.sha256(one).hexdigest(), "onnx", Declared(), no_pickle=False)
        for one in models
    ]
    with closing(open_store(place)) as store, store.database.write() as writing:
        known = set(writing.connection.execute(tables.verdicts.select()).scalars())
        new = [
            {"fingerprint": key, "created_at": row_mapping.now()}
            for key in keys
            if key not in known
        ]
        if new:
            writing.connection.execute(insert(tables.verdicts), new)


def _age(root: Path) -> None:
    """Let all files be older than the sweep asks for."""
    then = time.time() - OLD_S
    for path in root.rglob("*"):
        if path.parent != root:
            os.utime(path, (then, then))


def _check(server: Server, place: Place, told: Told, checked: set[int]) -> int:
    """Compare what a server shows, and what lies on the disk, with what was acknowledged."""
    api = Api(server, agent=SDK)
    models = api.got("models/list", workspace_id=1)["models"]
    found = {pair["model_version"]["id"]: pair for one in models for pair in one["model_versions"]}
    digests = {id_: pair["model_version"]["file_info"]["sha"] for id_, pair in found.items()}

    assert {id_: digests.get(id_) for id_ in told.versions} == told.versions
    unanswered = {id_: sha for id_, sha in digests.items() if id_ not in told.versions}
    assert set(unanswered.values()) <= told.open_versions
    _check_files(place.root, set(digests.values()))
    for id_ in digests.keys() - checked:
        path = place.root / "blobs" / digests[id_][:2] / digests[id_]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digests[id_]
    checked |= digests.keys()
    for id_, (config_id, threshold) in told.configs.items():
        config = found[id_]["config"]
        assert config["id"] >= config_id
        assert config["id"] > config_id or config["filter_threshold"] == threshold
    for name in NAMES:
        _check_aliases(api, name, told)
    return len(found)


def _check_aliases(api: Api, name: str, told: Told) -> None:
    wanted = {alias: uuid for (model, alias), uuid in told.aliases.items() if model == name}
    if not wanted:
        return
    found = api.got("models/list_aliases", model_id=name, workspace_id=1)["aliases"]
    for alias, uuid in wanted.items():
        assert found[alias] in (uuid, told.open_aliases.get((name, alias)))
        # It may have got the one without an answer, and the next one may be cut off, too.
        told.aliases[name, alias] = found[alias]


def _check_files(root: Path, digests: set[str]) -> None:
    """Wait until the sweep of a server that starts has left what versions refer to."""
    wanted = sorted(f"blobs/{one[:2]}/{one}" for one in digests)
    deadline = time.monotonic() + SWEEP_S
    while (found := _kept(root)) != wanted:
        assert time.monotonic() < deadline, set(found) ^ set(wanted)
        time.sleep(0.1)


def _kept(root: Path) -> list[str]:
    """Return the files beside those of directories, which are made again from them."""
    return [path for path in files_of(root) if not path.startswith("directories/")]
