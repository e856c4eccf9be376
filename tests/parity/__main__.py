"""Compares drum-like with the real DRUM and with servers of other products.

`python -m tests.parity` compares with all, case by case; `--servers` chooses.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.parity.case import Case, CommandCase
from tests.parity.catalogue import SERVERS, all_cases
from tests.parity.differences import used_but_undocumented
from tests.parity.environment import ROOT, drum_executable, server_programs
from tests.parity.program import Program
from tests.parity.report import CaseReport, Section, page_with, progress_line, show_failures
from tests.parity.runner import Pair, run_case
from tests.parity.servers.run import Programs, run_world
from tests.parity.servers.world import RealServer, World

DOCS = ROOT / "docs"
DRUM, DRUM_TITLE = "drum", "DRUM"
NAMES = (DRUM, *(server.name for server in SERVERS))
TITLES = (DRUM_TITLE, *(server.title for server in SERVERS))
OF_DRUM = """Requests to DataRobot DRUM 1.18.1 and to drum-like, and both command lines on the same
directories. A case is a model directory or a way to start it; numbers are compared as far as DRUM
writes them, and exit codes, too. [What differs, and why](differences-from-drum.md)."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product that drum-like is compared with.

    Attributes:
        title: Its heading in the page.
        text: What is compared.
        names: Names of the cases.
        pages: Pages that explain the differences.
        used: Ids of the differences that the cases expect.
        prepare: Makes its environment; returns the runs, one for each pair of servers.
    """

    title: str
    text: str
    names: tuple[str, ...]
    pages: tuple[Path, ...]
    used: frozenset[str]
    prepare: Callable[[], Sequence[Callable[[], list[CaseReport]]]]


def main() -> int:
    """Run the selected cases; return 1 where one failed."""
    flags = _parse()
    products = [one for one in _products(flags) if one.names]
    if flags.list:
        _say("\n".join(name for product in products for name in product.names))
        return 0
    if not products:
        _say(f"no case is called like {', '.join(flags.only)}; --list shows the names")
        return 1
    with ThreadPoolExecutor(flags.jobs) as pool:
        sections = [_section(product, pool) for product in products]
    _say("\n" + "\n".join(map(str, sections)))
    _say("\n".join(section.summary() for section in sections))
    if flags.table is not None and not flags.only:
        _write(flags.table, sections)
    undocumented = [name for product in products for name in _undocumented(product)]
    failed = any(report.failures() for section in sections for report in section.reports)
    return int(failed or bool(undocumented))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument(
        "--servers",
        type=_names,
        default=NAMES,
        metavar="NAMES",
        help=f"compare with these only, separated by commas: {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--drum-env",
        type=Path,
        default=ROOT / "build" / "parity" / "drum-env",
        help="virtual environment of DRUM, made where there is none",
    )
    parser.add_argument(
        "--ours",
        type=Path,
        default=Path(sys.executable).parent / "drum-like",
        help="the program to compare; DRUM itself shows that the cases are stable",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="run the cases whose names hold this text; may be repeated",
    )
    parser.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="cases that run at once (default: 2)"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="write the tables of these products to this page, if all their cases were run",
    )
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}; known: {', '.join(NAMES)}")
    return names


def _products(flags: argparse.Namespace) -> Iterable[Product]:
    if DRUM in flags.servers:
        yield _drum(flags)
    for server in SERVERS:
        if server.name in flags.servers:
            yield _other(server, flags)


def _drum(flags: argparse.Namespace) -> Product:
    cases = [case for case in all_cases(ROOT / "model_templates") if _selected(case.name, flags)]

    def prepare() -> Sequence[Callable[[], list[CaseReport]]]:
        drum = Program(DRUM_TITLE, drum_executable(flags.drum_env))
        pair = Pair(drum, Program("drum-like", flags.ours.absolute()))
        return [partial(_case, case, pair) for case in cases]

    names = tuple(case.name for case in cases)
    pages = (DOCS / "differences-from-drum.md",)
    return Product(DRUM_TITLE, OF_DRUM, names, pages, _used(cases), prepare)


def _other(server: RealServer, flags: argparse.Namespace) -> Product:
    worlds = [world for one in server.worlds if (world := _within(one, flags)).groups]

    def prepare() -> Sequence[Callable[[], list[CaseReport]]]:
        programs = Programs(server_programs(server.name), flags.ours.absolute())
        return [partial(run_world, world, server, programs) for world in worlds]

    names = tuple(name for world in worlds for name in world.groups)
    probes = [probe for world in worlds for group in world.groups.values() for probe in group]
    used = frozenset(name for probe in probes for name in probe.differs)
    pages = tuple(DOCS / page for page in server.pages)
    links = " and ".join(f"[{page}]({page})" for page in server.pages)
    text = f"Requests to {server.title} and to drum-like, of the same model. Differences: {links}."
    return Product(server.title, text, names, pages, used, prepare)


def _within(world: World, flags: argparse.Namespace) -> World:
    kept = {name: probes for name, probes in world.groups.items() if _selected(name, flags)}
    return replace(world, groups=kept)


def _selected(name: str, flags: argparse.Namespace) -> bool:
    return not flags.only or any(text in name for text in flags.only)


def _used(cases: Sequence[Case]) -> frozenset[str]:
    probes = (case.commands if isinstance(case, CommandCase) else case.probes for case in cases)
    return frozenset(name for group in probes for probe in group for name in probe.differs)


def _case(case: Case, pair: Pair) -> list[CaseReport]:
    return [run_case(case, pair)]


def _section(product: Product, pool: ThreadPoolExecutor) -> Section:
    reports = [report for found in pool.map(_told, product.prepare()) for report in found]
    return Section(product.title, product.text, tuple(reports))


def _told(run: Callable[[], list[CaseReport]]) -> list[CaseReport]:
    start = time.monotonic()
    reports = run()
    seconds = time.monotonic() - start
    for report in reports:
        lines = [progress_line(report, seconds)]
        if report.failures():
            lines.append(show_failures(report))
        _say("\n".join(lines))
    return reports


def _write(page: Path, sections: Sequence[Section]) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    page.write_text(page_with(before, sections, TITLES), encoding="utf-8")


def _undocumented(product: Product) -> list[str]:
    missing = used_but_undocumented(product.pages, set(product.used))
    if missing:
        pages = " or ".join(page.name for page in product.pages)
        _say(f"{pages} does not mention {', '.join(missing)}")
    return missing


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
