"""Runs one case on both programs and collects what was equal, excused and wrong."""

import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.parity.case import Build, Case, Command, CommandCase, Probe, ServerCase
from tests.parity.compare import compare_answers, compare_finished, compare_json, compare_shapes
from tests.parity.differences import ANSWERS, COMMANDS, AnswerRule, Exchange
from tests.parity.program import Launch, Program, Server, StartError, free_address, run, serving
from tests.parity.report import CaseReport, Verdict, show_answer, show_finished, show_request
from tests.parity.values import Finished
from tests.parity.wire import send

PATIENCE = 4.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The two programs; `same` where drum-like's place is taken by DRUM itself."""

    drum: Program
    ours: Program

    @property
    def same(self) -> bool:
        """Whether both are DRUM, so that no difference may show at all."""
        return self.ours.executable.name == "drum"


@dataclass(frozen=True, slots=True)
class Directories:
    """The directories of a case; both models are the same directory unless DRUM needs a twin."""

    root: Path
    drum_model: Path
    our_model: Path


def run_case(case: Case, pair: Pair) -> CaseReport:
    """Return the verdicts of one case."""
    with tempfile.TemporaryDirectory(prefix="parity-") as name:
        try:
            directories = _build(case.build, case.drum_build, Path(name), pair)
            if isinstance(case, ServerCase):
                verdicts = _run_servers(case, pair, directories)
            else:
                verdicts = _run_commands(case, pair, directories)
        except StartError as error:
            verdicts = [Verdict("start", failure=str(error))]
        except Exception:  # noqa: BLE001 - a case that cannot be built must not end the run
            verdicts = [Verdict("build", failure=traceback.format_exc())]
    return CaseReport(case.name, tuple(verdicts))


def _build(build: Build, drum_build: Build | None, root: Path, pair: Pair) -> Directories:
    model = _write(drum_build if pair.same and drum_build else build, root / "model")
    if drum_build is None or pair.same:
        return Directories(root, model, model)
    return Directories(root, _write(drum_build, root / "drum_model"), model)


def _write(build: Build, directory: Path) -> Path:
    directory.mkdir()
    build(directory)
    return directory


def _run_servers(case: ServerCase, pair: Pair, directories: Directories) -> list[Verdict]:
    with ExitStack() as stack:
        drum = stack.enter_context(_launch_server(case, pair.drum, directories, ours=False))
        added = () if pair.same else case.ours_arguments
        ours = stack.enter_context(_launch_server(case, pair.ours, directories, added, ours=True))
        for server in (drum, ours):
            server.wait(f"{case.prefix}/ping/")
        verdicts = [_run_probe(probe, drum, ours, directories, pair) for probe in case.probes]
        return [*verdicts, _compare_stops(drum, ours)]


def _launch_server(
    case: ServerCase,
    program: Program,
    directories: Directories,
    added: Sequence[str] = (),
    *,
    ours: bool,
) -> AbstractContextManager[Server]:
    address = free_address()
    model = directories.our_model if ours else directories.drum_model
    fields = {"dir": str(model), "address": address}
    launch = Launch(
        program,
        directories.root / ("ours" if ours else "drum"),
        [fill(word, fields) for word in (*case.command, *case.arguments, *added)],
        {name: fill(value, fields) for name, value in case.environment.items()},
    )
    return serving(launch, address)


def fill(text: str, fields: Mapping[str, str]) -> str:
    """Return a text with values for its `{names}`."""
    for name, value in fields.items():
        text = text.replace("{" + name + "}", value)
    return text


def _run_probe(
    probe: Probe, drum: Server, ours: Server, directories: Directories, pair: Pair
) -> Verdict:
    if probe.before is not None:
        for directory in {directories.drum_model, directories.our_model}:
            probe.before(directory)
    said_to_drum = probe.drum_request or probe.request
    exchange = Exchange(
        probe.request,
        send(drum.address, said_to_drum),
        send(ours.address, said_to_drum if pair.same else probe.request),
    )
    if probe.shape:
        found = compare_shapes(exchange.theirs, exchange.ours)
    else:
        found = compare_answers(exchange.theirs, exchange.ours, probe.headers)
    stable = replace(probe, differs=()) if pair.same else probe
    return verdict_of(stable, exchange, found, ANSWERS, pair.drum.name)


def verdict_of(
    probe: Probe,
    exchange: Exchange,
    found: str | None,
    rules: Mapping[str, AnswerRule],
    theirs: str,
) -> Verdict:
    """Return the verdict on two answers.

    Args:
        probe: The request, and the differences that are expected.
        exchange: The two answers.
        found: The first difference between them, None without one.
        rules: What a difference looks like, by its id.
        theirs: Name of the other program.
    """
    identifier, failure = _judge(found, probe.differs, lambda name: rules[name](exchange))
    if probe.answer is not None and (wrong := compare_json(probe.answer, exchange.ours.json())):
        failure = f"what we must answer is something else: {wrong}"
    if failure is None:
        return Verdict(probe.name, identifier)
    lines = (
        failure,
        f"request: {show_request(probe.request)}",
        f"{theirs}: {show_answer(exchange.theirs)}",
        f"ours: {show_answer(exchange.ours)}",
    )
    return Verdict(probe.name, failure="\n".join(lines))


def _judge(
    found: str | None, expected: Sequence[str], holds: Callable[[str], bool]
) -> tuple[str | None, str | None]:
    """Return the id of the difference that holds, and the text of a failure."""
    if not expected:
        return None, found
    identifier = next((name for name in expected if holds(name)), None)
    if identifier is not None:
        return identifier, None
    wanted = " or ".join(expected)
    return None, f"not the difference {wanted}: {found or 'the answers are equal'}"


def _compare_stops(drum: Server, ours: Server) -> Verdict:
    codes = drum.stop(), ours.stop()
    failure = None if codes[0] == codes[1] else f"exit codes after SIGTERM: {codes}"
    return Verdict("SIGTERM", failure=failure)


def _run_commands(case: CommandCase, pair: Pair, directories: Directories) -> list[Verdict]:
    return [_run_command(command, pair, directories) for command in case.commands]


def _run_command(command: Command, pair: Pair, directories: Directories) -> Verdict:
    home = Path(tempfile.mkdtemp(prefix="command-", dir=directories.root))
    # Only DRUM is expected to hang, by respawning workers; ours gets time on a busy machine.
    patient = command if pair.same else replace(command, seconds=command.seconds * PATIENCE)
    with ThreadPoolExecutor(2) as pool:
        running = (
            pool.submit(_run_side, command, pair.drum, directories.drum_model, home / "drum"),
            pool.submit(_run_side, patient, pair.ours, directories.our_model, home / "ours"),
        )
        drum, ours = (side.result() for side in running)
    found = compare_finished(drum, ours, command.says)
    expected = () if pair.same else command.differs
    identifier, failure = _judge(found, expected, lambda name: COMMANDS[name](drum, ours))
    if failure is None:
        return Verdict(command.name, identifier)
    lines = (
        failure,
        f"command: {' '.join(command.arguments)}",
        f"DRUM: {show_finished(drum)}",
        f"ours: {show_finished(ours)}",
    )
    return Verdict(command.name, failure="\n".join(lines))


def _run_side(command: Command, program: Program, model: Path, home: Path) -> Finished:
    output = home / "out"
    output.mkdir(parents=True)
    address = free_address()
    fields = {"dir": str(model), "out": str(output), "address": address}
    launch = Launch(
        program,
        home,
        [fill(word, fields) for word in command.arguments],
        {name: fill(value, fields) for name, value in command.environment.items()},
    )
    return run(launch, address, output, command.seconds)
