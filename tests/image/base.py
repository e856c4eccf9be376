"""A root that stands for the image that the Dockerfile begins with.

The image itself is in a registry of images. It is Debian's smallest system with CPython in
/usr/local; here Debian's own CPython of the same version is found under the same names. The release
that has it is Debian 12.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.image.dockerfile import ImageError

IMAGE = "python:3.11-slim"
"""The one image that has a stand-in."""

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
)
"""Variables that the image brings."""

_RELEASE = "bookworm"
_PYTHON = ("python3", "python3-distutils", "python3-pip", "python3-venv")
_OTHERS = ("ca-certificates", "netbase", "tzdata")
_LINKS: Mapping[str, str] = MappingProxyType(
    {"python": "python3.11", "python3": "python3.11", "pip": "pip3", "pip3": "pip3"}
)
_APT = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
"""
"""As images of Debian have it: what apt has fetched does not stay in a layer."""

_LEFT_OUT = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
_EMPTIED = ("var/cache/apt", "var/lib/apt/lists", "var/log")


def make(root: Path, kept: Path, log: Path) -> None:
    """Make the stand-in.

    Args:
        root: A folder that is not there yet.
        kept: Where Debian's packages lie, and those that are missing are put.
        log: Takes what is said meanwhile.

    Raises:
        ImageError: Debian's packages are not to be had; with the last lines of the log.
    """
    kept.mkdir(parents=True, exist_ok=True)
    packages = ",".join((*_PYTHON, *_OTHERS))
    flags = ["--variant=minbase", f"--cache-dir={kept}", f"--include={packages}"]
    with log.open("wb") as output:
        # What it mounts below the root goes with its namespace.
        command = ["unshare", "--mount", "debootstrap", *flags, _RELEASE, str(root)]
        done = subprocess.run(command, stdout=output, stderr=output, check=False)
    if done.returncode:
        raise ImageError("\n".join(["debootstrap fails:", *log.read_text().splitlines()[-20:]]))
    _trim(root)
    _name_python(root)


def _trim(root: Path) -> None:
    """Take away what images of Debian leave out, and have apt leave nothing behind."""
    (root / "etc/apt/apt.conf.d/docker-clean").write_text(_APT)
    for name in _LEFT_OUT:
        shutil.rmtree(root / name)
    for name in _EMPTIED:
        for path in (root / name).rglob("*"):
            if path.is_file():
                path.unlink()
    (root / "etc/hosts").touch()


def _name_python(root: Path) -> None:
    """Give Python and pip the names that they have in the image; packages may be installed."""
    for name, program in _LINKS.items():
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{program}")
    (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
