"""The report of a run, printed and written."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tests.oracle.page import table
from tests.oracle.verdict import CaseReport, Finding, Tally

LEAST_ANSWERED = 20
MOST_REFUSED = 0.02


def all_findings(reports: Iterable[CaseReport]) -> list[Finding]:
    """Return the wrong answers, each with a guess at the broken part."""
    return [finding for report in reports for finding in _sorted_out(report)]


def _sorted_out(report: CaseReport) -> list[Finding]:
    """Tell apart what is wrong by the neighbours, by the file, by the door, or always."""
    bad: dict[str, set[str]] = {tally.file: set() for tally in report.tallies}
    for finding in report.findings:
        bad.setdefault(finding.file, set()).add(finding.door)
    doors = {tally.door for tally in report.tallies}
    return [replace(finding, kind=_kind(finding, bad, doors)) for finding in report.findings]


def _kind(finding: Finding, bad: dict[str, set[str]], doors: set[str]) -> str:
    if finding.outcome == "start":
        return "start"
    if finding.outcome == "failed":
        return "failed-unreadable" if finding.got.startswith("200") else "failed-5xx"
    if finding.kind:
        return f"{finding.outcome}-{finding.kind}"
    if not all(bad.values()):
        return f"{finding.outcome}-by-file"
    scope = "always" if bad[finding.file] >= doors else "by-door"
    return f"{finding.outcome}-{scope}"


def show(reports: Sequence[CaseReport]) -> str:
    """Return the text printed at the end: lines to reproduce, the table, the sums."""
    findings = all_findings(reports)
    kinds = Counter(finding.kind for finding in findings)
    lines = [reproduction(finding) for finding in _first_of_each(findings)]
    counted = [f"{count:6} {kind}" for kind, count in kinds.most_common()]
    return "\n".join([*lines, "", table(reports), *counted, "", *complaints(reports)])


def _first_of_each(findings: Sequence[Finding]) -> list[Finding]:
    chosen: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        key = (finding.case, finding.file, finding.kind, finding.door)
        chosen.setdefault(key, finding)
    return list(chosen.values())


def reproduction(finding: Finding) -> str:
    """Return a finding on a line: model, file, door, place, row, expected, got."""
    where = f"{finding.case} {finding.file} {finding.door} {finding.place}"
    odd = f" ({finding.odd})" if finding.odd else ""
    return (
        f"{finding.kind}: {where}{odd} row {finding.row}"
        f" expected {finding.expected} got {finding.got}"
    )


def complaints(reports: Sequence[CaseReport]) -> list[str]:
    """Return the reasons why a run is no success, a line each, after a line of sums."""
    tallies = [tally for report in reports for tally in report.tallies]
    compared = sum(tally.compared for tally in tallies)
    differences = sum(tally.differences for tally in tallies)
    refused = sum(tally.refused for tally in tallies)
    starts = sum(f.outcome == "start" for report in reports for f in report.findings)
    found = f"{differences} differences, {refused} refused, {starts} wrong starts"
    lines = [f"{len(reports)} models, {compared} comparisons: {found}"]
    if differences:
        lines.append(f"FAILED: {differences} answers are not the library's")
    if starts:
        lines.append(f"FAILED: {starts} files are not served, or served although they may not be")
    if refused > MOST_REFUSED * compared:
        lines.append(f"FAILED: {refused / compared:.1%} of the rows were refused")
    lines += [_too_few(tally) for tally in tallies if len(tally.answered) < LEAST_ANSWERED]
    return lines


def _too_few(tally: Tally) -> str:
    where = f"{tally.case} {tally.file} {tally.door}"
    return f"FAILED: {where}: {len(tally.answered)} rows answered, {LEAST_ANSWERED} wanted"


def write_json(path: Path, reports: Sequence[CaseReport]) -> None:
    """Write everything that was not right as JSON."""
    found = [asdict(finding) for finding in all_findings(reports)]
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
