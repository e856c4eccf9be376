"""Projects in the store: what a deletion takes, what it leaves, and what nobody ever sees."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from drum_like.errors import ConflictError, NotFoundError
from drum_like.store import ecosystem_tables as tables
from drum_like.store import row_mapping
from drum_like.store.ecosystem_entities import RunStatus
from drum_like.store.store import Store
from tests.support.projects import configuration, project, run

TABLES = (
    tables.configurations,
    tables.feature_pipelines,
    tables.feature_sets,
    tables.training_runs,
    tables.k8s_deployments,
)


def counts(store: Store, project_id: str) -> dict[str, int]:
    """Return the number of rows of each table that belong to a project."""
    with store.database.read() as connection:
        return {
            table.name: connection.execute(
                select(func.count()).select_from(table).where(table.c.project_id == project_id)
            ).scalar_one()
            for table in TABLES
        }


def test_a_configuration_comes_with_its_pipeline_and_its_features(store: Store) -> None:
    made = store.projects.create(configuration("p"))

    assert store.projects.configuration(made.id) == made
    assert list(counts(store, "p").values()) == [1, 1, 1, 0, 0]


def test_a_project_has_one_configuration_of_a_name(store: Store) -> None:
    store.projects.create(configuration("p"))

    with pytest.raises(ConflictError):
        store.projects.create(configuration("p"))
    store.projects.create(configuration("q"))

    assert list(counts(store, "p").values()) == [1, 1, 1, 0, 0]


def test_a_pipeline_and_a_feature_set_belong_to_one_configuration(store: Store) -> None:
    first = configuration("p")
    store.projects.create(first)

    same_set = replace(first, name="second", pipeline_name="other")
    same_pipeline = replace(first, name="second", feature_set_name="other")
    for shared in (same_set, same_pipeline):
        with pytest.raises(ConflictError, match="is there already"):
            store.projects.create(shared)

    assert list(counts(store, "p").values()) == [1, 1, 1, 0, 0]


def test_nothing_is_found_by_a_text_that_no_database_holds(store: Store) -> None:
    project(store, "p", 1)

    assert store.projects.runs("p\0") == []
    assert store.projects.configurations("p\0", "x\0") == []
    with pytest.raises(NotFoundError):
        store.projects.delete("p\0", "ann")


def test_runs_that_succeeded_are_listed_the_newest_first(store: Store) -> None:
    made, (first, second) = project(store, "p", 2)
    store.projects.add_run(made.id, run(status=RunStatus.FAILED))
    store.projects.deploy(first)
    newest = store.projects.deploy(first)
    project(store, "q", 1)

    found = store.projects.runs("p")

    assert [(one.id, one.deployment_id) for one in found] == [(second, None), (first, newest)]
    assert len(store.projects.runs()) == 3
    assert store.projects.runs("nobody") == []


def test_a_deletion_takes_what_the_page_lists_and_nothing_else(store: Store) -> None:
    made, ids = project(store, "p")
    store.projects.deploy(ids[0])
    project(store, "q")

    removal = store.projects.delete(made.id, "ann")

    assert list(removal.counts.values()) == [1, 1, 1, 4, 1]
    assert removal.message == (
        "Removed 1 configuration, 1 pipeline(s), 1 feature set(s), 4 run(s), 1 deployment(s)."
    )
    assert set(counts(store, "p").values()) == {0}
    assert list(counts(store, "q").values()) == [1, 1, 1, 4, 0]


def test_runs_of_no_configuration_go_with_their_project(store: Store) -> None:
    made, _ = project(store, "p", 1)
    values: dict[str, Any] = {
        "id": "old",
        "project_id": "p",
        "configuration_id": None,
        "model_id": "m",
        "framework": "sklearn",
        "problem_type": "regression",
        "target_field": "y",
        "status": "succeeded",
        "metrics": {},
        "elapsed_s": 1.0,
        "created_at": row_mapping.now(),
    }
    with store.database.write() as writing:
        writing.connection.execute(insert(tables.training_runs).values(values))

    removal = store.projects.delete(made.id, "ann")

    assert removal.counts["mlrun_training_runs"] == 2
    assert set(counts(store, "p").values()) == {0}


def test_runs_of_another_configuration_stay(store: Store) -> None:
    made, _ = project(store, "p")
    other = store.projects.create(configuration("p", "other"))
    store.projects.add_run(other.id, run())

    store.projects.delete(made.id, "ann")

    assert list(counts(store, "p").values()) == [1, 1, 1, 1, 0]


def test_a_deletion_is_noted_once(store: Store) -> None:
    made, _ = project(store, "p")
    removal = store.projects.delete(made.id, "ann")

    with pytest.raises(NotFoundError):
        store.projects.delete(made.id, "bob")

    (noted,) = store.projects.activities("p")
    assert (noted.activity, noted.user) == ("DELETE_MLRUN_CONFIGURATION", "ann")
    assert noted.document == {
        "configuration_id": made.id,
        "counts": dict(removal.counts),
        "message": removal.message,
    }


def test_nothing_is_added_to_what_is_deleted(store: Store) -> None:
    made, (run_id,) = project(store, "p", 1)
    store.projects.delete(made.id, "ann")

    with pytest.raises(NotFoundError):
        store.projects.add_run(made.id, run())
    with pytest.raises(NotFoundError):
        store.projects.deploy(run_id)

    assert set(counts(store, "p").values()) == {0}
