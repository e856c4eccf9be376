"""An environment for interpreters whose coverage is not measured."""

import os


def unmeasured() -> dict[str, str]:
    """Return this environment without what makes coverage start in a child."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
