"""docs/cli.md is what the code declares."""

import subprocess
import sys
from pathlib import Path

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
