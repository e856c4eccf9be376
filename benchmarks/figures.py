"""The figures to reach: what is compared with what, the bar, and whether it is reached.

A ratio is taken within each round, where both sides were measured one after the other; the median
of the rounds is the result, because the machine is never quite quiet and slows both.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.alone import IMPORT
from benchmarks.floor import ALONE, COMPUTE
from benchmarks.load import SLOW_BODIES
from benchmarks.noise import NOISE, TOLERABLE_PERCENT
from benchmarks.peers.catalogue import (
    DRUM,
    JSON_ROWS,
    KINDS,
    MLFLOW,
    MLSERVER,
    OTHERS,
    OURS,
    TENSORS,
)
from benchmarks.peers.json_rows import CALL, FIELDS, NAMED, RECORDS, SPLIT, TENSOR
from benchmarks.peers.tensors import BINARY, JSON
from benchmarks.plan import Case, Results, Setup, Values, middle, ratios

TEN, HUNDRED = 10_000, 100_000


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that a figure has to reach.

    Attributes:
        over: What it is compared with.
        sign: "≤" or "≥".
        limit: The bar.
        unit: Of figure and limit; "x" for a ratio.
    """

    over: str
    sign: Literal["≤", "≥"]
    limit: float
    unit: str = "x"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its bar.

    Attributes:
        title: What is measured.
        bar: What it has to reach.
        values: The figure in each round; empty if it was not measured.
        noise: What other programs took of the CPUs meanwhile, in percent.
    """

    title: str
    bar: Bar
    values: Values
    noise: float = 0.0

    @property
    def value(self) -> float | None:
        """The median of the rounds."""
        return middle(self.values)

    @property
    def is_doubtful(self) -> bool:
        """Whether the machine was too busy for the figure to be believed."""
        return self.value is not None and self.noise > TOLERABLE_PERCENT

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached, None if it was not measured."""
        if self.value is None:
            return None
        limit = self.bar.limit
        return self.value <= limit if self.bar.sign == "≤" else self.value >= limit


def figures(results: Results) -> list[Figure]:
    """Return every figure, in the order of the parts."""
    return [
        replace(figure, noise=noise_of(results, part))
        for part, group in _GROUPS.items()
        for figure in group(results)
    ]


def noise_of(results: Results, part: str) -> float:
    """Return the CPUs that other programs took during a part, the median of its cases."""
    rounds = [results.rounds(case, NOISE) for case in results.cases if case.part == part]
    return middle(tuple(value for values in rounds for value in values)) or 0.0


def best_other(results: Results, case: Case, figure: str) -> Case | None:
    """Return the case of the peer, DRUM aside, that does best with the rows of a case.

    The form of the body is the peer's own choice.
    """
    others = {peer.name for peer in OTHERS} - {DRUM}
    rivals = [
        other
        for other in results.cases
        if other.setup.peer in others
        and (other.part, other.n_rows, other.connections)
        == (case.part, case.n_rows, case.connections)
        and other.setup.workers == case.setup.workers
        and results.rounds(other, figure)
    ]
    pick = max if figure == "rps" else min
    return pick(rivals, key=lambda other: middle(results.rounds(other, figure)) or 0, default=None)


def _case(
    part: str, n_rows: int, peer: str = OURS, *, workers: int = 1, many: bool = False
) -> Case:
    return Case(part, Setup(peer, workers=workers), "csv", n_rows, 8 if many else 1)


def _against(
    results: Results, title: str, case: Case, figure: str, bars: tuple[float, float | None]
) -> Iterable[Figure]:
    """Yield a figure against DRUM, and one against the best other peer if it has a bar."""
    ours = results.rounds(case, figure)
    sign: Literal["≤", "≥"] = "≥" if figure == "rps" else "≤"
    theirs = results.rounds(_as(case, DRUM), figure)
    yield Figure(title, Bar("DRUM", sign, bars[0]), ratios(ours, theirs))
    if bars[1] is not None:
        best = best_other(results, case, figure)
        found = results.rounds(best, figure) if best else ()
        name = f"best other peer ({best.setup.peer}, {best.what})" if best else "best other peer"
        yield Figure(title, Bar(name, sign, bars[1]), ratios(ours, found))


