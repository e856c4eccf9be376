"""From a name to a model in memory, and how one version replaces another."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from drum_like.config.model_settings import ModelSettings
from drum_like.config.server_settings import ServerSettings
from drum_like.errors import (
    ArtifactError,
    DrumLikeError,
    NotFoundError,
    StoreError,
    UnsupportedError,
)
from drum_like.inference.loading import open_service
from drum_like.registry.catalog import Catalog
from drum_like.registry.setup import open_catalog
from drum_like.store.entities import NewConfig, NewVersion, Version
from drum_like.store.workspace_entities import NewDeployment
from drum_like.types.target import TargetType
from tests.support.registries import (
    GOOD_CODE,
    METADATA,
    Opened,
    answer,
    constant,
    eventually,
    opened,
)


def test_a_name_means_the_newest_version_until_an_alias_says_otherwise(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        first, second = here.put("m", constant(1)), here.put("m", constant(2))
        catalog = here.catalog

        assert answer(catalog.resolve("m")) == 2
        for same in ("m@1", "m@" + first.uuid):
            assert answer(catalog.resolve(same)) == 1
        assert answer(catalog.resolve("m", "1")) == 1
        here.registry.store.aliases.set(first.model_id, "live", first.id)
        catalog.refresh()
        assert answer(catalog.resolve("m")) == 1
        assert answer(catalog.resolve("m", "@live")) == 1
        assert answer(catalog.resolve("m@2")) == 2
        assert catalog.resolve("m@2").info.uuid == second.uuid
        assert catalog.resolve("m@2").info.version == "2"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody", "no model 'nobody' here; there are: m"),
        ("m@2", "no version '2' of 'm'"),
        ("m@live", "no version 'live' of 'm'"),
        ("m@00000000-0000-0000-0000-000000000000", "no version '00000000"),
        ("w2.m", "no model 'w2.m'"),
        ("", "no model ''"),
        ("@live", "no model ''"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, name: str, words: str) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))

        with pytest.raises(NotFoundError, match=words):
            here.catalog.resolve(name)


def test_a_model_of_another_workspace_is_named_with_it(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        other = here.registry.store.workspaces.create("other")
        here.put("m", constant(3), other.id)

        service = here.catalog.resolve(f"w{other.id}.m")

        assert (answer(service), service.info.name) == (3, f"w{other.id}.m")


def test_without_a_name_the_only_model_answers(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        with pytest.raises(NotFoundError, match="0 models and no default one"):
            here.catalog.resolve()
        here.put("m", constant(1))
        assert answer(here.catalog.resolve()) == 1
        here.put("n", constant(2))

        with pytest.raises(NotFoundError, match=r"2 models and no default one.*: m, n"):
            here.catalog.resolve()

    with opened(tmp_path, default_model="n") as here:
        assert answer(here.catalog.resolve()) == 2


def test_the_directory_of_code_dir_is_the_default_and_has_a_name(tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    directory.mkdir()
    (directory / "model.onnx").write_bytes(constant(5))
    own = open_service(ModelSettings(code_dir=directory, target_type=TargetType.REGRESSION))

    with opened(tmp_path / "store", own=own) as here:
        here.put("m", constant(1))

        assert answer(here.catalog.resolve()) == 5
        assert here.catalog.resolve("mine") is own
        assert here.catalog.resolve("mine", "1") is own
        assert answer(here.catalog.resolve("m")) == 1
        assert here.catalog.names() == ("m", "mine")
        with pytest.raises(NotFoundError, match="the one version 1"):
            here.catalog.resolve("mine@2")


def test_subdirectories_are_served_by_their_names(tmp_path: Path) -> None:
    for name, value in (("one", 1.0), ("two", 2.0), (".hidden", 3.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes(constant(value))
        (tmp_path / name / "model-metadata.yaml").write_text(METADATA)
    (tmp_path / "file").write_text("")
    catalog = open_catalog(ServerSettings(models=tmp_path), None).catalog

    assert catalog.names() == ("one", "two")
    assert answer(catalog.resolve("two")) == 2
    assert catalog.resolve("two").info.name == "two"


def test_a_new_version_takes_over_in_the_background(tmp_path: Path) -> None:
    with opened(tmp_path, alive=True) as server, opened(tmp_path) as elsewhere:
        elsewhere.put("m", constant(1))
        eventually(lambda: server.catalog.names() == ("m",))
        held = server.catalog.resolve("m")

        elsewhere.put("m", constant(2))
        eventually(lambda: answer(server.catalog.resolve("m")) == 2)

        assert answer(held) == 1


def test_the_version_before_serves_until_the_next_one_is_loaded(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        before = here.catalog.resolve("m")

        here.put("m", constant(2))

        assert here.catalog.resolve("m") is before
        here.catalog.refresh()
        assert answer(here.catalog.resolve("m")) == 2


def test_a_version_that_does_not_load_does_not_take_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        before = here.catalog.resolve("m")
        second = here.put("m", constant(2))
        _damage(here, second)

        here.catalog.refresh()

        assert here.catalog.resolve("m") is before
        assert "does not load" in caplog.text
        with pytest.raises(ArtifactError, match="is not what was uploaded"):
            here.catalog.resolve("m@2")


def test_a_worker_that_has_served_no_older_version_falls_back_to_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as here:
        first = here.put("m", constant(1))
        for value in (2, 3):
            _damage(here, here.put("m", constant(value)))

        assert answer(here.catalog.resolve("m")) == 1
        assert f"m goes on with version id {first.id}, because" in caplog.text
        here.catalog.refresh()
        assert answer(here.catalog.resolve("m")) == 1
        here.put("m", constant(4))
        here.catalog.refresh()
        assert answer(here.catalog.resolve("m")) == 4


def test_a_version_that_an_alias_chose_has_no_stand_in(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        chosen = here.put("m", constant(2))
        here.put("m", constant(3))
        here.registry.store.aliases.set(chosen.model_id, "live", chosen.id)
        here.catalog.refresh()
        _damage(here, chosen)

        with pytest.raises(ArtifactError, match="is not what was uploaded"):
            here.catalog.resolve("m")


def test_a_model_that_does_not_load_is_not_tried_again_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        blob = _damage(here, here.put("m", constant(1)))
        with pytest.raises(ArtifactError):
            here.catalog.resolve("m")
        blob.unlink()

        with pytest.raises(ArtifactError, match="is not what was uploaded"):
            here.catalog.resolve("m")


def test_a_damaged_file_is_mended_by_the_next_upload_of_the_same(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        version = here.put("m", constant(1))
        blob = here.registry.store.files.blob(version.sha256)
        before = blob.stat().st_ino
        here.put("n", constant(1))
        assert blob.stat().st_ino == before
        _damage(here, version)

        here.put("o", constant(1))

        assert answer(here.catalog.resolve("m")) == 1


def test_a_removed_version_is_no_longer_served(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        second = here.put("m", constant(2))
        assert answer(here.catalog.resolve("m")) == 2

        here.registry.store.versions.delete((second.uuid,))
        here.catalog.refresh()

        assert answer(here.catalog.resolve("m")) == 1
        with pytest.raises(NotFoundError):
            here.catalog.resolve("m@2")
        with pytest.raises(NotFoundError):
            here.catalog.loaded(second.id)


def test_the_least_recently_used_model_goes(tmp_path: Path) -> None:
    with opened(tmp_path, max_models=2) as here:
        for name, value in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
            here.put(name, constant(value))
        a, b = here.catalog.resolve("a"), here.catalog.resolve("b")
        here.catalog.resolve("a")

        here.catalog.resolve("c")

        assert here.catalog.resolve("a") is a
        assert here.catalog.resolve("b") is not b
        assert answer(b) == 2


def test_threads_that_ask_for_a_model_at_once_get_the_same(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        start, found = threading.Barrier(8), []

        def ask() -> None:
            start.wait()
            found.append(here.catalog.resolve("m"))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(found) == 8
        assert len(set(map(id, found))) == 1


def test_a_new_configuration_is_seen_by_a_loaded_model(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        version = here.put("m", constant(1))
        loaded = here.catalog.find("m")

        added = here.registry.store.configs.add(version.id, NewConfig(batch_config="single"))
        here.catalog.refresh()

        again = here.catalog.find("m")
        assert again.config == added
        assert again.service is loaded.service
        assert again.version == version


def test_deployments_are_known_while_they_are_deployed(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        store = here.registry.store
        version = here.put("m", constant(1))
        config = store.configs.latest(version.id)
        assert config is not None
        _, definition = store.pipelines.create(1, "p", {"steps": [1]})
        made = store.pipelines.deploy(NewDeployment("d", definition.id, (config.id,)))

        here.catalog.refresh()

        found = here.catalog.deployment(made.id)
        assert found is not None
        assert (found.deployment, found.definition, found.configs) == (
            made,
            {"steps": [1]},
            (config,),
        )
        assert here.catalog.deployments() == (found,)
        store.pipelines.undeploy(made.id)
        here.catalog.refresh()
        assert here.catalog.deployment(made.id) is None


def test_an_image_is_registered_and_not_served(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        new = NewVersion(1, "m", None, runtime="mlflow")
        version = here.registry.uploads.register_image(new, "registry/image:1")

        assert (version.format, version.size, version.image_path) == (
            "image",
            0,
            "registry/image:1",
        )
        with pytest.raises(UnsupportedError, match="container image"):
            here.catalog.resolve("m")


def test_models_are_loaded_at_start_if_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as here:
        broken = here.put("broken", constant(1))
        here.put("fine", constant(2))
        _damage(here, broken)

    with opened(tmp_path, preload_models=True):
        assert "the model broken does not load" in caplog.text
        assert "fine" not in caplog.text


def test_requests_ask_no_database(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        here.catalog.resolve("m")
        here.registry.store.close()
        (tmp_path / "store.db").unlink()

        assert answer(here.catalog.resolve("m")) == 1
        assert answer(here.catalog.resolve("m@1")) == 1
        with pytest.raises(NotFoundError):
            here.catalog.resolve("n")
        with pytest.raises(DrumLikeError):
            here.catalog.pull()


def test_modules_of_two_models_do_not_meet(tmp_path: Path) -> None:
    catalog = _with_helpers(tmp_path, "import helper", "helper.VALUE")

    assert [answer(catalog.resolve(name)) for name in ("one", "two", "one")] == [1, 2, 1]


def test_a_module_that_is_imported_late_is_missing_and_not_another_models(tmp_path: Path) -> None:
    catalog = _with_helpers(tmp_path, "", "__import__('helper').VALUE")
    catalog.resolve("one")
    catalog.resolve("two")

    with pytest.raises(DrumLikeError, match="No module named 'helper'"):
        answer(catalog.resolve("one"))


def _with_helpers(root: Path, top: str, value: str) -> Catalog:
    """Return a catalog of two models, each with a helper.py of its own."""
    for number, name in ((1, "one"), (2, "two")):
        directory = root / name
        directory.mkdir()
        code = f"{top}\n{GOOD_CODE.replace('[7.0]', f'[float({value})]')}"
        (directory / "custom.py").write_text(code)
        (directory / "helper.py").write_text(f"VALUE = {number}\n")
        (directory / "model-metadata.yaml").write_text(METADATA)
    return open_catalog(ServerSettings(models=root), None).catalog


def _damage(here: Opened, version: Version) -> Path:
    """Change a byte of the file of a version, and return its path."""
    blob = here.registry.store.files.blob(version.sha256)
    blob.chmod(0o644)
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    return blob


def test_a_look_that_fails_is_no_failure_of_what_was_changed(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        with closing(sqlite3.connect(tmp_path / "store.db")) as database:
            database.execute("ALTER TABLE state RENAME TO away")
            with pytest.raises(StoreError):
                here.catalog.pull()

            here.catalog.apply_changes()

            assert answer(here.catalog.resolve("m")) == 1
            database.execute("ALTER TABLE away RENAME TO state")


def test_a_store_that_failed_for_a_moment_is_asked_again_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.put("m", constant(1))
        incoming = tmp_path / "incoming"
        incoming.rmdir()
        incoming.write_text("where folders are made")
        with pytest.raises(StoreError):
            here.catalog.resolve("m")

        incoming.unlink()
        incoming.mkdir()

        assert answer(here.catalog.resolve("m")) == 1
