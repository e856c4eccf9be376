"""The tests' share of the CPUs, and the files that took the longest."""

import gc
import os
from collections import defaultdict
from typing import Any

import pytest

SLOWEST = 10

# Several processes train models at a time. Idle threads of OpenMP must not spin then, as in a
# server; OpenMP reads this when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A child has none of this process's threads. Where it collected garbage, it would wait for those of
# ONNX sessions that other tests have left.
os.register_at_fork(before=gc.disable, after_in_parent=gc.enable)


# Not every environment has pytest-xdist: those of tests/clients have not.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for `-n auto`."""
    from tests.support.lanes import workers

    return workers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Return the scheduler of the tests."""
    from tests.support.lanes import scheduler

    return scheduler(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long tests in front where workers share them."""
    if hasattr(config, "workerinput"):
        from tests.support.lanes import longest_first

        items[:] = longest_first(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the slowest files, with the set-up and the tear-down of their tests."""
    seconds = defaultdict[str, float](float)
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for report in reports:
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    if len(seconds) < 2:
        return
    terminalreporter.section("slowest files")
    for name in sorted(seconds, key=seconds.__getitem__, reverse=True)[:SLOWEST]:
        terminalreporter.write_line(f"{seconds[name]:7.1f} s  {name}")
