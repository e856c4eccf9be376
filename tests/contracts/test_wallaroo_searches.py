"""Searches of the SDK: as many statements for many pipelines as for one."""

from pathlib import Path

from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup
from drum_like.contracts.wallaroo.management.searches import Searches
from tests.support.registries import opened
from tests.support.stores import statements


def test_a_search_takes_the_same_statements_for_any_number_of_pipelines(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        search = Searches(WorkspaceLookup(here.registry)).operations()["GetPipelines"]
        pipelines, counts = here.registry.store.pipelines, []
        for n_pipelines in (1, 40):
            for number in range(len(pipelines.all()), n_pipelines):
                pipelines.create(1, f"p{number}", {}, "ann")
            with statements(here.registry.store) as asked:
                found = search(JsonObject({"search_term": "p"}))
            assert len(found["search_pipelines"]) == n_pipelines
            counts.append(len(asked))

    assert counts == [6, 6]
