"""The tables: migrations and declarations agree, and whoever opens a store first makes them."""

import multiprocessing
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from drum_like.errors import SettingsError, StoreError
from drum_like.store import migrations
from drum_like.store.location import Place
from drum_like.store.store import Store, open_store
from drum_like.store.tables import metadata


def test_the_migrations_make_the_declared_tables(store: Store) -> None:
    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, metadata) == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def _open_at_once(place: Place, start: "multiprocessing.synchronize.Barrier") -> None:
    start.wait()
    with closing(open_store(place)) as store:
        store.workspaces.get(1)


def test_several_processes_open_a_new_store_at_once(place: Place) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(4)
    processes = [spawn.Process(target=_open_at_once, args=(place, start)) for _ in range(4)]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0] * 4


def test_a_store_of_a_newer_version_is_refused(place: Place) -> None:
    with closing(open_store(place)) as store, store.database.write() as writing:
        writing.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="newer version of this program"):
        open_store(place)


@pytest.mark.parametrize("url", ["mysql://u@h/n", "sqlite:///x", "nonsense", "http://h/n"])
def test_a_wrong_database_url_is_named_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="--database-url must be postgresql://"):
        open_store(Place(tmp_path, url.replace("u@", "u:secret@")))


def test_a_database_that_does_not_answer_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(Place(tmp_path, "postgresql://u:secret@127.0.0.1:1/n"))

    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is no database" * 100)

    with pytest.raises(StoreError, match="database failed"):
        open_store(Place(tmp_path))


def test_a_root_that_is_a_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")

    with pytest.raises(StoreError, match="directory cannot be used"):
        open_store(Place(tmp_path / "root"))
