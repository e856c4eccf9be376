"""Plugins of somebody else's, built and installed as a page of the documentation prints them."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_FILE = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """Return the files that a page prints, by the name above each."""
    return dict(_FILE.findall((DOCS / page).read_text()))


def write(files: Mapping[str, str], folder: Path) -> Path:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def python(*arguments: str | Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python, with further packages on its path."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=dict(os.environ) if path is None else dict(os.environ) | beside(path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def beside(installed: Path) -> dict[str, str]:
    """Return the environment variable that puts packages beside the program's own."""
    parts = (str(installed), os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(filter(None, parts))}


def install(source: Path, target: Path) -> Path:
    """Install a distribution into a directory, without the network."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    options += ["--disable-pip-version-check", "--target", str(target)]
    done = python("-m", "pip", "install", *options, source)
    assert done.returncode == 0, done.stderr
    return target


def declare(site: Path, name: str, entry_points: str, **modules: str) -> None:
    """Put an installed distribution into a directory of packages."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    for module, text in modules.items():
        (site / f"{module}.py").write_text(text)
