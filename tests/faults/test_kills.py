"""Nothing is lost: a process that changes a store is killed at random moments."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drum_like.store.location import Place
from drum_like.store.store import Store, open_store
from tests.faults.scale import scaled
from tests.support.serving import environment
from tests.support.stores import DATABASES, files_of, place_on

KILLS = scaled(5, 200)
LONGEST_S = 0.4
ROOT = Path(__file__).parents[2]


@dataclass
class Acknowledged:
    """Writes that the store has confirmed.

    Attributes:
        versions: Digests by id.
        configs: Ids.
        aliases: Versions by model.
    """

    versions: dict[int, str] = field(default_factory=dict)
    configs: set[int] = field(default_factory=set)
    aliases: dict[int, int] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        """Take note of a line of the stress program."""
        what, *about = line.split()
        if what == "version":
            self.versions[int(about[0])] = about[1]
        elif what == "config":
            self.configs.add(int(about[0]))
        elif what == "alias":
            self.aliases[int(about[0])] = int(about[1])


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


def test_a_killed_process_loses_nothing_and_leaves_nothing_half(place: Place) -> None:
    chance, known = random.Random(4), Acknowledged()
    seen: set[int] = set()

    for number in range(KILLS):
        before = len(known.versions)
        _killed_after(place, number, chance.uniform(0, LONGEST_S), known)
        with closing(open_store(place)) as store:
            _check(store, known, seen, kills=number + 1)
        assert number or len(known.versions) > before, "nothing was stored before the kill"

    with closing(open_store(place)) as store:
        store.sweep(older_than_s=0)
        digests = {version.sha256 for version in store.versions.search("m", limit=1 << 30)}
        assert files_of(place.root) == sorted(f"blobs/{one[:2]}/{one}" for one in digests)


def _killed_after(place: Place, seed: int, wait_s: float, known: Acknowledged) -> None:
    """Run the stress program, kill it some time after it has begun, hear what it said."""
    command = [sys.executable, "-m", "tests.faults.stress"]
    arguments = [str(place.root), place.url or "-", str(seed)]
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, cwd=ROOT, env=environment(), text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open \n"
    if not seed:
        known.hear(process.stdout.readline())
    time.sleep(wait_s)
    process.kill()
    for line in process.stdout.read().splitlines():
        known.hear(line)
    process.stdout.close()
    process.wait()


def _check(store: Store, known: Acknowledged, seen: set[int], kills: int) -> None:
    """Compare a store with what it has acknowledged; look closely at what was not seen before.

    A process can be killed between the commit and the acknowledgement: one version a kill may be
    there that nobody was told about. It is whole.
    """
    trees = store.models.trees(1)
    found = {version.id: (version, config) for tree in trees for version, config in tree.versions}
    assert {id_: found[id_][0].sha256 for id_ in known.versions} == known.versions
    assert len(found) - len(known.versions) <= kills
    for version, config in found.values():
        assert config is not None
        assert store.files.blob(version.sha256).stat().st_size == version.size
    for version_id in found.keys() - seen:
        store.files.check(found[version_id][0].sha256)
        assert store.logs.of_version(version_id)
    newest = {config.id for _, config in found.values() if config is not None}
    assert known.configs <= newest
    for model_id, version_id in known.aliases.items():
        assert store.aliases.of_model(model_id)["live"] >= version_id
    seen |= found.keys()
