"""An acknowledged change holds in every worker at once; no worker polls for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from drum_like.errors import NotFoundError, StoreError
from drum_like.store.entities import NewConfig
from drum_like.store.location import DATABASE, ChangeCounter
from drum_like.store.workspace_entities import NewDeployment
from tests.support.registries import Opened, answer, constant, opened
from tests.support.stores import statements


@contextmanager
def two_workers(root: Path) -> Iterator[tuple[Opened, Opened]]:
    with opened(root) as one, opened(root) as other:
        yield one, other


def test_a_version_that_is_ready_is_served_by_all(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (one, other):
        assert other.catalog.names() == ()

        version = one.put("m", constant(1))

        assert answer(other.catalog.resolve("m")) == 1
        assert answer(other.catalog.resolve(f"m@{version.number}")) == 1
        assert other.catalog.names() == ("m",)


def test_a_version_that_is_gone_is_served_by_none(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (one, other):
        version = one.put("m", constant(1))
        assert answer(other.catalog.resolve("m")) == 1

        one.registry.store.versions.delete([version.uuid])

        for find in (lambda: other.catalog.resolve("m"), lambda: other.catalog.loaded(version.id)):
            with pytest.raises(NotFoundError):
                find()


def test_a_pipeline_answers_from_its_deployment_to_its_end(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (one, other):
        store, version = one.registry.store, one.put("m", constant(1))
        config = store.configs.add(version.id, NewConfig())
        _, pipeline = store.pipelines.create(1, "p", {})
        assert other.catalog.deployments() == ()

        made = store.pipelines.deploy(NewDeployment("d", pipeline.id, (config.id,), {}))
        found = other.catalog.deployment(made.id)
        store.pipelines.undeploy(made.id)

        assert found is not None
        assert other.catalog.deployment(made.id) is None
        assert other.catalog.deployments() == ()


def test_a_configuration_is_in_force_in_models_that_are_loaded(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (one, other):
        version = one.put("m", constant(1))
        assert other.catalog.find("m").config is not None

        config = one.registry.store.configs.add(version.id, NewConfig(filter_threshold=0.5))

        for found in (other.catalog.find("m"), other.catalog.loaded(version.id)):
            assert found.config == config


def test_an_alias_is_followed_back_to_a_version_in_memory(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (one, other):
        first, second = one.put("m", constant(1)), one.put("m", constant(2))
        assert answer(other.catalog.resolve("m")) == 2
        assert answer(other.catalog.resolve("m@1")) == 1

        one.registry.store.aliases.set(first.model_id, "live", first.id)

        assert answer(other.catalog.resolve("m")) == 1
        one.registry.store.aliases.set(first.model_id, "live", second.id)
        assert answer(other.catalog.resolve("m")) == 2


def test_a_hit_asks_the_database_nothing(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (one, other):
        version = one.put("m", constant(1))
        other.catalog.find("m")

        with statements(other.registry.store) as asked:
            for _ in range(3):
                other.catalog.find("m")
                other.catalog.loaded(version.id)
                other.catalog.names()
                other.catalog.deployments()

        assert asked == []


def test_what_is_in_memory_serves_on_without_the_database(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (one, other):
        one.put("m", constant(1))
        other.catalog.find("m")
        with sqlite3.connect(tmp_path / DATABASE) as database:
            database.execute("ALTER TABLE state RENAME TO away")
        ChangeCounter(tmp_path / "moves").advance()

        assert answer(other.catalog.resolve("m")) == 1
        with pytest.raises(StoreError):
            other.catalog.pull()
        with sqlite3.connect(tmp_path / DATABASE) as database:
            database.execute("ALTER TABLE away RENAME TO state")


def test_no_advance_is_lost(tmp_path: Path) -> None:
    path, n_times = tmp_path / "moves", 200
    both = [ChangeCounter(path), ChangeCounter(path)]

    def advance_often(counter: ChangeCounter) -> None:
        for _ in range(n_times):
            counter.advance()

    threads = [Thread(target=advance_often, args=(counter,)) for counter in both * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert both[0].seen() == both[1].seen() == (4 * n_times).to_bytes(8, "little")


def test_a_counter_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    counter = ChangeCounter(tmp_path / "nowhere" / "moves")

    counter.advance()

    assert counter.seen() == b""
    counter.close()
