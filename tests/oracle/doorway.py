"""Everything that is asked through one door about one model file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.oracle.answers import Answer, Answered, Refused, Told
from tests.oracle.case import Case, Random
from tests.oracle.doors import Door, Sent
from tests.oracle.mutants import Mutant
from tests.oracle.places import Request, each_alone, far_request, in_brief, requests_of
from tests.oracle.pool import Pool
from tests.oracle.rows import Row, value_of
from tests.oracle.verdict import Finding, Tally, expected_of, is_right
from tests.oracle.wire import Wire

MOST_TEXT = 300
TWINS = frozenset({".joblib", ".ubj"})
"""Files that hold what another file holds, too; they are asked less."""


@dataclass(slots=True)
class Doorway:
    """A door of a served model, with what was found out there.

    Attributes:
        case: The case.
        pool: Its rows.
        tally: The counts.
        own_width: Whether answers are in the model's own width.
        findings: What was not right.
    """

    case: Case
    pool: Pool
    tally: Tally
    own_width: bool = False
    findings: list[Finding] = field(default_factory=list)
    _first: dict[int, Told] = field(default_factory=dict)

    def judge(self, request: Request, answer: Answer) -> None:
        """Compare the answer to a request with the library's."""
        if isinstance(answer, Answered) and len(answer.rows) == request.repeat + len(request.rows):
            for row, got in zip(request.rows, answer.rows[request.repeat :], strict=True):
                self._judge_row(request, row, got)
            return
        if isinstance(answer, Answered):
            answer = Refused(200, f"{len(answer.rows)} answers to {len(request.rows)} rows")
        self._count_refusal(request, answer)

    def _judge_row(self, request: Request, row: int, got: Told) -> None:
        expected = expected_of(self.pool, self.case.target, row)
        self.tally.compared += 1
        self.tally.answered.add(row)
        self.tally.moved |= self._first.setdefault(row, got) != got
        if is_right(self.pool, expected, got, own_width=self.own_width):
            if request.place == "alone":
                self.tally.right_alone.add(row)
        else:
            self.tally.wrong += 1
            self._add(request, row, json.dumps(got), "wrong")

    def _count_refusal(self, request: Request, refused: Refused) -> None:
        self.tally.compared += len(request.rows)
        failed = refused.status < 400 or refused.status >= 500
        if failed:
            self.tally.failed += len(request.rows)
        else:
            self.tally.refused += len(request.rows)
        reason = f"{refused.status} {refused.reason}"
        self._add(request, request.rows[0], reason, "failed" if failed else "refused")

    def _add(self, request: Request, row: int, got: str, outcome: str) -> None:
        odd = next((self.pool.odd[at] for at in request.rows if at in self.pool.odd), "")
        record = as_record(self.pool, self.pool.rows[row])
        expected = json.dumps(expected_of(self.pool, self.case.target, row))
        where = (self.tally.case, self.tally.file, self.tally.door, request.place)
        kind = "by-neighbours" if row in self.tally.right_alone else ""
        found = Finding(*where, odd, record, expected, got[:MOST_TEXT], outcome, kind)
        self.findings.append(found)


def as_record(pool: Pool, row: Row) -> str:
    """Return a row as JSON."""
    cells = [value_of(cell) for cell in row]
    return json.dumps(dict(zip(pool.columns.names, cells, strict=True)), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to a door.

    Attributes:
        door: The door.
        wire: The connection.
        model: The name of the model.
        mutant: Breaks rows on their way.
        known_as: What the server calls the columns of a model that has no names for them.
    """

    door: Door
    wire: Wire
    model: str
    mutant: Mutant | None = None
    known_as: tuple[str, ...] = ()


def visit(visit: Visit, doorway: Doorway, rng: Random) -> None:
    """Send all requests about a case through a door."""
    case, pool, door = doorway.case, doorway.pool, visit.door
    if door.by_name and not case.named:
        return
    taken = [at for at, row in enumerate(pool.rows) if door.takes(pool.columns, row)]
    if door.alone:
        requests = each_alone(pool, taken)
    else:
        requests = requests_of(pool, taken, rng, named=case.named)
        if door.brief or doorway.tally.file in TWINS:
            requests = in_brief(pool, requests)
    if case.far and doorway.tally.door == "csv":
        requests.append(far_request(pool, pool.usual))
    for request in requests:
        doorway.judge(request, asked(visit, doorway, request))


def asked(visit: Visit, doorway: Doorway, request: Request) -> Answer:
    """Send a request through a door, and return what was answered."""
    pool = doorway.pool
    rows: Sequence[Row] = [pool.rows[at] for at in request.rows]
    if request.repeat:
        rows = [rows[0]] * request.repeat + list(rows)
    if visit.mutant is not None:
        rows = visit.mutant(pool.columns, rows)
    sent = Sent(pool.columns, rows, request.order, visit.model, visit.known_as)
    try:
        return visit.door.send(visit.wire, doorway.case, sent)
    except OSError as error:
        return Refused(0, type(error).__name__)
