"""Measures drum-like beside the servers that users have in its place: `make bench`.

python -m benchmarks --only one-row --quick     one part, about a minute
python -m benchmarks --only big-csv --peers drum --rounds 5
python -m benchmarks                            everything, under 40 minutes
python -m benchmarks --chart                    nothing; draws the last results
python -m benchmarks --against COMMIT           this tree beside an older one; no other servers
"""

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from benchmarks import against, chart, report
from benchmarks.alone import ALONE
from benchmarks.comparison import ROUNDS, SECONDS, WITHIN, Wish
from benchmarks.environments import EnvironmentFailedError, Environments, installed
from benchmarks.figures import figures
from benchmarks.models import train
from benchmarks.parts import PARTS, Choice, stages
from benchmarks.peers.catalogue import KINDS, OTHERS, PEERS
from benchmarks.plan import Effort, Measurement, Results
from benchmarks.servers import Servers
from benchmarks.stages import FAILURES, Bench, measure
from benchmarks.trees import TreeError

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"
KEPT = ROOT / "benchmarks" / "results"
CHART = ROOT / "docs" / "benchmarks.svg"

THOROUGH, QUICK = Effort(), Effort(rounds=3, seconds=1.0, score_mb=200, retries=0)
QUICK_ROWS = 100_000

NO_WRK = (
    "wrk is needed to put servers under load, and is not installed. Debian and Ubuntu: "
    "apt-get install wrk; macOS: brew install wrk; Fedora has no package: "
    "build it from github.com/wg/wrk."
)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run.

    Attributes:
        parts: Names of what to measure.
        choice: Peers, workers, connections.
        effort: How thoroughly.
        given: Interpreters of environments that exist already.
        output: Folder of the results.
        merge: Whether results of other parts stay.
        chart: Whether to draw the chart.
        measures: Whether to measure at all.
        against: An older commit to compare with, instead of all else.
    """

    parts: Sequence[str]
    choice: Choice
    effort: Effort
    given: dict[str, Path]
    output: Path
    merge: bool
    chart: bool
    measures: bool
    against: Wish | None = None


def main() -> int:
    """Measure, write and print; 1 if something could not be measured."""
    options = parse(sys.argv[1:])
    if not options.measures:
        CHART.write_text(chart.draw(report.read(options.output / "results.json")))
        return 0
    if options.against is None and needs_wrk(options) and shutil.which("wrk") is None:
        print(NO_WRK)
        return 2
    BUILD.mkdir(parents=True, exist_ok=True)
    environments = Environments(BUILD / "environments", options.given, say)
    needed = ("xgboost",) if options.against is not None else _models(options)
    servers = Servers(environments, train(BUILD / "models", needed), BUILD)
    if options.against is not None:
        return compare(options.against, servers)
    bench = Bench(servers, options.effort, say)
    results = Results(list(_measured(options, bench)), bench.gaps)
    if options.merge:
        results = report.merged(report.read(options.output / "results.json"), results)
    surroundings = _surroundings(environments, options, results)
    report.write(results, surroundings, options.output)
    if options.chart:
        CHART.write_text(chart.draw(results))
    shown = [figure for figure in figures(results) if figure.values]
    print(report.figure_table(shown))
    print(f"all figures: {options.output / 'results.md'}")
    return 1 if bench.gaps else 0


def _models(options: Options) -> tuple[str, ...]:
    """Return the names of the models that the parts ask for; a part alone takes XGBoost's."""
    staged = [name for name in options.parts if name in PARTS]
    cases = chain.from_iterable(stage.cases for stage in stages(staged, options.choice))
    return tuple(sorted({"xgboost", *(case.setup.model for case in cases)} - {"none"}))


def needs_wrk(options: Options) -> bool:
    """Return whether a part puts servers under the load of wrk."""
    return not set(options.parts) <= set(ALONE)


def compare(wish: Wish, servers: Servers) -> int:
    """Compare with an older commit; 1 if a request got more expensive, 2 if that failed."""
    try:
        return against.run(wish, servers, say)
    except (TreeError, *FAILURES) as error:
        say(f"not compared with {wish.commit}: {error}")
        return 2


def say(text: str) -> None:
    """Report the progress of the measurement on standard error."""
    print(text, file=sys.stderr, flush=True)