def _as(case: Case, peer: str) -> Case:
    setup = Setup(peer, case.setup.model, case.setup.workers)
    return Case(case.part, setup, case.what, case.n_rows, case.connections)


def _one_row(results: Results) -> Iterable[Figure]:
    case = _case("one-row", 1)
    yield from _against(results, "1 row CSV, 1 connection, p50", case, "p50_ms", (1 / 8, 0.6))
    yield from _throughput(results, "one-row", 1, (8, 1.8))


def _hundred_rows(results: Results) -> Iterable[Figure]:
    yield from _throughput(results, "hundred-rows", 100, (5, 1.5))


def _throughput(
    results: Results, part: str, n_rows: int, bars: tuple[float, float]
) -> Iterable[Figure]:
    for workers in (1, 2):
        rows = "1 row" if n_rows == 1 else f"{n_rows} rows"
        title = f"{rows} CSV, 8 connections, requests/s, {_workers(workers)} each"
        case = _case(part, n_rows, workers=workers, many=True)
        yield from _against(results, title, case, "rps", bars)


def _over_ping(results: Results) -> Iterable[Figure]:
    for model, name in (("lightgbm", "LightGBM"), ("onnx", "ONNX")):
        setup = Setup(OURS, model)
        predict = results.rounds(Case("over-ping", setup, "csv", 1), "p50_ms")
        ping = results.rounds(Case("over-ping", setup, "ping"), "p50_ms")
        yield Figure(f"1 row, {name}, p50", Bar("`/ping/`", "≤", 1.5), ratios(predict, ping))


def _ping(results: Results) -> Iterable[Figure]:
    ours = results.rounds(Case("ping", Setup(OURS), "ping"), "p50_ms")
    least = results.rounds(Case("ping", Setup("flask", "none"), "ping"), "p50_ms")
    yield Figure("`/ping/`, p50", Bar("smallest Flask application", "≤", 1.15), ratios(ours, least))


def _worker_kinds(results: Results) -> Iterable[Figure]:
    for kind in (peer.name for peer in KINDS):
        title, bar = "1 row, 1 connection, the same application, p50", Bar(kind, "≤", 1.0)
        yield Figure(title, bar, _over_kind(results, kind, 1, "p50_ms"))
        title, bar = "1 row, 8 connections, the same application, requests/s", Bar(kind, "≥", 1.0)
        yield Figure(title, bar, _over_kind(results, kind, 8, "rps"))
        slow = (
            Case("worker-kinds", Setup(peer, threads=2), SLOW_BODIES, 1, 4) for peer in (OURS, kind)
        )
        times = (results.rounds(case, "p50_ms") for case in slow)
        title = "`/ping/` of 2 threads beside 4 bodies on their way"
        yield Figure(title, Bar(kind, "≤", 0.1), ratios(*times))


def _over_kind(results: Results, kind: str, connections: int, figure: str) -> Values:
    cases = (Case("worker-kinds", Setup(peer), "csv", 1, connections) for peer in (OURS, kind))
    ours, theirs = (results.rounds(case, figure) for case in cases)
    return ratios(ours, theirs)


def _big_csv(results: Results) -> Iterable[Figure]:
    for n_rows, bar in ((TEN, 0.8), (HUNDRED, 0.6)):
        title = f"{n_rows:,} rows CSV, one request, {_workers(1)}"
        yield from _against(results, title, _case("big-csv", n_rows), "p50_ms", (bar, None))
        for workers in (1, 2):
            yield _over_floor(results, "csv", n_rows, workers)
    for workers in (1, 2):
        yield _over_floor(results, "arrow", HUNDRED, workers)


