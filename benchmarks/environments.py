"""A virtual environment for each peer, made once."""

import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.peer import Peer
from benchmarks.plan import Say

SHARED = ("lightgbm", "numpy", "onnxruntime", "pandas", "scikit-learn", "scipy", "xgboost")
"""The same versions on all sides; `{name}` in a peer's packages stands for one of them."""

PIP_TIMEOUT_S = 1200


class EnvironmentFailedError(Exception):
    """pip could not install a peer; the message is the last line that it wrote."""


@dataclass(frozen=True, slots=True)
class Environments:
    """The place where the peers are installed.

    Attributes:
        folder: Holds an environment for each peer.
        given: Interpreters of environments that exist already, by the peer's name.
        say: Told what takes long.
    """

    folder: Path
    given: dict[str, Path]
    say: Say

    def python(self, peer: Peer) -> Path:
        """Return the interpreter of a peer's environment, which is made if it is not there.

        Packages come from the index that pip is configured for.

        Raises:
            EnvironmentFailedError: they do not install.
        """
        if not peer.packages:
            return Path(sys.executable)
        if peer.name in self.given:
            return self.given[peer.name]
        return self._made(peer.name, [package.format(**_versions()) for package in peer.packages])

    def _made(self, name: str, packages: list[str]) -> Path:
        folder = self.folder / name
        python, stamp = folder / "bin" / "python", folder / "packages"
        wanted = "\n".join(packages)
        if stamp.exists() and stamp.read_text() == wanted:
            return python
        self.say(f"installing {' '.join(packages)}")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *packages]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip failed"]
            raise EnvironmentFailedError(lines[-1])
        stamp.write_text(wanted)
        return python


def installed(python: Path, package: str) -> str:
    """Return the version of a package in an environment, "" where it is not installed."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _versions() -> dict[str, str]:
    return {name.replace("-", "_"): _version(name) for name in SHARED}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return version(f"{name}-cpu")
