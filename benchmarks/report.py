"""Results as JSON, to keep and to merge, and as Markdown, to read."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.figures import Figure, figures
from benchmarks.peers.catalogue import OURS
from benchmarks.plan import Case, Measurement, Results, Setup, Values, middle, ratios

FORMAT = 1

LOAD_HEAD = (
    "| server | model | workers | body | rows | connections "
    "| requests/s | p50 ms | p99 ms | CPU ms | drum-like / it (p50) | others' CPU % |"
)


Surroundings = Mapping[str, str]
"""The machine and the libraries of a measurement, by name."""


def write(results: Results, surroundings: Surroundings, folder: Path) -> None:
    """Write results.json and results.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(to_json(results, surroundings))
    (folder / "results.md").write_text(to_markdown(results, surroundings))


def to_json(results: Results, surroundings: Surroundings) -> str:
    """Return everything that was measured, and the figures to reach."""
    cases = [
        asdict(case)
        | {"figures": {name: list(values) for name, values in results.figures(case).items()}}
        for case in results.cases
    ]
    shown = [
        asdict(figure) | {"value": figure.value, "reached": figure.reached}
        for figure in figures(results)
    ]
    document = {
        "format": FORMAT,
        "surroundings": dict(surroundings),
        "gaps": results.gaps,
        "figures": shown,
        "cases": cases,
    }
    return json.dumps(document, indent=1) + "\n"


def read(path: Path) -> Results:
    """Return the results in a file that `write` has written, none if there is no file."""
    if not path.exists():
        return Results(())
    document = json.loads(path.read_text())
    return Results(_measurements(document["cases"]), document["gaps"])


def merged(old: Results, new: Results) -> Results:
    """Return all that is new, and of the old what belongs to other parts."""
    parts = {case.part for case in new.cases}
    kept = [each for each in old.measurements if each.case.part not in parts]
    gaps = {name: why for name, why in old.gaps.items() if name.partition(", ")[0] not in parts}
    return Results((*kept, *new.measurements), gaps | new.gaps)


def to_markdown(results: Results, surroundings: Surroundings) -> str:
    """Return the tables as a page."""
    facts = (f"- {name}: {value}" for name, value in surroundings.items())
    gaps = (f"- not measured: {name}: {_one_line(text)}" for name, text in results.gaps.items())
    parts = (
        "# Benchmark",
        "",
        "Written by `make bench`; [what is measured, and how](../../docs/benchmarks.md).",
        "",
        *facts,
        *gaps,
        "",
        "## Figures to reach",
        "",
        figure_table(figures(results)),
        "",
        *_details(results),
    )
    return "\n".join(parts)


def figure_table(rows: Iterable[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| what | over | reach | median (range; rounds) | reached |", "|---|---|---|---|---|"]
    for row in rows:
        reached = {True: "yes", False: "no", None: "not measured"}[row.reached]
        if row.is_doubtful:
            reached += f", but other programs took {row.noise:.0f} % of the CPUs"
        limit = f"{row.bar.sign} {_number(row.bar.limit, row.bar.unit)}"
        lines.append(f"| {row.title} | {row.bar.over} | {limit} | {_spread(row)} | {reached} |")
    return "\n".join(lines)


def _details(results: Results) -> Iterable[str]:
    """Yield a table for each part."""
    for part in dict.fromkeys(case.part for case in results.cases):
        cases = [case for case in results.cases if case.part == part]
        yield f"## {part}"
        yield ""
        for table in (_load_table(results, cases), _state_table(results, cases)):
            if table:
                yield from (*table, "")


def _load_table(results: Results, cases: Iterable[Case]) -> list[str]:
    lines = [
        LOAD_HEAD,
        "|---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for case in cases:
        found = results.figures(case)
        if "p50_ms" not in found:
            continue
        ratio = middle(ratios(_ours(results, case), found["p50_ms"]))
        setup = case.setup
        threads = f" x {setup.threads}" if setup.threads else ""
        lines.append(
            f"| {setup.peer} | {setup.model} | {setup.workers}{threads} | {case.what} "
            f"| {case.n_rows or ''} | {case.connections} | {_short(found.get('rps', ()))} "
            f"| {_short(found['p50_ms'])} | {_short(found.get('p99_ms', ()))} "
            f"| {_short(found.get('cpu_ms', ()))} "
            f"| {'' if ratio is None or setup.peer == OURS else f'{ratio:.2f}'} "
            f"| {_short(found.get('others_percent', ()))} |"
        )
    return lines if len(lines) > 2 else []


def _ours(results: Results, case: Case) -> Values:
    """Return our p50 for the rows of a case: as CSV, or in its own form if we take that."""
    model = case.setup.model if case.setup.model != "none" else "xgboost"
    setup = Setup(OURS, model, case.setup.workers, case.setup.threads)
    for what in (case.what, "csv"):
        found = results.rounds(
            Case(case.part, setup, what, case.n_rows, case.connections), "p50_ms"
        )
        if found:
            return found
    return ()


def _state_table(results: Results, cases: Iterable[Case]) -> list[str]:
    lines = [
        "| process | workers | PSS MB | peak RSS MB | start s | rows/s | `--version` ms |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    names = ("pss_mb", "peak_rss_mb", "start_s", "rows_per_s", "ms")
    for case in cases:
        found = results.figures(case)
        if "p50_ms" in found:
            continue
        shown = " | ".join(_short(found.get(name, ())) for name in names)
        lines.append(f"| {case.setup.peer} | {case.setup.workers} | {shown} |")
    return lines if len(lines) > 2 else []


def _measurements(cases: Iterable[dict[str, object]]) -> Iterable[Measurement]:
    for fields in cases:
        found = fields.pop("figures")
        setup = Setup(**fields.pop("setup"))  # type: ignore[arg-type] # as asdict wrote it
        case = Case(setup=setup, **fields)  # type: ignore[arg-type] # as asdict wrote it
        assert isinstance(found, dict)
        for round_ in zip(*found.values(), strict=True):
            yield Measurement(case, dict(zip(found, round_, strict=True)))


def _spread(row: Figure) -> str:
    if row.value is None:
        return ""
    low, high = _number(min(row.values), row.bar.unit), _number(max(row.values), row.bar.unit)
    return f"**{_number(row.value, row.bar.unit)}** ({low} to {high}; {len(row.values)})"


def _number(value: float, unit: str) -> str:
    if unit != "x":
        return f"{value:.0f} {unit}"
    return f"{value:.3g}" if value < 0.995 else f"{value:.2f}"


def _short(values: Values) -> str:
    value = middle(values)
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