def _over_floor(results: Results, form: str, n_rows: int, workers: int) -> Figure:
    def rounds(peer: str) -> Values:
        case = Case("big-csv", Setup(peer, workers=workers), form, n_rows)
        return results.rounds(case, "p50_ms")

    floor = tuple(a + b for a, b in zip(rounds("discard"), rounds(COMPUTE), strict=False))
    name = {"csv": "CSV", "arrow": "Arrow"}[form]
    title = f"{n_rows:,} rows {name}, one request, {_workers(workers)}"
    return Figure(title, Bar("floor", "≤", 1.15), ratios(rounds(OURS), floor))


def _hook(results: Results) -> Iterable[Figure]:
    found = [
        results.rounds(Case("hook", Setup(peer, "hook"), "csv", TEN), "p50_ms")
        for peer in (OURS, DRUM)
    ]
    title = "10,000 rows with a pandas `transform` hook"
    yield Figure(title, Bar("DRUM", "≤", 0.7), ratios(found[0], found[1]))


def _workers_over_one(results: Results) -> Iterable[Figure]:
    two, one = (
        results.rounds(Case("workers", Setup(OURS, workers=count), "csv", 100, 8), "rps")
        for count in (2, 1)
    )
    title = "2 workers, 8 connections, 100 rows, requests/s"
    yield Figure(title, Bar("1 worker", "≥", 1.6), ratios(two, one))


def _threads(results: Results) -> Iterable[Figure]:
    setups = (Setup(OURS, workers=1, threads=8), Setup(OURS, workers=2, threads=4))
    one, two = (results.rounds(Case("threads", setup, "csv", 1000, 8), "rps") for setup in setups)
    title = "1 worker x 8 threads, 1,000 rows, requests/s"
    yield Figure(title, Bar("2 workers x 4 threads", "≥", 0.85), ratios(one, two))


def _memory(results: Results) -> Iterable[Figure]:
    ours, theirs, least = (
        results.rounds(Case("memory", Setup(name), "memory"), "pss_mb")
        for name in (OURS, DRUM, IMPORT)
    )
    title = "memory (PSS) of master and one worker, XGBoost"
    yield Figure(title, Bar("DRUM", "≤", 0.75), ratios(ours, theirs))
    above = tuple(a - b for a, b in zip(ours, least, strict=False))
    yield Figure(title, Bar("above `import xgboost`", "≤", 30, "MB"), above)


def _start(results: Results) -> Iterable[Figure]:
    version = results.rounds(Case("start", Setup(OURS), "version"), "ms")
    yield Figure("`drum-like --version`", Bar("time", "≤", 150, "ms"), version)
    ours, theirs = (
        results.rounds(Case("start", Setup(peer), "start"), "start_s") for peer in (OURS, DRUM)
    )
    yield Figure(
        "start of the server to its first answer", Bar("DRUM", "≤", 1 / 3), ratios(ours, theirs)
    )


def _score(results: Results) -> Iterable[Figure]:
    cases = {case.setup.peer: case for case in results.cases if case.part == "score"}
    ours, theirs = (
        results.rounds(cases[peer], "rows_per_s") if peer in cases else () for peer in (OURS, DRUM)
    )
    peak = results.rounds(cases[OURS], "peak_rss_mb") if OURS in cases else ()
    rows = f", {cases[OURS].n_rows:,} rows" if OURS in cases else ""
    yield Figure(f"`score` of a large CSV{rows}, peak RSS", Bar("memory", "≤", 500, "MB"), peak)
    yield Figure(f"`score` of a large CSV{rows}, rows/s", Bar("DRUM", "≥", 3), ratios(ours, theirs))


