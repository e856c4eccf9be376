"""A case from training to report: each of its files served, each door asked."""

import re
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.oracle import answers
from tests.oracle.answers import Answer, Answered, Refused
from tests.oracle.case import Case
from tests.oracle.catalogue import CASES
from tests.oracle.cells import to_csv
from tests.oracle.doors import DOORS, MODEL
from tests.oracle.doorway import TWINS, Doorway, Visit, visit
from tests.oracle.drawn import Drawer
from tests.oracle.mutants import MUTANTS, Mutant
from tests.oracle.places import Request
from tests.oracle.pool import Pool, pool_of
from tests.oracle.store import upload
from tests.oracle.stored import STORED
from tests.oracle.verdict import CaseReport, Finding, Tally
from tests.oracle.wire import Wire
from tests.support.serving import Server, ServerNotReadyError, run, serve

SCORE = "score"
PATIENCE_S = 300.0
"""Time that a start may take where many other programs run."""
ALL_DOORS = (*DOORS, *STORED, SCORE)
ONE_WORKER = ("--max-workers", "1", "--decision-log", "off", "--logging-level", "error")


@dataclass(frozen=True, slots=True)
class Order:
    """A run of a case.

    Attributes:
        case: Name of the case.
        seed: What rows are drawn with.
        doors: Names of the doors.
        store_url: Address of a server with a store.
        mutant: Name of the way in which rows are broken; empty for none.
        files: The files that are served; all of the case if empty.
        drawn: How many requests hypothesis draws for a door.
    """

    case: str
    seed: int
    doors: tuple[str, ...] = ALL_DOORS
    store_url: str = ""
    mutant: str = ""
    files: tuple[str, ...] = ()
    drawn: int = 0


@dataclass(slots=True)
class _Work:
    """A case while it is run."""

    order: Order
    case: Case
    pool: Pool
    rng: np.random.Generator
    drawer: Drawer
    tallies: list[Tally] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    refused_start: list[str] = field(default_factory=list)

    def doorway(self, file: str, door: str) -> Doorway:
        """Return a door of a file, not yet asked."""
        own_width = door == SCORE or (door in STORED and STORED[door].own_width)
        return Doorway(self.case, self.pool, Tally(self.order.case, file, door), own_width)

    def keep(self, doorway: Doorway) -> None:
        """Keep what was found out at a door."""
        self.tallies.append(doorway.tally)
        self.findings += doorway.findings

    def start_finding(self, file: str, door: str, got: str) -> None:
        """Keep that a file is not served, or served although it may not be."""
        name = self.order.case
        self.findings.append(Finding(name, file, door, "start", "", "", "ready", got, "start"))


def run_order(order: Order) -> CaseReport:
    """Train a case, serve its files, ask through all doors, and report."""
    start = time.monotonic()
    rng = np.random.default_rng([order.seed, zlib.crc32(order.case.encode())])
    case = CASES[order.case](rng)
    pool = pool_of(case, rng)
    work = _Work(order, case, pool, rng, Drawer(case, pool, order.seed, order.drawn))
    with TemporaryDirectory(prefix="oracle-") as folder:
        for suffix in case.files:
            if not order.files or suffix in order.files:
                _run_file(work, Path(folder), suffix)
    kinds = ", ".join(sorted({str(kind) for kind in case.frame.dtypes}))
    return CaseReport(
        order.case,
        case.plugin,
        work.pool.exact,
        case.bound,
        kinds,
        tuple(work.tallies),
        tuple(work.findings),
        tuple(work.refused_start),
        time.monotonic() - start,
    )


def _run_file(work: _Work, folder: Path, suffix: str) -> None:
    directory = folder / suffix[1:] / MODEL
    directory.mkdir(parents=True)
    artifact = directory / f"{MODEL}{suffix}"
    work.case.files[suffix](artifact)
    if work.case.metadata:
        (directory / "model-metadata.yaml").write_text(_metadata(work.case))
    if not _run_doors(work, directory, suffix):
        return
    if SCORE in work.order.doors:
        _run_score(work, directory, suffix)
    if work.order.store_url and not work.case.metadata:
        _run_store(work, artifact, suffix)


