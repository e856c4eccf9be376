"""docs/cli.md and the metrics of docs/operations.md are what the code declares."""

import subprocess
import sys
from pathlib import Path

from drum_like.system.metrics import METRICS

ROOT = Path(__file__).resolve().parents[2]


def test_generated_reference_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "references.py"), "--check"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout) == (0, "")


def test_reference_has_every_generated_part() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()

    for part in ("verbs", "settings", "runtime-parameters", "inert-flags"):
        assert page.count(f"<!-- generated: {part} -->\n|") == 1
        assert page.count(f"|\n<!-- end: {part} -->") == 1


def test_operations_have_every_generated_part() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()

    for part in ("probes", "log-fields", "exit-codes", "metrics"):
        assert page.count(f"<!-- generated: {part} -->\n|") == 1
        assert page.count(f"|\n<!-- end: {part} -->") == 1


def test_operations_list_every_metric() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    _, _, rest = page.partition("<!-- generated: metrics -->\n")
    table, _, _ = rest.partition("<!-- end: metrics -->")

    rows = [line.split("|")[1].strip(" `") for line in table.splitlines()[2:]]

    assert [name.removesuffix("_total") for name in rows] == [one.name for one in METRICS]
    assert all(line.count("|") == 5 for line in table.splitlines())
