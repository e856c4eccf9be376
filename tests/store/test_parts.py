"""Workspaces, configurations, aliases, pipelines."""

import pytest

from drum_like.errors import ConflictError, NotFoundError, UploadError
from drum_like.store.changes import Revision
from drum_like.store.entities import NewConfig
from drum_like.store.store import Store
from drum_like.store.workspace_entities import Contents, Member, NewDeployment
from tests.support.stores import put


def test_a_fresh_store_has_one_workspace(store: Store) -> None:
    assert [one.id for one in store.workspaces.all()] == [1]


def test_workspaces_have_names_of_their_own(store: Store) -> None:
    made = store.workspaces.create("mine", "me")

    assert store.workspaces.by_name("mine") == made == store.workspaces.get(made.id)
    assert store.workspaces.by_name("yours") is None
    with pytest.raises(ConflictError, match="'mine' already"):
        store.workspaces.create("mine")
    with pytest.raises(ConflictError, match="'mine' already"):
        store.workspaces.rename(1, "mine")
    assert store.workspaces.rename(1, "yours").name == "yours"
    with pytest.raises(NotFoundError):
        store.workspaces.get(99)


def test_members_come_and_go(store: Store) -> None:
    made = store.workspaces.create("mine", "me")
    store.workspaces.add_member(made.id, "you", "COLLABORATOR")
    store.workspaces.add_member(made.id, "you", "OWNER")

    assert store.workspaces.members(made.id) == [
        Member(made.id, "me", "OWNER"),
        Member(made.id, "you", "OWNER"),
    ]
    assert [one.id for one in store.workspaces.all("you")] == [made.id]
    assert store.workspaces.remove_member(made.id, "you") == 1
    assert store.workspaces.remove_member(made.id, "you") == 0


def test_a_user_can_have_a_default_workspace(store: Store) -> None:
    assert store.workspaces.default_of("me") is None
    made = store.workspaces.create("mine")

    store.workspaces.set_default("me", 1)
    store.workspaces.set_default("me", made.id)

    assert store.workspaces.default_of("me") == made
    with pytest.raises(NotFoundError):
        store.workspaces.set_default("me", 99)


def test_contents_are_the_ids_by_workspace(store: Store) -> None:
    other = store.workspaces.create("other")
    model = put(store, "m")
    pipeline, _ = store.pipelines.create(other.id, "p", {})

    assert store.workspaces.contents((1, other.id)) == {
        1: Contents((model.model_id,), ()),
        other.id: Contents((), (pipeline.id,)),
    }


def test_the_newest_configuration_is_in_force(store: Store) -> None:
    version = put(store, "m")
    first = store.configs.latest(version.id)
    assert first is not None

    second = store.configs.add(
        version.id, NewConfig(tensor_fields=("t",), filter_threshold=0.1, input_schema="s")
    )

    assert store.configs.latest(version.id) == second
    assert second.id > first.id
    assert store.configs.get(first.id) == first
    assert store.configs.latest(99) is None
    with pytest.raises(NotFoundError):
        store.configs.get(99)
    with pytest.raises(NotFoundError):
        store.configs.add(99, NewConfig())


def test_a_configuration_can_keep_fields_of_the_one_before(store: Store) -> None:
    version = put(store, "m")
    store.configs.add(version.id, NewConfig(input_schema="in", output_schema="out"))

    kept = store.configs.add(version.id, NewConfig(batch_config="single"), keep=("input_schema",))

    assert (kept.input_schema, kept.output_schema, kept.batch_config) == ("in", None, "single")


def test_an_alias_moves_and_goes(store: Store) -> None:
    first, second = put(store, "m"), put(store, "m")
    store.aliases.set(first.model_id, "live", first.id)

    store.aliases.set(first.model_id, "live", second.id)

    assert store.aliases.of_model(first.model_id) == {"live": second.id}
    assert store.aliases.of_workspace(1) == {first.model_id: {"live": second.id}}
    store.aliases.set(first.model_id, "live", None)
    assert store.aliases.of_model(first.model_id) == {}
    with pytest.raises(NotFoundError, match="no alias"):
        store.aliases.set(first.model_id, "live", None)


def test_an_alias_is_for_a_version_of_its_model(store: Store) -> None:
    mine, other = put(store, "m"), put(store, "n")

    with pytest.raises(NotFoundError, match="no version"):
        store.aliases.set(mine.model_id, "live", other.id)
    for bad in ("", "1", "a b", "@live", "a" * 65, mine.uuid):
        with pytest.raises(UploadError, match="an alias has"):
            store.aliases.set(mine.model_id, bad, mine.id)


def test_a_pipeline_gets_versions_and_one_deployment(store: Store) -> None:
    version = put(store, "m")
    config = store.configs.latest(version.id)
    assert config is not None
    pipeline, first = store.pipelines.create(1, "p", {"n": 1}, "me")
    same, second = store.pipelines.create(1, "p", {"n": 2})

    deployed = store.pipelines.deploy(NewDeployment("d", first.id, (config.id, config.id)))
    again = store.pipelines.deploy(NewDeployment("d", second.id, (config.id,), {"cpus": 1}))

    assert same.id == pipeline.id
    assert [one.definition for one in store.pipelines.versions(pipeline.id)] == [{"n": 2}, {"n": 1}]
    assert store.pipelines.version(first.id) == first
    assert (deployed.config_ids, again.config_ids) == ((config.id, config.id), (config.id,))
    assert (again.id, again.deployed, again.pipeline_version_id) == (deployed.id, True, second.id)
    assert store.pipelines.deployment_of(pipeline.id) == again
    assert store.pipelines.by_name(1, "p") == store.pipelines.get(pipeline.id)
    assert [one.id for one in store.pipelines.of_workspace(1)] == [pipeline.id]
    undeployed = store.pipelines.undeploy(deployment_id=again.id)
    assert undeployed is not None
    assert not undeployed.deployed
    assert store.pipelines.undeploy(deployment_id=99) is None


def test_what_is_not_there_cannot_be_deployed(store: Store) -> None:
    _, version = store.pipelines.create(1, "p", {})

    with pytest.raises(NotFoundError, match="configuration 99"):
        store.pipelines.deploy(NewDeployment("d", version.id, (99,)))
    with pytest.raises(NotFoundError, match="pipeline version 99"):
        store.pipelines.deploy(NewDeployment("d", 99, ()))
    with pytest.raises(NotFoundError):
        store.pipelines.get(99)
    with pytest.raises(NotFoundError):
        store.pipelines.deployment(99)
    with pytest.raises(NotFoundError, match="no workspace"):
        store.pipelines.create(99, "p", {})


def test_changes_are_the_rows_changed_since(store: Store) -> None:
    first = put(store, "m")
    start = store.changes.since(Revision())
    assert [one.version_id for one in start.versions] == [first.id]

    second = put(store, "m")
    store.configs.add(first.id, NewConfig())
    store.aliases.set(first.model_id, "live", second.id)
    changes = store.changes.since(start.revision)

    assert not changes.is_all
    assert [one.version_id for one in changes.versions] == [second.id]
    assert changes.configured == {first.id, second.id}
    assert [(one.alias, one.version_id) for one in changes.aliases] == [("live", second.id)]
    assert store.changes.revision() == changes.revision
    store.versions.delete((first.uuid,))
    assert store.changes.since(changes.revision).is_all
