"""The division of the tests among the workers of pytest-xdist."""

from pathlib import Path

import pytest

from tests.support.lanes import WAITING, unit

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("tests/live/test_stop.py::a", "tests/live/test_faults.py::b", True),
        ("tests/live/test_stop.py::a", "tests/faults/test_kills.py::b", False),
        ("tests/codecs/test_csv.py::a[1]", "tests/codecs/test_csv.py::b", True),
        ("tests/codecs/test_csv.py::a", "tests/codecs/test_mtx.py::a", False),
        ("tests/docs/test_commands.py::a[README.md]", "tests/docs/test_commands.py::a[x]", False),
    ],
    ids=["waiting", "folders", "file", "files", "pages"],
)
def test_what_is_run_by_one_worker(one: str, other: str, *, together: bool) -> None:
    assert (unit(one) == unit(other)) is together


@pytest.mark.parametrize("folder", WAITING)
def test_the_folders_of_the_waiting_lanes_are_there(folder: str) -> None:
    assert list((TOP / folder).glob("test_*.py"))
