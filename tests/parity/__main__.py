"""Compares drum-like with the real DRUM, case by case: `python -m tests.parity`."""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.parity.case import Case, CommandCase
from tests.parity.catalogue import all_cases
from tests.parity.differences import used_but_undocumented
from tests.parity.environment import drum_executable
from tests.parity.program import Program
from tests.parity.report import PAGE, CaseReport, markdown_table, progress_line, show_failures
from tests.parity.runner import Pair, run_case

ROOT = Path(__file__).resolve().parents[2]
DIFFERENCES_PAGE = ROOT / "docs" / "differences-from-drum.md"


def main() -> int:
    """Run the selected cases; return 1 where one failed."""
    flags = _parse()
    cases = [case for case in all_cases(ROOT / "model_templates") if _selected(case, flags.only)]
    if flags.list:
        _say("\n".join(case.name for case in cases))
        return 0
    if not cases:
        _say(f"no case is called like {', '.join(flags.only)}; --list shows the names")
        return 1
    pair = Pair(
        Program("DRUM", drum_executable(flags.drum_env)),
        Program("drum-like", flags.ours.absolute()),
    )
    with ThreadPoolExecutor(flags.jobs) as pool:
        reports = list(pool.map(partial(_run, pair=pair), cases))
    table = markdown_table(reports)
    _say("\n" + table)
    if flags.table is not None:
        flags.table.parent.mkdir(parents=True, exist_ok=True)
        flags.table.write_text(PAGE + table, encoding="utf-8")
    documented = _check_documented(cases)
    return 0 if documented and not any(report.failures() for report in reports) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
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
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the page here")
    return parser.parse_args()


def _selected(case: Case, only: Sequence[str]) -> bool:
    return not only or any(text in case.name for text in only)


def _run(case: Case, pair: Pair) -> CaseReport:
    start = time.monotonic()
    report = run_case(case, pair)
    lines = [progress_line(report, time.monotonic() - start)]
    if report.failures():
        lines.append(show_failures(report))
    _say("\n".join(lines))
    return report


def _check_documented(cases: Sequence[Case]) -> bool:
    used: set[str] = set()
    for case in cases:
        probes = case.commands if isinstance(case, CommandCase) else case.probes
        used.update(name for probe in probes for name in probe.differs)
    missing = used_but_undocumented(DIFFERENCES_PAGE, used)
    if missing:
        _say(f"{DIFFERENCES_PAGE.name} does not mention {', '.join(missing)}")
    return not missing


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
