"""Asks the libraries themselves, and demands their answers of servers: `python -m tests.oracle`."""

import argparse
import re
import signal
import sys
import time
from pathlib import Path

from tests.oracle.breaking import all_noticed, broken_orders
from tests.oracle.catalogue import CASES
from tests.oracle.crew import run_all
from tests.oracle.mutants import MUTANTS
from tests.oracle.page import write_page
from tests.oracle.report import complaints, show, write_json
from tests.oracle.running import ALL_DOORS, Order
from tests.oracle.verdict import CaseReport


def main() -> int:
    """Run the chosen cases; return 1 where an answer is not the library's."""
    flags = _parse()
    names = [name for name in CASES if re.search(flags.models, name)]
    if flags.list:
        _say("\n".join(names))
        return 0
    if flags.mutants:
        return _broken(flags)
    orders = [
        Order(
            name,
            flags.seed,
            flags.doors,
            mutant=flags.mutant,
            files=flags.files,
            drawn=flags.drawn,
        )
        for name in names
    ]

    def tell(report: CaseReport, number: int) -> None:
        _say(_progress(report, number, len(names)))
        so_far.append(report)
        if flags.json is not None:
            write_json(flags.json, so_far)

    so_far: list[CaseReport] = []
    reports = run_all(orders, flags.jobs, tell)
    _say("\n" + show(reports))
    if flags.table is not None:
        write_page(flags.table, complaints(reports), reports)
    return 1 if len(complaints(reports)) > 1 or not reports else 0


def _broken(flags: argparse.Namespace) -> int:
    """Break decoders; return 1 where that is not noticed."""
    orders = broken_orders(flags.seed)
    found = all_noticed(orders, run_all(orders, flags.jobs, lambda _report, _number: None))
    _say("\n".join(map(str, found)))
    return 0 if all(one.everywhere for one in found) else 1


def _progress(report: CaseReport, number: int, total: int) -> str:
    compared = sum(tally.compared for tally in report.tallies)
    bad = len(report.findings)
    outcome = f"{bad} findings" if bad else "ok"
    return (
        f"[{number}/{total}] {report.name}: {outcome}, {compared} compared, {report.seconds:.1f} s"
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    add = parser.add_argument
    add("--models", default="", metavar="REGEX", help="run the cases whose names match")
    add("--doors", type=_words, default=ALL_DOORS, metavar="A,B", help="ask through these only")
    add("--files", type=_words, default=(), metavar=".A,.B", help="serve these files only")
    add("--seed", type=int, default=0, metavar="N", help="draw other rows (default: 0)")
    add("--drawn", type=int, default=12, metavar="N", help="requests drawn a door (default: 12)")
    add("--jobs", type=int, default=2, metavar="N", help="cases that run at once (default: 2)")
    add("--mutant", default="", choices=["", *MUTANTS], help="break what the server reads")
    add("--mutants", action="store_true", help="break decoders, and see each break noticed")
    add("--table", type=Path, metavar="FILE", help="write the generated part of this page")
    add("--json", type=Path, metavar="FILE", help="write all that was not right")
    add("--list", action="store_true", help="print the names of the cases")
    return parser.parse_args()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    started = time.monotonic()
    # An exit lets servers be stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    code = main()
    _say(f"{time.monotonic() - started:.0f} s")
    sys.exit(code)
