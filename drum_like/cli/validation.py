"""`drum-like validation`: check that a model scores a file, also with empty columns."""

import csv
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from io import StringIO

from drum_like.cli import tables
from drum_like.cli.input_file import input_path, is_csv, template, unstructured_answer
from drum_like.config.file_settings import ValidationSettings
from drum_like.errors import DrumLikeError
from drum_like.inference.loading import open_service
from drum_like.inference.service import Service
from drum_like.types.payload import Payload
from drum_like.types.target import TargetType

PASSED, FAILED, SKIPPED = "PASSED", "FAILED", "SKIPPED"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: The name of the check.
        faults: The faults found; empty if there are none.
        skipped: Why it was not checked; empty if it was.
    """

    name: str
    faults: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def status(self) -> str:
        """PASSED, FAILED or SKIPPED."""
        if self.skipped:
            return SKIPPED
        return FAILED if self.faults else PASSED


def run(settings: ValidationSettings, _environ: MutableMapping[str, str]) -> int:
    """Run all checks on one loaded model, print a table; return 1 if one failed, else 0.

    Raises:
        LoadError: the model does not load.
    """
    service = open_service(settings.model, settings.load)
    checks = [_basic(settings, service), _nulls(settings, service)]
    tables.print_text(f"\nValidation checks results\n{table(checks)}")
    return int(any(check.faults for check in checks))


def table(checks: list[Check]) -> str:
    """Return results as lines of text: name, status, details."""
    rows = [("Test case", "Status", "Details")]
    for check in checks:
        first, *more = check.faults or (check.skipped,)
        rows.append((check.name, check.status, first))
        rows += [("", "", fault) for fault in more]
    head, *lines = tables.table(rows).splitlines()
    return "\n".join([head, "-" * max(map(len, (head, *lines))), *lines])


def emptied(text: str, column: int) -> str:
    """Return a CSV text with all cells of one column empty, the rest as it was."""
    lines = csv.reader(StringIO(text, newline=""))
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for number, cells in enumerate(lines):
        if number and column < len(cells):
            cells[column] = ""
        writer.writerow(cells)
    return out.getvalue()


def _basic(settings: ValidationSettings, service: Service) -> Check:
    path = input_path(settings)

    def score() -> None:
        if service.target.type is TargetType.UNSTRUCTURED:
            unstructured_answer(settings, service)
        else:
            _score(service, replace(template(settings, path), body=path.read_bytes()))

    return Check("Basic batch prediction", tuple(_fault(score)))


def _nulls(settings: ValidationSettings, service: Service) -> Check:
    """Score the file once a column, with that column empty."""
    path = input_path(settings)
    if service.target.type is TargetType.UNSTRUCTURED or not is_csv(path):
        return Check("Null value imputation", skipped="the input has no columns to empty")
    if service.reads_any_type:
        return Check("Null value imputation", skipped="read_input_data decides how to read")
    payload = template(settings, path)
    faults: list[str] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
        names = next(csv.reader(StringIO(text, newline="")), [])
    except (UnicodeDecodeError, csv.Error):
        return Check("Null value imputation", ("the input is not CSV in UTF-8",))
    for column, name in enumerate(names):
        body = emptied(text, column).encode()

        def score(body: bytes = body) -> None:
            _score(service, replace(payload, body=body))

        faults += [f"{name}: {fault}" for fault in _fault(score)]
    return Check("Null value imputation", tuple(faults))


def _score(service: Service, payload: Payload) -> None:
    if service.target.type is TargetType.TRANSFORM:
        service.transform(payload)
    else:
        service.predict(payload)


def _fault(score: Callable[[], None]) -> Iterator[str]:
    """Yield the message of a failed call."""
    try:
        score()
    except DrumLikeError as error:
        yield " ".join(str(error).split())
