"""Models and versions: what is stored comes back, whole, in its order."""

import hashlib
from uuid import UUID

import pytest

from drum_like.errors import ConflictError, NotFoundError, UploadError
from drum_like.store.entities import Declared, NewConfig, NewVersion, Status, Visibility
from drum_like.store.store import Store
from drum_like.store.versions import File
from drum_like.store.workspace_entities import NewDeployment
from tests.support.stores import files_of, put


def test_a_version_comes_back_as_it_was_stored(store: Store) -> None:
    declared = Declared("binary", "yes", "no", (), "churn")
    new = NewVersion(
        1,
        "churn",
        "../../model.onnx",
        Visibility.PUBLIC,
        runtime="onnx",
        declared=declared,
        details={"conversion": {"framework": "onnx", "requirements": []}},
        config=NewConfig(tensor_fields=("a", "b"), options={"queue_depth": None}),
        created_by="me@example.org",
    )
    with store.files.receive(100) as incoming:
        incoming.write(b"model")
        received = incoming.received()
        file = File(received, received.sha256, received.size, "onnx")
        stored = store.versions.add(new, file, Status.PENDING, ("one", "two"))

    found = store.versions.get(stored.id)

    assert found == stored
    assert found.sha256 == hashlib.sha256(b"model").hexdigest()
    assert str(UUID(found.uuid)) == found.uuid
    assert (found.number, found.size, found.status) == (1, 5, Status.PENDING)
    assert (found.file_name, found.visibility) == ("../../model.onnx", Visibility.PUBLIC)
    assert (found.declared, found.details) == (declared, new.details)
    assert found.created_at.utcoffset() is not None
    config = store.configs.latest(stored.id)
    assert config is not None
    assert (config.tensor_fields, config.runtime) == (("a", "b"), "onnx")
    assert [line.text for line in store.logs.of_version(stored.id)] == ["one", "two"]
    assert store.files.blob(found.sha256).read_bytes() == b"model"


def test_a_second_upload_is_a_new_version_of_the_same_model(store: Store) -> None:
    first = put(store, "m")
    before = store.models.get(first.model_id)

    second = put(store, "m")

    after = store.models.get(first.model_id)
    assert (second.model_id, second.number) == (first.model_id, 2)
    assert second.uuid != first.uuid
    assert second.sha256 == first.sha256
    assert after.created_at == before.created_at
    assert after.updated_at > before.updated_at


def test_the_same_name_in_another_workspace_is_another_model(store: Store) -> None:
    other = store.workspaces.create("other")
    with store.files.receive(10) as incoming:
        incoming.write(b"x")
        received = incoming.received()
        file = File(received, received.sha256, 1, "onnx")
        there = store.versions.add(NewVersion(other.id, "m", None), file, Status.READY, ())

    here = put(store, "m")

    assert here.model_id != there.model_id
    assert {one.id for one in store.versions.matching("m", None)} == {here.id, there.id}


def test_matching_is_name_or_model(store: Store) -> None:
    a, b = put(store, "a"), put(store, "b")

    assert [one.id for one in store.versions.matching("nobody", a.model_id)] == [a.id]
    assert [one.id for one in store.versions.matching("b", a.model_id)] == [b.id, a.id]
    assert store.versions.matching(None, None) == []


def test_lists_are_in_their_order(store: Store) -> None:
    older, newer = put(store, "older"), put(store, "newer")
    again = put(store, "older")

    store.versions.set_visibility(older.id, Visibility.PUBLIC)

    assert [model.name for model in store.models.of_workspace(1)] == ["newer", "older"]
    assert [one.id for one in store.versions.of_model(older.model_id)] == [older.id, again.id]
    trees = store.models.trees(1)
    assert [tree.model.name for tree in trees] == ["newer", "older"]
    assert [[version.id for version, _ in tree.versions] for tree in trees] == [
        [newer.id],
        [older.id, again.id],
    ]


def test_there_is_nothing_in_an_unknown_workspace(store: Store) -> None:
    assert store.models.of_workspace(99) == []
    assert store.models.trees(99) == []


