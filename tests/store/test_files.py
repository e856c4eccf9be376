"""Files: written aside, named by their digest, swept when nobody refers to them."""

import errno
import os
import time
from pathlib import Path

import pytest

from drum_like.errors import ArtifactError, SizeError, StoreError, StoreFullError
from drum_like.store.files import Files
from drum_like.store.store import Store
from drum_like.store.upload_file import storing
from tests.support.stores import files_of, put

AGE_S = 3600.0


def test_an_upload_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path)

    with files.receive(100) as incoming:
        incoming.write(b"half")
        incoming.received()

    assert files_of(tmp_path) == []


def test_more_than_the_limit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path)

    with files.receive(10) as incoming:
        incoming.write(b"x" * 10)
        with pytest.raises(SizeError, match="--max-upload-mb"):
            incoming.write(b"x")

    assert files_of(tmp_path) == []


def test_a_parser_of_forms_may_use_it_as_a_file(tmp_path: Path) -> None:
    with Files(tmp_path).receive(100) as incoming:
        incoming.write(bytearray(b"some "))
        incoming.write(memoryview(b"bytes"))
        incoming.seek(0)

        assert incoming.read() == b"some bytes"
        incoming.close()
        assert incoming.received().size == 10
        assert incoming.received().path.read_bytes() == b"some bytes"


def test_a_published_file_is_read_only_and_its_bytes_are_checked(tmp_path: Path) -> None:
    files = Files(tmp_path)
    with files.receive(100) as incoming:
        incoming.write(b"bytes")
        received = incoming.received()
        files.publish(received)

    path = files.check(received.sha256)

    assert path.stat().st_mode & 0o777 == 0o444
    path.chmod(0o644)
    path.write_bytes(b"bytez")
    with pytest.raises(ArtifactError, match="is not what was uploaded"):
        files.check(received.sha256)
    path.unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        files.check(received.sha256)


def test_old_orphans_go_and_all_else_stays(store: Store) -> None:
    kept = put(store, "m", b"kept")
    orphan, young = _orphan(store, b"orphan"), _orphan(store, b"young")
    part = store.files.aside("dead.part")
    part.write_bytes(b"half")
    directory = store.files.directory("0" * 64 + "-onnx")
    directory.mkdir()
    _make_old(store.files.blob(kept.sha256), store.files.blob(orphan), part, directory)

    n_removed = store.sweep(AGE_S)

    assert n_removed == 3
    assert store.sweep(AGE_S) == 0
    assert store.files.blob(kept.sha256).exists()
    assert store.files.blob(young).exists()
    assert not store.files.blob(orphan).exists()
    assert not part.exists()
    assert not directory.exists()


def test_an_orphan_that_is_uploaded_again_stays(store: Store) -> None:
    orphan = _orphan(store, b"again")
    _make_old(store.files.blob(orphan))

    version = put(store, "m", b"again")

    assert version.sha256 == orphan
    assert store.sweep(AGE_S) == 0
    assert store.files.blob(orphan).exists()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EFBIG, StoreFullError),
        (errno.EIO, StoreError),
        (errno.EROFS, StoreError),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else "",
)
def test_what_the_disk_says_is_told_without_a_path(code: int, kind: type[StoreError]) -> None:
    with pytest.raises(kind) as caught, storing():
        raise OSError(code, "says", "/secret/path")

    assert type(caught.value) is kind
    assert "secret" not in str(caught.value)


def _orphan(store: Store, content: bytes) -> str:
    """Leave a file as a kill between its rename and the commit does."""
    with store.files.receive(100) as incoming:
        incoming.write(content)
        received = incoming.received()
        store.files.publish(received)
    return received.sha256


def _make_old(*paths: Path) -> None:
    then = time.time() - 2 * AGE_S
    for path in paths:
        os.utime(path, (then, then))
