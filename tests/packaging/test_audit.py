"""Verdicts of `make audit` on the reports of its programs."""

import json

from scripts.audit import complaints, missing, packages

KNOWN = {
    "name": "Flask",
    "version": "1.0",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"], "aliases": []},
        {"id": "PYSEC-2", "fix_versions": [], "aliases": []},
    ],
}
CLEAN = {"name": "typing_extensions", "version": "4.0", "vulns": []}
UNKNOWN = {"name": "numpy", "skip_reason": "Dependency not found on PyPI"}
OURS = {"name": "drum_like", "skip_reason": "Dependency not found on PyPI"}


def report(*dependencies: object) -> str:
    """Return a report in the form of pip-audit."""
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_packages_without_known_vulnerabilities_are_no_complaint() -> None:
    assert not complaints(packages(report(CLEAN, OURS)))


def test_each_known_vulnerability_is_a_complaint_with_what_mends_it() -> None:
    assert complaints(packages(report(KNOWN, CLEAN))) == [
        "flask 1.0 has PYSEC-1, mended in 1.1, 2.0",
        "flask 1.0 has PYSEC-2, mended in no version",
    ]


def test_a_vulnerability_with_a_reason_is_accepted() -> None:
    found = packages(report(KNOWN))

    assert complaints(found, {"PYSEC-1": "the server does not call it"}) == [
        "flask 1.0 has PYSEC-2, mended in no version"
    ]


def test_an_index_that_does_not_tell_is_a_complaint() -> None:
    (line,) = complaints(packages(report(UNKNOWN, CLEAN, OURS)))

    assert line == (
        "the package index does not tell whether vulnerabilities of 1 of 2 packages are known: "
        "Dependency not found on PyPI"
    )


def test_every_package_has_to_be_in_the_sbom() -> None:
    sbom = json.dumps({"components": [{"name": "Typing.Extensions"}]})

    assert missing(packages(report(CLEAN, UNKNOWN)), sbom) == ["sbom.cdx.json does not list numpy"]
