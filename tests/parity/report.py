"""The harness's output: a line per case, the failures, and the table."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.parity.values import Answer, Finished, Request

SHOWN_BODY = 600
SHOWN_OUTPUT = 1500


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one comparison: equal, a known difference, or a failure with its text."""

    name: str
    difference: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class CaseReport:
    """The outcomes of one case."""

    name: str
    verdicts: tuple[Verdict, ...]

    def failures(self) -> list[Verdict]:
        """Return the outcomes that are neither equal nor a known difference."""
        return [verdict for verdict in self.verdicts if verdict.failure is not None]

    def differences(self) -> Counter[str]:
        """Return the number of times that each known difference showed."""
        return Counter(x.difference for x in self.verdicts if x.difference is not None)

    def equal(self) -> int:
        """Return the number of comparisons that were equal."""
        return len(self.verdicts) - len(self.failures()) - self.differences().total()


def show_failures(report: CaseReport) -> str:
    """Return the failures of a case, each with both answers."""
    blocks = (
        f"--- {report.name} / {verdict.name}\n{verdict.failure}" for verdict in report.failures()
    )
    return "\n".join(blocks)


def show_request(request: Request) -> str:
    """Return one line for a request."""
    headers = ", ".join(f"{name}: {value}" for name, value in request.headers)
    return f"{request.method} {request.path} [{headers}] {_short(request.body)}"


def show_answer(answer: Answer) -> str:
    """Return one line for an answer."""
    return f"{answer.status} {answer.header('content-type')} {_short(answer.body)}"


def show_finished(finished: Finished) -> str:
    """Return a command's exit code, its files and the end of what it printed."""
    names = [name for name, _ in finished.files]
    outcome = "serving" if finished.serving else f"exit code {finished.exit_code}"
    return f"{outcome}, files {names}\n{without_frames(finished.said)[-SHOWN_OUTPUT:]}"


def without_frames(text: str) -> str:
    """Return a log without the frames of its tracebacks: they quote the program's source."""
    return re.sub(r"(?m)^  File \".*\n(?:    .*\n)*", "", text)


def _short(body: bytes) -> str:
    cut = f" … {len(body)} bytes" if len(body) > SHOWN_BODY else ""
    return f"{body[:SHOWN_BODY]!r}{cut}"


def progress_line(report: CaseReport, seconds: float) -> str:
    """Return the line that is printed when a case is done."""
    failed = len(report.failures())
    outcome = f"{failed} FAILED" if failed else "ok"
    return f"{report.name}: {outcome} ({len(report.verdicts)} compared, {seconds:.1f} s)"


INTRODUCTION = """# Parity

Written by `make parity`, which sends the same requests to servers of other products and to
drum-like. Statuses, JSON, and the headers that clients read are compared. Differences are counted
by their id in the pages that explain them; anything else fails.
"""
"""The text before the first section in the documentation."""


@dataclass(frozen=True, slots=True)
class Section:
    """The part of the page that is about one product.

    Attributes:
        title: Its heading.
        text: What was compared.
        reports: The outcomes, case by case.
    """

    title: str
    text: str
    reports: tuple[CaseReport, ...]

    def __str__(self) -> str:
        """Return the section as Markdown."""
        return f"## {self.title}\n\n{self.text}\n\n{markdown_table(self.reports)}"

    def summary(self) -> str:
        """Return one line: the requests compared, the differences by their id, the failures."""
        verdicts = tuple(verdict for report in self.reports for verdict in report.verdicts)
        every = CaseReport(self.title, verdicts)
        counts = f"{len(verdicts)} compared, {every.equal()} equal, {len(every.failures())} failed"
        return f"{self.title}: {counts}; differences: {_counted(every)}"


def page_with(page: str, sections: Sequence[Section], order: Sequence[str]) -> str:
    """Return a page with these sections in place of those of their titles.

    Args:
        page: The page so far, empty at first.
        sections: The new ones.
        order: All titles that the page may have, in their order.
    """
    kept = {part.partition("\n")[0]: f"## {part}" for part in re.split(r"(?m)^## ", page)[1:]}
    parts = kept | {section.title: str(section) for section in sections}
    found = [parts[title].strip() for title in order if title in parts]
    return "\n\n".join([INTRODUCTION.strip(), *found]) + "\n"


def markdown_table(reports: Sequence[CaseReport]) -> str:
    """Return the table of all cases, with a line of sums at its end."""
    lines = [
        "| case | compared | equal | differences on purpose | failures |",
        "|---|---:|---:|---|---:|",
    ]
    lines += [_table_line(report) for report in reports]
    verdicts = tuple(verdict for report in reports for verdict in report.verdicts)
    lines.append(_table_line(CaseReport(f"all {len(reports)} cases", verdicts)))
    return "\n".join(lines) + "\n"


def _table_line(report: CaseReport) -> str:
    return (
        f"| {report.name} | {len(report.verdicts)} | {report.equal()} | {_counted(report)} "
        f"| {len(report.failures())} |"
    )


def _counted(report: CaseReport) -> str:
    counted = sorted(report.differences().items())
    return ", ".join(f"{name} × {count}" for name, count in counted) or "–"  # noqa: RUF001 - typography
