"""The generated part of docs/one-answer.md."""

import re
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import xgboost

from tests.oracle.verdict import CaseReport, Tally

BEGIN, END = "<!-- generated: oracle -->", "<!-- end: oracle -->"
MOST_REASONS = 40


def table(reports: Sequence[CaseReport]) -> str:
    """Return the table of all models and doors: answers compared, and those that differ."""
    doors = list(dict.fromkeys(tally.door for report in reports for tally in report.tallies))
    lines = [
        f"| model | files | equal | {' | '.join(doors)} | refused |",
        f"|---|---|---|{'---:|' * (len(doors) + 1)}",
    ]
    lines += [_line(report, doors) for report in reports]
    return "\n".join([*lines, ""])


def _line(report: CaseReport, doors: Sequence[str]) -> str:
    cells = [_cell([t for t in report.tallies if t.door == door]) for door in doors]
    files = " ".join(dict.fromkeys(tally.file for tally in report.tallies)) or "refused at start"
    refused = sum(tally.refused for tally in report.tallies)
    equal = "bits" if report.exact else "bound"
    return f"| {report.name} | {files} | {equal} | {' | '.join(cells)} | {refused} |"


def _cell(tallies: Sequence[Tally]) -> str:
    if not tallies:
        return "–"  # noqa: RUF001 - typography
    compared = sum(tally.compared for tally in tallies)
    differences = sum(tally.differences for tally in tallies)
    return f"{compared}, **{differences} differ**" if differences else str(compared)


def bounded(reports: Sequence[CaseReport]) -> str:
    """Return the models whose answers are compared within a bound, with the reason."""
    lines = ["| model | why | the server's own bits |", "|---|---|---|"]
    for report in reports:
        if not report.exact and report.tallies:
            why = report.why_bound or "the library's bits depend on the batch"
            moved = any(tally.moved for tally in report.tallies)
            kept = "depend on the batch" if moved else "are the same in every request"
            lines.append(f"| {report.name} | {why} | {kept} |")
    return "\n".join([*lines, ""])


def starts(reports: Sequence[CaseReport]) -> str:
    """Return the models that may not be served, with what the server said."""
    lines = ["| refused at the start | what the server said |", "|---|---|"]
    for report in reports:
        for reason in report.refused_start:
            file, _, said = reason.partition(": ")
            lines.append(f"| {report.name} {file} | {_plain(said)} |")
    return "\n".join([*lines, ""])


def reasons(reports: Sequence[CaseReport]) -> str:
    """Return the reasons why rows were refused, the most frequent first."""
    counted = Counter(
        (finding.case, _plain(finding.got))
        for report in reports
        for finding in report.findings
        if finding.outcome == "refused"
    )
    lines = ["| model | refused requests | reason |", "|---|---:|---|"]
    for (name, reason), count in counted.most_common(MOST_REASONS):
        lines.append(f"| {name} | {count} | {reason} |")
    return "\n".join([*lines, ""]) if counted else "No row was refused.\n"


def _plain(text: str) -> str:
    """Return a text as a cell of a table holds it, without the number of a row."""
    return re.sub(r"\brow \d+", "row N", text).replace("|", "\\|").replace("\n", " ")[:200]


def versions() -> str:
    """Return the versions of the libraries that were asked."""
    names = ("pandas", "numpy", "scipy", "pyarrow", "scikit-learn", "lightgbm", "onnxruntime")
    told = [f"{name} {version(name)}" for name in names]
    return f"Python {python_version()}, {', '.join(told)}, xgboost {xgboost.__version__}."


def write_page(page: Path, said: Sequence[str], reports: Sequence[CaseReport]) -> None:
    """Write the generated part of a page, between its two comments; `said` comes first."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    parts = [
        *(f"{line}.\n" for line in said),
        versions(),
        "",
        table(reports),
        bounded(reports),
        starts(reports),
        reasons(reports),
    ]
    body = "\n".join(parts)
    page.write_text(f"{head}{BEGIN}\n{body}{END}{tail}", encoding="utf-8")
