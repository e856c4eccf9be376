"""Runs a server of another product and ours, and compares what both answer."""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.parity.case import Probe
from tests.parity.compare import compare_replies
from tests.parity.differences import Exchange
from tests.parity.program import Launch, Program, Server, StartError, free_address, serving
from tests.parity.report import CaseReport, Verdict
from tests.parity.runner import fill, verdict_of
from tests.parity.servers.world import RealServer, Start, World
from tests.parity.wire import send

OK = 200


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of a comparison.

    Attributes:
        theirs: Folder of those of the other product's environment.
        ours: The one of ours.
    """

    theirs: Path
    ours: Path


def run_world(world: World, server: RealServer, programs: Programs) -> list[CaseReport]:
    """Return the verdicts of a world, group by group."""
    with tempfile.TemporaryDirectory(prefix="parity-") as name, ExitStack() as stack:
        try:
            both = _start_both(world, server, programs, Path(name), stack)
        except StartError as error:
            failed = (Verdict("start", failure=str(error)),)
            return [CaseReport(group, failed) for group in world.groups]
        return [
            CaseReport(group, tuple(_ask(probe, *both, server) for probe in probes))
            for group, probes in world.groups.items()
        ]


def _start_both(
    world: World, server: RealServer, programs: Programs, root: Path, stack: ExitStack
) -> tuple[Server, Server]:
    """Start the other server, which may write the model of both, and then ours."""
    their_program = Program(server.title, programs.theirs / world.theirs.command[0])
    our_program = Program("drum-like", programs.ours)
    theirs = _start(world.theirs, their_program, root / "theirs", {}, stack)
    fields = {"theirs": str(_files(root / "theirs"))}
    return theirs, _start(world.ours, our_program, root / "ours", fields, stack)


def _files(home: Path) -> Path:
    return home / "files"


def _start(
    start: Start, program: Program, home: Path, fields: Mapping[str, str], stack: ExitStack
) -> Server:
    """Return a server that can predict; it ends with the stack."""
    folder = _files(home)
    folder.mkdir(parents=True)
    start.build(folder)
    address, *others = (free_address() for _ in range(3))
    ports = [one.rpartition(":")[2] for one in (address, *others)]
    named = dict(zip(("port", "second", "third"), ports, strict=True))
    filled = {"dir": str(folder), "address": address, **named, **fields}
    launch = Launch(
        program,
        home,
        [fill(word, filled) for word in start.command[1:]],
        {name: fill(value, filled) for name, value in start.environment.items()},
    )
    server = stack.enter_context(serving(launch, address))
    server.wait(start.ready, OK)
    return server


def _ask(probe: Probe, theirs: Server, ours: Server, server: RealServer) -> Verdict:
    exchange = Exchange(
        probe.request, send(theirs.address, probe.request), send(ours.address, probe.request)
    )
    found = compare_replies(exchange.theirs, exchange.ours, probe.headers)
    verdict = verdict_of(probe, exchange, found, server.rules, server.title)
    if verdict.failure or probe.answer is not None:
        return verdict
    if exchange.ours.status == OK != exchange.theirs.status:
        return Verdict(probe.name, failure="we alone answer: `answer` must hold the right JSON")
    return verdict