@pytest.mark.parametrize(
    "name", ["", ".a", "-a", "a/b", "..", "a b", "caf\u00e9", "a\n", "a" * 129, "w2.a", "a\x00"]
)
def test_a_bad_name_is_refused_and_nothing_is_left(store: Store, name: str) -> None:
    with pytest.raises(UploadError, match="a model's name"):
        put(store, name)

    assert store.models.of_workspace(1) == []
    assert files_of(store.files.root) == []


def test_an_unknown_workspace_is_refused_and_nothing_is_left(store: Store) -> None:
    with store.files.receive(10) as incoming:
        incoming.write(b"x")
        received = incoming.received()
        file = File(received, received.sha256, 1, "onnx")

        with pytest.raises(NotFoundError, match="no workspace 7"):
            store.versions.add(NewVersion(7, "m", None), file, Status.READY, ())

    assert files_of(store.files.root) == []


def test_search_finds_text_anywhere_and_takes_it_literally(store: Store) -> None:
    version = put(store, "Fraud_model")
    put(store, "other")

    for term in ("fraud", version.uuid[:8], version.sha256[:8]):
        assert version.id in {one.id for one in store.versions.search(term)}
    assert store.versions.search("%") == []
    assert [one.name for one in store.versions.search("_mod")] == ["Fraud_model"]


def test_a_file_goes_with_the_last_version_that_refers_to_it(store: Store) -> None:
    first, second = put(store, "m", b"same"), put(store, "n", b"same")

    assert store.versions.delete((first.uuid,)) == 0
    assert store.files.blob(first.sha256).exists()
    assert store.versions.delete((second.uuid,)) == 4

    assert files_of(store.files.root) == []
    assert store.models.get(first.model_id).name == "m"
    with pytest.raises(NotFoundError):
        store.versions.get(first.id)


def test_without_confirmation_nothing_goes(store: Store) -> None:
    version = put(store, "m", b"four")

    assert store.versions.delete((version.uuid,), confirm=False) == 4
    assert store.models.delete(1, "m", confirm=False) == 4

    assert store.versions.get(version.id) == version
    assert store.files.blob(version.sha256).exists()


def test_versions_are_removed_all_or_none(store: Store) -> None:
    version = put(store, "m")

    with pytest.raises(NotFoundError, match="no model version"):
        store.versions.delete((version.uuid, "00000000-0000-0000-0000-000000000000"))

    assert store.versions.get(version.id) == version


def test_ids_and_numbers_are_not_used_again(store: Store) -> None:
    gone = put(store, "m")
    store.versions.delete((gone.uuid,))
    next_one = put(store, "m")

    assert (next_one.id, next_one.number) > (gone.id, gone.number)
    assert next_one.number == 2
    store.models.delete(1, "m")

    assert put(store, "m").model_id > gone.model_id


def test_what_is_deployed_stays(store: Store) -> None:
    version = put(store, "m")
    config = store.configs.latest(version.id)
    assert config is not None
    pipeline, definition = store.pipelines.create(1, "p", {"steps": []})
    store.pipelines.deploy(NewDeployment("p", definition.id, (config.id,)))

    assert store.pipelines.deployed_version_ids() == {version.id}
    with pytest.raises(ConflictError, match="deployed"):
        store.versions.delete((version.uuid,))
    with pytest.raises(ConflictError, match="deployed"):
        store.models.delete(1, "m")

    store.pipelines.undeploy(pipeline_id=pipeline.id)
    assert store.models.delete(1, "m") == len(b"bytes")


def test_a_file_that_cannot_be_removed_does_not_undo_a_removal(store: Store) -> None:
    version = put(store, "m")
    blob = store.files.blob(version.sha256)
    blob.unlink()
    (blob / "in the way").mkdir(parents=True)

    freed = store.versions.delete([version.uuid])

    assert freed == version.size
    assert store.versions.by_uuid(version.uuid) is None
    assert blob.is_dir()
