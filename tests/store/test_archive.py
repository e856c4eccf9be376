"""Zip files: what is unpacked, and what is refused before a byte is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drum_like.errors import ArchiveError
from drum_like.store.archive import Bounds, file_names, unpack
from tests.support import zips
from tests.support.unmeasured import unmeasured


@pytest.mark.parametrize(("content", "reason"), zips.BAD.values(), ids=zips.BAD.keys())
def test_a_bad_zip_is_refused_and_writes_nothing(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = zips.write(tmp_path, content)

    with pytest.raises(ArchiveError, match=reason.replace(".", r"\.")):
        file_names(path, Bounds())
    with pytest.raises(ArchiveError):
        unpack(path, tmp_path / "out", Bounds())

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["upload.zip"]


def test_a_damaged_member_is_found_while_it_is_unpacked(tmp_path: Path) -> None:
    path = zips.write(tmp_path, zips.damaged())

    with pytest.raises(ArchiveError, match="damaged"):
        unpack(path, tmp_path / "out", Bounds())


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    path = zips.write(tmp_path, zips.zipped(("a.txt", b"a"), ("b/", b""), ("b/c.txt", b"c")))

    unpack(path, tmp_path / "out", Bounds())

    assert file_names(path, Bounds()) == ("a.txt", "b/c.txt")
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"a"
    assert (tmp_path / "out" / "b" / "c.txt").read_bytes() == b"c"


def test_a_folder_around_everything_is_taken_off(tmp_path: Path) -> None:
    path = zips.write(tmp_path, zips.zipped(("m/", b""), ("m/a", b"a"), ("m/b/c", b"c")))

    unpack(path, tmp_path / "out", Bounds())

    assert (tmp_path / "out" / "a").read_bytes() == b"a"
    assert (tmp_path / "out" / "b" / "c").read_bytes() == b"c"


def test_modes_are_not_taken_over(tmp_path: Path) -> None:
    path = zips.write(tmp_path, zips.zipped(("a", b"a")))

    unpack(path, tmp_path / "out", Bounds())

    assert (tmp_path / "out" / "a").stat().st_mode & 0o7133 == 0


def test_a_full_disk_is_told_from_a_bad_zip(tmp_path: Path) -> None:
    path = zips.write(tmp_path, zips.zipped(("a", os.urandom(1 << 20))))
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from drum_like.store.archive import Bounds, unpack\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "unpack(Path(sys.argv[1]), Path(sys.argv[2]), Bounds())\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "out"],
        check=False,
        capture_output=True,
        env=unmeasured(),
        text=True,
    )

    assert done.stderr.splitlines()[-1].endswith(
        "StoreFullError: there is no space left for the store (EFBIG)"
    ), done.stderr
