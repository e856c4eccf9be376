"""A store that is killed while its tables are made, and a disk that loses what it was given."""

import hashlib
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect

from drum_like.store.location import Place
from drum_like.store.store import open_store
from drum_like.store.tables import metadata
from tests.faults.scale import scaled
from tests.support.serving import environment
from tests.support.stores import DATABASES, files_of, place_on, put

KILLS = scaled(4, 60)
LONGEST_S = 0.5
ROOT = Path(__file__).parents[2]

OPEN = """
import sys
from pathlib import Path
from drum_like.store.location import Place
from drum_like.store.store import open_store

print("begun", flush=True)
open_store(Place(Path(sys.argv[1]), sys.argv[2] or None)).close()
"""

UPLOAD = """
import sys
from pathlib import Path
from drum_like.errors import StoreError
from drum_like.store.location import Place
from drum_like.store.store import open_store
from tests.support.stores import put

store = open_store(Place(Path(sys.argv[1])))
try:
    put(store, "m")
except StoreError as error:
    print("refused")
else:
    print("stored")
"""


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


def test_a_store_is_opened_after_kills_while_its_tables_were_made(place: Place) -> None:
    """F-36: each time either nothing or everything is there, or the rest is made."""
    chance = random.Random(36)
    command = [sys.executable, "-c", OPEN, str(place.root), place.url or ""]
    for _ in range(KILLS):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=ROOT, env=environment(), text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(chance.uniform(0, LONGEST_S))
        process.kill()
        process.wait()
        process.stdout.close()

    with closing(open_store(place)) as store:
        assert put(store, "m").number == 1
        with store.database.read() as connection:
            assert metadata.tables.keys() <= set(inspect(connection).get_table_names())


def test_an_upload_that_the_disk_did_not_keep_is_refused_and_not_tried_again(
    tmp_path: Path,
) -> None:
    """F-35: fsync fails."""
    root = tmp_path / "store"
    open_store(Place(root)).close()

    said, trace = _traced_upload(root, "-e", "inject=fsync:error=EIO")

    assert said == "refused\n"
    assert files_of(root) == []
    assert trace.count("(INJECTED)") == 1
    with closing(open_store(Place(root))) as store:
        assert put(store, "m").number == 1


def test_a_folder_that_a_killed_process_has_made_is_brought_to_the_disk_by_the_next(
    tmp_path: Path,
) -> None:
    """F-34: else a version whose folder the disk has lost would be there."""
    root = tmp_path / "store"
    with closing(open_store(Place(root))) as store:
        folder = store.files.blob(hashlib.sha256(b"bytes").hexdigest()).parent
    folder.mkdir()

    said, trace = _traced_upload(root)

    assert said == "stored\n"
    assert f"<{folder}>" in trace
    assert f"<{folder.parent}>" in trace


def _traced_upload(root: Path, *options: str) -> tuple[str, str]:
    """Return the output of an upload, and the calls by which it brought files to the disk."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace sees calls and makes them fail, and is not installed")
    trace = root.with_name("trace")
    tracing = [strace, "-f", "-y", "-qq", "-e", "trace=fsync", *options, "-o", str(trace)]
    done = subprocess.run(
        [*tracing, sys.executable, "-c", UPLOAD, str(root)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        check=False,
    )
    if "ptrace" in done.stderr:
        pytest.skip("processes may not be traced here")
    assert done.returncode == 0, done.stderr
    return done.stdout, trace.read_text()
