"""The oldest versions that `make oracle-oldest` installs are those that pyproject.toml allows."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
EXTRAS = ("lightgbm", "onnx", "sklearn", "xgboost", "xgboost-cpu")


def requirements(lines: list[str], operator: str) -> dict[str, Version]:
    """Return the version that stands behind an operator, by package."""
    read = [Requirement(line) for line in lines]
    return {
        one.name: Version(found.version)
        for one in read
        for found in one.specifier
        if found.operator == operator
    }


def test_pins_are_the_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    text = (ROOT / "tests/oracle/oldest.txt").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if not line.startswith("#")]

    bounds = requirements([*project["dependencies"], *extras], ">=")

    assert requirements(pins, "==") == bounds
