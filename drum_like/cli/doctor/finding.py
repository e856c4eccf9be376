"""A finding of `drum-like doctor`: a fault of a model directory, and its fix."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """Weight of a finding."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a model directory, and its fix.

    Attributes:
        code: Short name of the kind of fault, for programs.
        severity: Its weight: with an error the directory is not served, or answers wrongly.
        found: The fault, in a sentence; names files, columns and lines, never cells.
        fix: The remedy: a command, or an edit; the lines after the first one are lines of a file.
    """

    code: str
    severity: Severity
    found: str
    fix: str


def error(code: str, found: str, fix: str) -> Finding:
    """Return a finding for which the directory is not served, or answers wrongly."""
    return Finding(code, Severity.ERROR, _one_line(found), fix)


def warning(code: str, found: str, fix: str) -> Finding:
    """Return a finding that may make answers differ."""
    return Finding(code, Severity.WARNING, _one_line(found), fix)


def advice(code: str, found: str, fix: str) -> Finding:
    """Return a finding about something that could be better."""
    return Finding(code, Severity.ADVICE, _one_line(found), fix)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The settings that suit a model and this machine.

    Attributes:
        workers: For --max-workers.
        threads: For --threads.
        memory_mb: Memory that a server with these workers takes, in MiB.
    """

    workers: int
    threads: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of an examination.

    Attributes:
        findings: The faults, errors first.
        doors: Names of the doors whose answers were compared.
        suggestion: Settings for a server; None for a model that does not load.
    """

    findings: tuple[Finding, ...]
    doors: tuple[str, ...] = ()
    suggestion: Suggestion | None = None

    @property
    def has_errors(self) -> bool:
        """Whether a finding is an error."""
        return any(one.severity is Severity.ERROR for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON: `ok`, `findings`, `doors`, `suggestion`."""
        return {
            "ok": not self.has_errors,
            "findings": [asdict(one) for one in self.findings],
            "doors": list(self.doors),
            "suggestion": None if self.suggestion is None else asdict(self.suggestion),
        }

    def as_text(self) -> str:
        """Return the result as lines for people."""
        lines = [line for one in self.findings for line in _lines(one)]
        if not self.findings:
            lines.append("no faults found")
        if self.doors:
            lines.append(f"doors compared: {', '.join(self.doors)}")
        if self.suggestion is not None:
            lines.append(_serve_line(self.suggestion))
        return "\n".join(lines)


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings once each, errors first, else in their order."""
    weights = list(Severity)
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: weights.index(one.severity)))


def _lines(one: Finding) -> list[str]:
    first, *more = one.fix.splitlines()
    head = f"{one.severity.value}: {one.found} [{one.code}]"
    return [head, f"  fix: {first}", *(f"       {line}" for line in more)]


def _serve_line(found: Suggestion) -> str:
    flags = f"--max-workers {found.workers} --threads {found.threads}"
    return f"suggested for this machine: {flags}, with {found.memory_mb} MiB of memory"


def _one_line(text: str) -> str:
    return " ".join(text.split())
