"""A disk that is really full, or read-only: a small file system, where mounting one is allowed."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from drum_like.errors import StoreError, StoreFullError
from drum_like.store.location import Place
from drum_like.store.store import Store, open_store
from tests.support.stores import files_of, put


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_an_upload_that_does_not_fit_leaves_nothing_and_the_next_one_fits(small_disk: Path) -> None:
    with closing(open_store(Place(small_disk))) as store:
        kept = put(store, "kept", b"small")

        with pytest.raises(StoreFullError, match="no space left"):
            put(store, "kept", bytes(10 << 20), max_bytes=1 << 30)

        assert files_of(small_disk) == [f"blobs/{kept.sha256[:2]}/{kept.sha256}"]
        assert put(store, "kept", b"small, too").number == 2
        assert store.files.check(kept.sha256).read_bytes() == b"small"


def test_a_full_disk_below_the_database_is_told_and_heals(small_disk: Path) -> None:
    with closing(open_store(Place(small_disk))) as store:
        kept = put(store, "kept")
        filler = small_disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

        with pytest.raises(StoreFullError):
            _write_on(store)

        assert store.versions.get(kept.id) == kept
        filler.unlink()
        assert put(store, "kept", b"again").name == "kept"


def test_a_disk_that_may_not_be_written_to_is_told(small_disk: Path) -> None:
    open_store(Place(small_disk)).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(StoreError, match="it and its directory must be writable"):
        open_store(Place(small_disk))
    with pytest.raises(StoreError, match=r"cannot be used \(EROFS\)"):
        open_store(Place(small_disk / "new"))


def _write_on(store: Store) -> None:
    """Change a store until it refuses."""
    for _ in range(1000):
        store.workspaces.set_default("me" * 100, 1)
        put(store, "kept", b"more")
