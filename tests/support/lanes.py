"""Lanes of tests: two for those that wait, others for those that compute.

pytest-xdist gives whole files to its workers. The files of a folder that wait or measure are one
unit of work: one worker runs them one after another, beside the workers that compute.
"""

import os
from collections.abc import Iterable

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

WAITING = ("tests/live/", "tests/faults/")
"""Folders whose tests wait for most of their time, or measure: one test of each at a time."""

_PAGES = "tests/docs/test_commands.py"
_LONGEST = (
    *WAITING,
    "tests/docs/",
    "tests/contracts/",
    "tests/seeds/",
    "tests/templates/",
    "tests/predictors/",
)


class Lanes(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """A scheduler that gives out files: those that wait by folder, the documentation by page."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def unit(nodeid: str) -> str:
    """Return the name of the unit of work that a test belongs to."""
    if nodeid.startswith(WAITING):
        return next(folder for folder in WAITING if nodeid.startswith(folder))
    return nodeid if nodeid.startswith(_PAGES) else nodeid.partition("::")[0]


def workers() -> int:
    """Return the number of workers: one a CPU, and one as some tests wait."""
    return (os.cpu_count() or 1) + 1


def longest_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with long units in front, so that none is left alone at the end."""
    return sorted(items, key=lambda item: _rank(item.nodeid))


def scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Return a scheduler that keeps the order of the tests."""
    config.option.loadscopereorder = False
    return Lanes(config, log)


def _rank(nodeid: str) -> int:
    starts = enumerate(_LONGEST)
    return next((at for at, start in starts if nodeid.startswith(start)), len(_LONGEST))
