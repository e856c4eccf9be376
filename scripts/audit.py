"""Writes build/sbom.cdx.json, and asks for known vulnerabilities of what it lists.

python scripts/audit.py PROGRAMS PYTHON     of an environment, by cyclonedx-py and pip-audit

Exits with 1 if the SBOM is not valid CycloneDX or not complete, if a vulnerability is known that
`ACCEPTED` gives no reason for, and if the package index does not tell.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SBOM = ROOT / "build" / "sbom.cdx.json"
OURS = "drum-like"
"""A distribution that no index needs to have."""

ACCEPTED: Mapping[str, str] = MappingProxyType({})
"""Ids of known vulnerabilities that do not concern a server, and why."""

_CODE = "import sysconfig; print(sysconfig.get_path('purelib'))"


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the environment, as pip-audit reports on it.

    Attributes:
        name: As an index spells it.
        version: Empty if nothing is known.
        unknown: Why nothing is known; empty if something is.
        vulnerabilities: Each with the versions that mend it, by its id.
    """

    name: str
    version: str
    unknown: str
    vulnerabilities: Mapping[str, tuple[str, ...]]


def packages(report: str) -> tuple[Package, ...]:
    """Read the report of pip-audit in JSON; our own distribution is left out."""
    found = [_package(one) for one in json.loads(report)["dependencies"]]
    return tuple(one for one in found if one.name != OURS)


def _package(said: Mapping[str, Any]) -> Package:
    known = {one["id"]: tuple(one["fix_versions"]) for one in said.get("vulns", ())}
    version, unknown = said.get("version", ""), said.get("skip_reason", "")
    return Package(canonical(said["name"]), version, unknown, known)


def canonical(name: str) -> str:
    """Return the name of a package as an index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def complaints(found: Sequence[Package], accepted: Mapping[str, str] = ACCEPTED) -> list[str]:
    """Return a line for each vulnerability without a reason, and one if the index does not tell."""
    lines = [
        f"{one.name} {one.version} has {name}, mended in {', '.join(versions) or 'no version'}"
        for one in found
        for name, versions in one.vulnerabilities.items()
        if name not in accepted
    ]
    unknown = [one for one in found if one.unknown]
    if unknown:
        lines.append(
            f"the package index does not tell whether vulnerabilities of {len(unknown)} of "
            f"{len(found)} packages are known: {unknown[0].unknown}"
        )
    return lines


def missing(found: Sequence[Package], sbom: str) -> list[str]:
    """Return a line for each package that the SBOM does not list."""
    listed = {canonical(one["name"]) for one in json.loads(sbom)["components"]}
    return [f"{SBOM.name} does not list {one.name}" for one in found if one.name not in listed]


def write_sbom(programs: Path, python: Path) -> None:
    """Write the SBOM of an environment, once it has been compared with the schema of CycloneDX.

    Raises:
        subprocess.CalledProcessError: it is not valid.
    """
    flags = ["--validate", "--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml")]
    command = [str(programs / "cyclonedx-py"), "environment", str(python), *flags]
    SBOM.parent.mkdir(exist_ok=True)
    subprocess.run([*command, "--output-file", str(SBOM)], check=True)  # noqa: S603


def asked(programs: Path, python: Path) -> str:
    """Return the report of pip-audit about an environment.

    Raises:
        subprocess.CalledProcessError: it makes none, which its own words explain.
    """
    place = subprocess.run([str(python), "-c", _CODE], capture_output=True, text=True, check=True)  # noqa: S603
    flags = ["--progress-spinner", "off", "--desc", "off", "--format", "json"]
    command = [str(programs / "pip-audit"), *flags, "--path", place.stdout.strip()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if not done.stdout:  # the exit code is 1 where it has found something, too
        sys.stderr.write(done.stderr)
        done.check_returncode()
    return done.stdout


def main() -> int:
    """Write the SBOM, ask, and print what is wrong; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("programs", type=Path, help="folder of cyclonedx-py and pip-audit")
    parser.add_argument("python", type=Path, help="interpreter of the environment")
    flags = parser.parse_args()
    write_sbom(flags.programs, flags.python)
    sbom = SBOM.read_text("utf-8")
    said = json.loads(sbom)
    n_listed = len(said["components"])
    print(f"{SBOM.name}: valid CycloneDX {said['specVersion']}, {n_listed} packages")
    found = packages(asked(flags.programs, flags.python))
    for name, reason in ACCEPTED.items():
        print(f"accepted: {name}: {reason}")
    wrong = [*missing(found, sbom), *complaints(found)]
    print("\n".join(wrong) or f"no vulnerability of {len(found)} packages is known")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
