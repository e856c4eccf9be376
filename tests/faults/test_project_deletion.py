"""A project is there or gone: under writers and readers, and when its deletion is killed."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from drum_like.errors import ConflictError, NotFoundError
from drum_like.store import ecosystem_tables as tables
from drum_like.store.location import Place
from drum_like.store.store import Store, open_store
from tests.faults.scale import scaled
from tests.support.projects import configuration, run
from tests.support.serving import environment
from tests.support.stores import DATABASES, place_on

KILLS = scaled(6, 100)
DELETIONS = scaled(15, 300)
LONGEST_S = 0.015

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


def halves(store: Store) -> set[str]:
    """Return the projects of which a part is there, seen at one moment.

    A run whose configuration is gone is a part as well, and so is a deployment without a run.
    """
    kinds = (tables.configurations, tables.feature_pipelines, tables.feature_sets)
    more = (tables.training_runs, tables.k8s_deployments)
    with store.database.read() as connection:
        found = [set(connection.execute(select(t.c.project_id)).scalars()) for t in (*kinds, *more)]
    whole = set.intersection(*found[:3])
    return set.union(*found) - whole


def read(store: Store, ended: threading.Event) -> list[set[str]]:
    """Look for halves until told to end; return what was found."""
    seen = []
    while not ended.is_set():
        seen.append(halves(store))
    return seen


def add(store: Store, ended: threading.Event) -> int:
    """Add runs and deploy them until told to end; return how many."""
    n_added = 0
    while not ended.is_set():
        for one in store.projects.configurations("p"):
            with suppress(NotFoundError):
                store.projects.deploy(store.projects.add_run(one.id, run()))
                n_added += 1
    return n_added


def test_readers_and_writers_never_meet_half_a_project(place: Place) -> None:
    ended = threading.Event()
    with closing(open_store(place)) as store, ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, store, ended) for _ in range(2)]
        writers = [pool.submit(add, store, ended) for _ in range(2)]
        try:
            for _ in range(DELETIONS):
                made = store.projects.create(configuration("p"))
                time.sleep(0.02)
                store.projects.delete(made.id, "ann")
        finally:
            ended.set()
        seen = [found for reader in readers for found in reader.result()]

        assert len(seen) > DELETIONS
        assert sum(writer.result() for writer in writers) > 0
        assert set().union(*seen) == set()
        assert halves(store) == set()
        assert len(store.projects.activities("p")) == DELETIONS


def test_two_that_delete_at_once_are_told_apart(place: Place) -> None:
    with closing(open_store(place)) as store, ThreadPoolExecutor(2) as pool:
        for _ in range(scaled(5, 50)):
            made = store.projects.create(configuration("p"))

            def delete(user: str, made_id: str = made.id) -> bool:
                try:
                    store.projects.delete(made_id, user)
                except NotFoundError:
                    return False
                return True

            assert sorted(pool.map(delete, ("ann", "bob"))) == [False, True]


def test_a_killed_deletion_leaves_all_or_nothing(place: Place) -> None:
    chance, made, gone = random.Random(7), set[str](), set[str]()

    for _ in range(KILLS):
        for what, name in _killed_at(place, chance.randint(1, 3), chance.uniform(0, LONGEST_S)):
            {"made": made, "going": set(), "gone": gone}[what].add(name)
        with closing(open_store(place)) as store:
            assert halves(store) == set()
            there = {one.new.project_id: one for one in store.projects.configurations()}
            noted = {name for name in made if store.projects.activities(name)}
            assert not gone & there.keys()
            assert made - there.keys() == noted
            for name in made & there.keys():
                assert len(store.projects.runs(name)) == 4

    assert gone, "nothing was deleted before a kill"


def test_a_name_is_taken_once(place: Place) -> None:
    with closing(open_store(place)) as store, ThreadPoolExecutor(4) as pool:

        def create(_: int) -> bool:
            try:
                store.projects.create(configuration("p"))
            except ConflictError:
                return False
            return True

        assert sum(pool.map(create, range(8))) == 1


def _killed_at(place: Place, deletion: int, wait_s: float) -> list[tuple[str, str]]:
    """Kill the program that makes and deletes projects in one of its deletions; tell its words."""
    command = [sys.executable, "-m", "tests.faults.deleter", str(place.root), place.url or "-"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=ROOT, env=environment(), text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    said: list[list[str]] = []
    while sum(words[0] == "going" for words in said) < deletion:
        said.append(process.stdout.readline().split())
    time.sleep(wait_s)
    process.kill()
    said += [line.split() for line in process.stdout.read().splitlines()]
    process.stdout.close()
    process.wait()
    return [(what, name) for what, name in said]
