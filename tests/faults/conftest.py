"""Figures that tests of faults measure, told at the end of a run."""

from collections.abc import Callable

import pytest

FIGURES = pytest.StashKey[list[str]]()

Tell = Callable[[str], None]
"""Takes a line for the summary."""


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    lines = request.config.stash.setdefault(FIGURES, [])
    name = request.node.name

    def note(text: str) -> None:
        lines.append(f"{name}: {text}")

    return note


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Write the lines."""
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("figures")
    for line in lines:
        terminalreporter.write_line(line)
