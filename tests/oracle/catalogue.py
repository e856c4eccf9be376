"""All cases: importing this module registers them."""

from importlib import import_module
from pathlib import Path

from tests.oracle.case import CASES

for _path in sorted((Path(__file__).parent / "cases").glob("*.py")):
    import_module(f"tests.oracle.cases.{_path.stem}")

__all__ = ["CASES"]
