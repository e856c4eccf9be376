"""Measures the cases of a stage in turns, round after round."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks import answers, floor, load, noise
from benchmarks.environments import EnvironmentFailedError
from benchmarks.peers.catalogue import PEERS
from benchmarks.plan import Case, Effort, Measurement, Say, Setup, Stage
from benchmarks.servers import Running, ServerFailedError, Servers

WARM_UP_S = 1.0

RETRY_FOR_S = 900.0
"""Time from the beginning in which noisy cases are measured again."""

Failure = (
    EnvironmentFailedError
    | ServerFailedError
    | load.LoadFailedError
    | answers.WrongAnswerError
    | OSError
)
FAILURES = Failure.__args__


@dataclass(frozen=True, slots=True)
class Bench:
    """The means to measure.

    Attributes:
        servers: Starts them.
        effort: How thoroughly.
        say: Told how far it is.
        gaps: Filled with why something is not measured, by part and peer: `score, drum`.
        began: When the measurement began, by the monotonic clock.
    """

    servers: Servers
    effort: Effort
    say: Say
    gaps: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def retries(self) -> int:
        """Number of further attempts because of noise; none later, on a machine that stays busy."""
        return self.effort.retries if time.monotonic() < self.began + RETRY_FOR_S else 0

    def miss(self, part: str, peer: str, reason: object) -> None:
        """Note that something of a peer cannot be measured."""
        self.gaps.setdefault(f"{part}, {peer}", f"{type(reason).__name__}: {reason}")
        self.say(f"{peer}: not measured: {reason}")


def measure(stage: Stage, bench: Bench) -> Iterator[Measurement]:
    """Start all servers of a stage, check their answers, measure; yields as it goes."""
    with ExitStack() as stack:
        running = _start(stage, bench, stack)
        cases = [case for case in stage.cases if _is_right(case, running, bench)]
        for number in range(bench.effort.rounds):
            bench.say(f"{stage.name}: round {number + 1} of {bench.effort.rounds}")
            yield from _round(cases, running, bench)
        parts = {case.setup: case.part for case in cases}
        for setup, server in running.items():
            if setup in parts:
                yield _footprint(parts[setup], server)


def _round(cases: list[Case], running: dict[Setup, Running], bench: Bench) -> Iterator[Measurement]:
    """Measure every case once; one that fails is not measured again."""
    for case in list(cases):
        try:
            yield Measurement(case, _figures(case, running, bench))
        except FAILURES as error:
            bench.miss(case.part, case.setup.peer, error)
            cases.remove(case)


def _start(stage: Stage, bench: Bench, stack: ExitStack) -> dict[Setup, Running]:
    running = {}
    for setup in dict.fromkeys(case.setup for case in stage.cases):
        if setup.peer == floor.COMPUTE:
            continue
        bench.say(f"{stage.name}: starting {setup.peer}")
        try:
            peer = PEERS[setup.peer]
            running[setup] = stack.enter_context(bench.servers.running(peer, setup))
        except FAILURES as error:
            for part in dict.fromkeys(case.part for case in stage.cases if case.setup == setup):
                bench.miss(part, setup.peer, error)
    return running


def _is_right(case: Case, running: dict[Setup, Running], bench: Bench) -> bool:
    """Return whether a case can be measured; its server is warm then."""
    if case.setup.peer == floor.COMPUTE:
        return True
    if case.setup not in running:
        return False
    server = running[case.setup]
    try:
        answers.check(case, server, bench.servers.models)
        if case.n_rows < load.LARGE:
            load.measure(case, server, WARM_UP_S)
    except FAILURES as error:
        bench.miss(case.part, case.setup.peer, error)
        return False
    return True


def _figures(case: Case, running: dict[Setup, Running], bench: Bench) -> dict[str, float]:
    """Return the figures of a case, from the quietest of a few attempts if the machine is busy."""
    servers = [server.process.pid for server in running.values()]
    return noise.quietest(lambda: _attempt(case, running, bench), bench.retries, servers)


def _attempt(case: Case, running: dict[Setup, Running], bench: Bench) -> Mapping[str, float]:
    if case.setup.peer == floor.COMPUTE:
        return floor.compute(case, bench.servers.models, bench.effort.seconds / 2)
    server = running[case.setup]
    before = noise.cpu_s(server.process.pid)
    found = load.measure(case, server, bench.effort.seconds)
    spent_s = noise.cpu_s(server.process.pid) - before
    return {**found, "cpu_ms": spent_s / found["requests"] * 1e3}


def _footprint(part: str, server: Running) -> Measurement:
    """Return memory and start of a server that was under load."""
    memory = server.memory()
    figures = {
        "pss_mb": memory.pss_mb,
        "peak_rss_mb": memory.peak_rss_mb,
        "start_s": server.start_s,
    }
    return Measurement(Case(part, server.setup, "footprint"), figures)