def _tensors(results: Results) -> Iterable[Figure]:
    ours, theirs = (
        results.rounds(Case("tensors", Setup(peer), JSON, 1, 8), "rps")
        for peer in (TENSORS, MLSERVER)
    )
    title = "1 row as a tensor in JSON, 8 connections, requests/s"
    yield Figure(title, Bar(MLSERVER, "≥", 1.8), ratios(ours, theirs))
    binary, alone = (
        results.rounds(Case("tensors", Setup(peer), form, TEN), "p50_ms")
        for peer, form in ((TENSORS, BINARY), (COMPUTE, ALONE))
    )
    title = "10,000 rows as a binary tensor, one request"
    yield Figure(title, Bar("XGBoost alone", "≤", 1.3), ratios(binary, alone))


def _json(results: Results) -> Iterable[Figure]:
    ours = Setup(JSON_ROWS)
    records, csv, split = (
        results.rounds(Case("json", ours, form, 100), "p50_ms") for form in (RECORDS, "csv", SPLIT)
    )
    yield Figure("100 rows as JSON records, one request", Bar("CSV", "≤", 2), ratios(records, csv))
    theirs = results.rounds(Case("json", Setup(MLFLOW), SPLIT, 100), "p50_ms")
    title = "100 rows as `dataframe_split`, one request"
    yield Figure(title, Bar(MLFLOW, "≤", 0.25), ratios(split, theirs))


def _doors(results: Results) -> Iterable[Figure]:
    csv = results.rounds(Case("doors", Setup(JSON_ROWS), "csv", 1), "p50_ms")
    for form, title in (
        (RECORDS, "records, `/predict/`"),
        (NAMED, "`dataframe_records`, `/invocations`"),
        (SPLIT, "`dataframe_split`, `/invocations`"),
        (TENSOR, "a tensor, `/v2/models/NAME/infer`"),
        (FIELDS, "fields and rows, `/model/score`"),
        (CALL, "a call, `/invocate`"),
    ):
        found = results.rounds(Case("doors", Setup(JSON_ROWS), form, 1), "p50_ms")
        yield Figure(f"1 row as {title}, p50", Bar("CSV", "≤", 1.5), ratios(found, csv))
    hook, alone = (
        results.rounds(Case("doors", Setup(peer, "score"), form, 1), "p50_ms")
        for peer, form in ((OURS, "csv"), (COMPUTE, ALONE))
    )
    title = "1 row, `score` hook with pandas and a pipeline, p50"
    yield Figure(title, Bar("the hook alone", "≤", 1.25), ratios(hook, alone))


def _pipelines(results: Results) -> Iterable[Figure]:
    """Yield the lone caller's time, and how many answers take the time of one `predict_proba`."""
    alone = results.rounds(Case("pipelines", Setup(COMPUTE, "sklearn"), ALONE, 1), "p50_ms")
    cases = {n: Case("pipelines", Setup(OURS, "sklearn"), "csv", 1, n) for n in (1, 32)}
    title = "1 row, scikit-learn pipeline, 1 connection, p50"
    lone = ratios(results.rounds(cases[1], "p50_ms"), alone)
    yield Figure(title, Bar("`predict_proba`", "≤", 1.25), lone)
    rates = results.rounds(cases[32], "rps")
    answers = tuple(rate * ms / 1e3 for rate, ms in zip(rates, alone, strict=False))
    title = "1 row, scikit-learn pipeline, 32 connections, answers in the time"
    yield Figure(title, Bar("one `predict_proba`", "≥", 4), answers)


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


_GROUPS: Mapping[str, Callable[[Results], Iterable[Figure]]] = {
    "one-row": _one_row,
    "over-ping": _over_ping,
    "ping": _ping,
    "worker-kinds": _worker_kinds,
    "hundred-rows": _hundred_rows,
    "big-csv": _big_csv,
    "hook": _hook,
    "workers": _workers_over_one,
    "memory": _memory,
    "threads": _threads,
    "tensors": _tensors,
    "json": _json,
    "doors": _doors,
    "pipelines": _pipelines,
    "start": _start,
    "score": _score,
}
"""The figures of each part."""
