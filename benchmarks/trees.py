"""Installs of this project's own source: of a commit, and of the working tree as it is.

An install is a folder to put first on the import path. Everything else comes from the environment
of this process, the same for all.
"""

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.servers import clean_environment

ROOT = Path(__file__).resolve().parents[1]

PIP_TIMEOUT_S = 300


class TreeError(Exception):
    """There is no such commit, or its source cannot be installed."""


def install_commit(commit: str, folder: Path) -> Path:
    """Install the source of a commit; return the folder for the import path.

    Raises:
        TreeError: there is no such commit, or it does not install.
    """
    if commit.startswith("-"):
        raise TreeError(f"a commit is needed, not the flag {commit}")
    archive = _git("archive", "--format=tar", f"{commit}^{{tree}}")

    def unpack(source: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(source, filter="data")

    return _installed(unpack, folder)


def install_working_tree(folder: Path) -> Path:
    """Install the source as it is, committed or not; return the folder for the import path.

    Raises:
        TreeError: this is not a checkout, or it does not install.
    """
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode()

    def copy(source: Path) -> None:
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, source / name)

    return _installed(copy, folder)


def _installed(write: Callable[[Path], None], folder: Path) -> Path:
    """Install what is written into a directory, without its dependencies."""
    with tempfile.TemporaryDirectory(prefix="bench-source-") as name:
        source = Path(name)
        write(source)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
                *("--disable-pip-version-check", "--no-build-isolation"),
                *("--target", str(folder), str(source)),
            ],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=PIP_TIMEOUT_S,
            check=False,
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["pip failed"]
        raise TreeError(f"the source does not install: {lines[-1]}")
    return folder


def _git(*words: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise TreeError(f"git {words[0]}: {lines[-1]}")
    return done.stdout