def parse(arguments: Sequence[str]) -> Options:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n")[0]
    )
    _add_choice(parser)
    _add_effort(parser)
    flags = parser.parse_args(arguments)
    names = [*PARTS, *ALONE]
    effort = QUICK if flags.quick else THOROUGH
    everything = not flags.only and not flags.quick
    return Options(
        parts=[name for name in names if not flags.only or name in flags.only],
        choice=_choice(flags),
        effort=Effort(
            flags.rounds or effort.rounds,
            flags.seconds or effort.seconds,
            flags.score_mb or effort.score_mb,
            effort.retries if flags.retries is None else flags.retries,
        ),
        given={"drum": flags.drum.absolute().with_name("python")} if flags.drum else {},
        output=flags.output or (KEPT if everything else BUILD / "results"),
        merge=flags.merge,
        chart=everything,
        measures=not flags.chart,
        against=_wish(flags),
    )


def _wish(flags: argparse.Namespace) -> Wish | None:
    """Return the comparison that was asked for; `within N %` means at least nine rounds."""
    if flags.against is None:
        return None
    rounds, seconds = flags.rounds or ROUNDS, flags.seconds or SECONDS
    return Wish(flags.against, flags.within, rounds, seconds)


def _choice(flags: argparse.Namespace) -> Choice:
    """Return the choice that the flags make; --quick leaves out two workers and large loads."""
    if flags.quick:
        return Choice(flags.peers, flags.workers or (1,), flags.connections, QUICK_ROWS)
    return Choice(flags.peers, flags.workers or (1, 2), flags.connections)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    names = [*PARTS, *ALONE]
    peers = [peer.name for peer in OTHERS]
    add = parser.add_argument
    add("--only", type=_words(names), default=(), metavar="PART,...", help=f"of {', '.join(names)}")
    add("--peers", type=_words(peers), default=peers, metavar="NAME,...", help=", ".join(peers))
    add("--workers", type=_numbers, metavar="N,...", help="worker processes (1,2; --quick: 1)")
    add("--connections", type=_numbers, default=(1, 8), metavar="N,...", help="clients (1,8)")
    add("--drum", type=Path, metavar="FILE", help="a drum that is installed already")
    add("--against", metavar="COMMIT", help="compare this tree with a commit, and nothing else")
    add("--within", type=float, default=WITHIN, metavar="N", help="percent more that pass (3)")


def _add_effort(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--rounds", type=int, metavar="N", help="how often everything is measured (3)")
    add("--seconds", type=float, metavar="S", help="load of a case in a round (2; --quick: 1)")
    add("--score-mb", type=int, metavar="MB", help="file of `score` (1000; --quick: 200)")
    add("--retries", type=int, metavar="N", help="attempts more on a busy machine (1; --quick: 0)")
    add("--quick", action="store_true", help="less time, one worker: under 8 minutes for all")
    add("--output", type=Path, metavar="FOLDER", help="where results go")
    add("--merge", action="store_true", help="keep the results of other parts in that folder")
    add("--chart", action="store_true", help="only draw the chart, from the results")


def _words(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a reader of comma-separated names; "none" and "" are no name."""

    def read(text: str) -> tuple[str, ...]:
        words = tuple(word for word in text.split(",") if word not in {"", "none"})
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(known)}")
        return words

    return read


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _measured(options: Options, bench: Bench) -> Iterator[Measurement]:
    staged = [name for name in options.parts if name in PARTS]
    return chain(
        *(measure(stage, bench) for stage in stages(staged, options.choice)),
        *(ALONE[name](options.choice, bench) for name in options.parts if name in ALONE),
    )


def _surroundings(
    environments: Environments, options: Options, results: Results
) -> report.Surroundings:
    facts = {
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}",
        "Python": platform.python_version(),
        "load": f"{options.effort.seconds:g} s for each case of a round",
    }
    measured = {case.setup.peer for case in results.cases}
    others = (peer for peer in (*OTHERS, *KINDS) if peer.packages and peer.name in measured)
    for peer in (PEERS["drum-like"], *others):
        package = peer.packages[0].partition("==")[0] if peer.packages else peer.name
        try:
            facts[peer.name] = installed(environments.python(peer), package)
        except EnvironmentFailedError:
            facts[peer.name] = "not installed"
    return facts


if __name__ == "__main__":
    sys.exit(main())
