"""Two trees beside each other: the verdict's arithmetic, and that each serves its own source."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.against import CONTROL, NEW, OLD, doors, order
from benchmarks.comparison import Comparison, Wish, table
from benchmarks.servers import clean_environment
from benchmarks.trees import ROOT, TreeError, install_commit, install_working_tree

STILL = (1.0, 1.0, 1.0)
PROBE = """
import drum_like.cli
import drum_like_predictors
from importlib.metadata import distribution, entry_points

print(drum_like.cli.__file__, *drum_like_predictors.__path__, distribution("drum-like")._path)
print(len(entry_points(group="drum_like.contracts")))
"""


@pytest.mark.parametrize(
    ("new", "control", "holds"),
    [
        pytest.param((1.02, 1.03, 1.05), STILL, True, id="at-the-bound"),
        pytest.param((1.02, 1.04, 1.05), STILL, False, id="above-it"),
        pytest.param((0.9, 0.8, 2.0), STILL, True, id="cheaper"),
        pytest.param((1.04, 1.04, 1.04), (1.02, 0.98, 1.0), True, id="within-the-noise"),
        pytest.param((1.04, 1.04, 1.04), (1.3, 1.0, 1.0), False, id="one-odd-round-is-no-noise"),
    ],
)
def test_a_median_passes_within_the_percentage_and_the_controls_spread(
    new: tuple[float, ...], control: tuple[float, ...], *, holds: bool
) -> None:
    assert Comparison("door", new, control).holds(3) is holds


def test_the_table_gives_ratios_and_verdicts() -> None:
    found = [
        Comparison("one row", (1.0, 1.01, 1.02), (1.0, 1.01, 0.99)),
        Comparison("many rows", (1.1, 1.2, 1.3), STILL),
    ]

    lines = table(found, Wish("v1", within=2)).splitlines()

    assert lines[2:] == [
        "| one row | **1.010** (1.000 to 1.020; 3) | 0.011 | 1.031 | yes |",
        "| many rows | **1.200** (1.100 to 1.300; 3) | 0.000 | 1.020 | no |",
    ]


def test_every_server_comes_first_as_often_as_the_others() -> None:
    assert sorted(order(number)[0] for number in range(3)) == sorted((OLD, NEW, CONTROL))
    assert {frozenset(order(number)) for number in range(3)} == {frozenset((OLD, NEW, CONTROL))}


def test_the_requests_name_their_rows() -> None:
    rows = {door.name: door.request.body.count(b"\n") for door in doors()}

    assert rows["1 row CSV, /predict/"] == 2
    assert rows["1,000 rows CSV, /predict/"] == 1001


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_a_tree_is_used_in_place_of_the_one_that_is_installed(tmp_path: Path) -> None:
    """Core, predictors and the list of plugins."""
    for folder in (
        install_commit("HEAD", tmp_path / "old"),
        install_working_tree(tmp_path / "new"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", PROBE],
            cwd=tmp_path,
            env=clean_environment() | {"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=True,
        )

        places, contracts = done.stdout.splitlines()
        assert all(place.startswith(str(folder)) for place in places.split())
        assert int(contracts) > 1


@pytest.mark.parametrize("commit", ["no-such-commit", "--output=x", ""])
def test_what_is_no_commit_is_said(tmp_path: Path, commit: str) -> None:
    with pytest.raises(TreeError):
        install_commit(commit, tmp_path)