def _run_doors(work: _Work, directory: Path, suffix: str) -> bool:
    """Ask a served directory; return whether it was served."""
    try:
        flags = (*ONE_WORKER, *work.case.target.flags)
        with serve(directory, *flags, timeout_s=PATIENCE_S) as server:
            if work.case.refused and not work.case.or_right:
                work.start_finding(suffix, "start", f"served, but {work.case.refused}")
                return False
            _ask_all(work, server, suffix)
            return True
    except ServerNotReadyError as error:
        reason = _said(str(error))
        ended = not str(error).startswith("exit code None")
        if work.case.refused and ended:
            work.refused_start.append(f"{suffix}: {reason}")
        else:
            work.start_finding(suffix, "start", reason)
        return False


def _said(log: str) -> str:
    """Return the messages of the errors in the log of a server that did not start."""
    said = re.findall(r'"level": "(?:error|critical)".*?"msg": "((?:[^"\\]|\\.)*)"', log)
    return (" / ".join(said) or " ".join(log.split()))[-400:]


def _ask_all(work: _Work, server: Server, suffix: str) -> None:
    known_as = _known_as(work.case, server)
    with Wire(server.url) as wire:
        for name in work.order.doors:
            if name in DOORS:
                asked = Visit(DOORS[name], wire, MODEL, _mutant(work), known_as)
                _visit(work, asked, (suffix, name))


def _known_as(case: Case, server: Server) -> tuple[str, ...]:
    """Return the server's names for the columns of a model without names."""
    reply = server.get("/model/schema")
    if case.named or reply.status != 200:
        return ()
    fields = reply.json()["schema"].get("inputFields", [])
    names = tuple(str(field["name"]) for field in fields)
    return names if len(names) == len(case.frame.columns) else ()


def _visit(work: _Work, asked: Visit, where: tuple[str, str]) -> None:
    doorway = work.doorway(*where)
    visit(asked, doorway, work.rng)
    if doorway.tally.compared and not asked.door.brief and where[0] not in TWINS:
        work.drawer.draw(asked, doorway)
    if doorway.tally.compared:
        work.keep(doorway)


def _mutant(work: _Work) -> Mutant | None:
    return MUTANTS.get(work.order.mutant)


def _run_score(work: _Work, directory: Path, suffix: str) -> None:
    request = Request("batch", tuple(work.pool.usual), tuple(range(len(work.pool.columns.all))))
    doorway = work.doorway(suffix, SCORE)
    doorway.judge(request, _scored(work, directory, request))
    work.keep(doorway)


def _scored(work: _Work, directory: Path, request: Request) -> Answer:
    rows = [work.pool.rows[at] for at in request.rows]
    mutant = _mutant(work)
    broken = rows if mutant is None else mutant(work.pool.columns, rows)
    given, told = directory.parent / "in.csv", directory.parent / "out.csv"
    given.write_bytes(to_csv(work.pool.columns, broken, request.order))
    arguments = ("--code-dir", directory, "--input", given, "--output", told)
    finished = run(SCORE, *arguments, *work.case.target.flags, timeout_s=PATIENCE_S)
    if finished.returncode:
        return Refused(500, f"exit code {finished.returncode}: {finished.stderr[-300:]}")
    return Answered(answers.of_score(told.read_text(), work.case.target))


def _run_store(work: _Work, artifact: Path, suffix: str) -> None:
    wanted = [name for name in work.order.doors if name in STORED]
    if not wanted or not _is_stored(work):
        return
    url = work.order.store_url
    model = f"{work.order.case}-{suffix[1:]}"
    refused = upload(url, artifact, model, work.case.plugin, work.case.target)
    if refused:
        work.start_finding(suffix, "wallaroo", refused)
        return
    with Wire(url) as wire:
        for name in wanted:
            _visit(work, Visit(STORED[name], wire, model, _mutant(work)), (suffix, name))


def _is_stored(work: _Work) -> bool:
    """Whether Wallaroo's contract can say the rows: whole rows are lists of one type."""
    tensors = work.case.tensors
    if tensors is not None:
        return bool(tensors.output)
    return work.case.named or not any(column.is_text for column in work.pool.columns.all)


def _metadata(case: Case) -> str:
    target = case.target
    lines = ["name: model", "type: inference", f"targetType: {target.kind}", "inferenceModel:"]
    lines.append("  targetName: target")
    if target.positive:
        lines.append(f"  positiveClassLabel: {target.positive!r}")
        lines.append(f"  negativeClassLabel: {target.negative!r}")
    elif target.labels:
        lines += ["  classLabels:", *(f"    - {label!r}" for label in target.given)]
    lines += [f"{key}: {text}" for key, text in case.metadata.items()]
    return "\n".join([*lines, ""])
