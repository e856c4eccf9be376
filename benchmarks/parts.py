"""The parts of the benchmark; `--only` chooses.

A part is a table of cases that are measured in turns, or, in `alone.py`, something that needs the
machine for itself.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.floor import ALONE, COMPUTE
from benchmarks.load import LARGE, SLOW_BODIES
from benchmarks.peers.catalogue import (
    DRUM,
    JSON_ROWS,
    KINDS,
    MLFLOW,
    MLSERVER,
    OTHERS,
    OURS,
    PEERS,
    TENSORS,
)
from benchmarks.peers.json_rows import CALL, FIELDS, NAMED, RECORDS, SPLIT, TENSOR
from benchmarks.peers.tensors import BINARY, JSON
from benchmarks.plan import Case, Setup, Stage


@dataclass(frozen=True, slots=True)
class Choice:
    """The cases of a part that are measured.

    Attributes:
        peers: Names of the servers that drum-like is compared with.
        workers: Numbers of worker processes.
        connections: Numbers of clients at a time.
        most_rows: Rows that all clients together may ask for at a time.
    """

    peers: Sequence[str] = tuple(peer.name for peer in OTHERS)
    workers: Sequence[int] = (1, 2)
    connections: Sequence[int] = (1, 8)
    most_rows: int = 1_000_000

    @property
    def servers(self) -> tuple[str, ...]:
        """drum-like and the peers."""
        return (OURS, *self.peers)


Stages = Callable[[Choice], Iterable[Stage]]


def one_row(choice: Choice) -> Iterable[Stage]:
    """One row, every server and form."""
    return _sizes("one-row", (1,), choice)


def hundred_rows(choice: Choice) -> Iterable[Stage]:
    """A hundred rows, every server and form."""
    return _sizes("hundred-rows", (100,), choice)


def big_csv(choice: Choice) -> Iterable[Stage]:
    """10,000 and 100,000 rows, every server and form, and the floor."""
    return _sizes("big-csv", (10_000, 100_000), choice)


def ping(_choice: Choice) -> Iterable[Stage]:
    """`/ping/` of drum-like and of the smallest Flask application in the same server."""
    setups = (Setup(OURS), Setup("flask", "none"))
    yield Stage("ping", tuple(Case("ping", setup, "ping") for setup in setups))


def over_ping(_choice: Choice) -> Iterable[Stage]:
    """One row beside `/ping/` of the same server, for frameworks that take microseconds."""
    setups = [Setup(OURS, model) for model in ("lightgbm", "onnx", "xgboost")]
    cases = [
        case
        for setup in setups
        for case in (Case("over-ping", setup, "csv", 1), Case("over-ping", setup, "ping"))
    ]
    yield Stage("over-ping", tuple(cases))


def models(choice: Choice) -> Iterable[Stage]:
    """All kinds of models, against DRUM, which is the peer that serves them all."""
    kinds = ("lightgbm", "onnx", "sklearn")
    cases = [
        Case("models", Setup(peer, kind), "csv", n_rows)
        for kind in kinds
        for n_rows in (1, 100)
        for peer in (OURS, DRUM)
        if peer in choice.servers
    ]
    yield Stage("models", tuple(cases))


def hook(choice: Choice) -> Iterable[Stage]:
    """10,000 rows through a pandas `transform`, against DRUM."""
    peers = [peer for peer in (OURS, DRUM) if peer in choice.servers]
    cases = [Case("hook", Setup(peer, "hook"), "csv", 10_000) for peer in peers]
    yield Stage("hook", tuple(cases))


def workers(_choice: Choice) -> Iterable[Stage]:
    """A hundred rows, eight clients: two workers beside one."""
    setups = (Setup(OURS, workers=1), Setup(OURS, workers=2))
    yield Stage("workers", tuple(Case("workers", setup, "csv", 100, 8) for setup in setups))


def threads(_choice: Choice) -> Iterable[Stage]:
    """A thousand rows, eight clients: one worker of eight threads beside two of four."""
    setups = (Setup(OURS, workers=1, threads=8), Setup(OURS, workers=2, threads=4))
    yield Stage("threads", tuple(Case("threads", setup, "csv", 1000, 8) for setup in setups))


def worker_kinds(_choice: Choice) -> Iterable[Stage]:
    """One row, and `/ping/` beside slow bodies, in our workers, gunicorn's and granian."""
    peers = (OURS, *(kind.name for kind in KINDS))
    cases = [
        Case("worker-kinds", Setup(peer), "csv", 1, connections)
        for connections in (1, 8)
        for peer in peers
    ]
    yield Stage("worker-kinds", tuple(cases))
    setups = [Setup(peer, threads=2) for peer in peers]
    slow = [Case("worker-kinds", setup, SLOW_BODIES, 1, 4) for setup in setups]
    yield Stage("slow-bodies", tuple(slow))


def tensors(choice: Choice) -> Iterable[Stage]:
    """The Open Inference Protocol: one row beside MLServer, binary rows beside XGBoost alone."""
    peers = [TENSORS, *({MLSERVER} & set(choice.servers))]
    cases = [Case("tensors", Setup(peer), JSON, 1, 8) for peer in peers]
    cases += [
        Case("tensors", Setup(TENSORS), BINARY, 10_000),
        Case("tensors", Setup(COMPUTE), ALONE, 10_000),
    ]
    yield Stage("tensors", tuple(cases))


def json_rows(choice: Choice) -> Iterable[Stage]:
    """A hundred rows of JSON: records beside CSV, and MLflow's split form beside MLflow."""
    ours = Setup(JSON_ROWS)
    cases = [Case("json", ours, form, 100) for form in (RECORDS, "csv", SPLIT)]
    cases += [Case("json", Setup(peer), SPLIT, 100) for peer in {MLFLOW} & set(choice.servers)]
    yield Stage("json", tuple(cases))


def doors(_choice: Choice) -> Iterable[Stage]:
    """One row through every door of JSON, beside CSV; a `score` hook, beside its own time."""
    ours = Setup(JSON_ROWS)
    forms = ("csv", RECORDS, NAMED, SPLIT, TENSOR, FIELDS, CALL)
    cases = [Case("doors", ours, form, 1) for form in forms]
    hook = Case("doors", Setup(OURS, "score"), "csv", 1)
    alone = Case("doors", Setup(COMPUTE, "score"), ALONE, 1)
    yield Stage("doors", (*cases, hook, alone))


def pipelines(choice: Choice) -> Iterable[Stage]:
    """One row to a scikit-learn pipeline from few and many clients, beside `predict_proba`."""
    peers = [peer for peer in (OURS, DRUM) if peer in choice.servers]
    cases = [
        Case("pipelines", Setup(peer, "sklearn"), "csv", 1, connections)
        for connections in (1, 8, 32, 128)
        for peer in peers
    ]
    alone = Case("pipelines", Setup(COMPUTE, "sklearn"), ALONE, 1)
    yield Stage("pipelines", (alone, *cases))


PARTS: dict[str, Stages] = {
    "one-row": one_row,
    "ping": ping,
    "over-ping": over_ping,
    "worker-kinds": worker_kinds,
    "hundred-rows": hundred_rows,
    "big-csv": big_csv,
    "hook": hook,
    "workers": workers,
    "threads": threads,
    "models": models,
    "tensors": tensors,
    "json": json_rows,
    "doors": doors,
    "pipelines": pipelines,
}
"""Parts that are measured in stages."""


def stages(names: Iterable[str], choice: Choice) -> list[Stage]:
    """Return the stages of parts; those of one name are one, so that servers start once."""
    merged: dict[str, tuple[Case, ...]] = {}
    for name in names:
        for stage in PARTS[name](choice):
            merged[stage.name] = merged.get(stage.name, ()) + stage.cases
    return [Stage(name, cases) for name, cases in merged.items()]


def _sizes(part: str, sizes: Sequence[int], choice: Choice) -> Iterable[Stage]:
    """Yield a stage for each number of workers: every size, connections, server and form."""
    for n_workers in choice.workers:
        cases = [
            Case(part, Setup(peer, workers=n_workers), form, n_rows, connections)
            for n_rows in sizes
            for connections in choice.connections
            if n_rows * connections <= choice.most_rows
            for peer, form in _forms(choice.servers, n_rows, connections, n_workers)
        ]
        yield Stage(f"{n_workers} worker{'s' if n_workers > 1 else ''}", tuple(cases))


def _forms(
    servers: Iterable[str], n_rows: int, connections: int, n_workers: int
) -> Iterable[tuple[str, str]]:
    """Yield each server with each form that it takes; the floors beside large requests."""
    for peer in servers:
        yield from ((peer, form) for form in PEERS[peer].endpoints)
    if connections == 1 and (n_rows >= LARGE or n_workers == 1):
        yield from (("discard", form) for form in PEERS["discard"].endpoints)
    if connections == 1 and n_rows >= LARGE:
        yield from ((COMPUTE, form) for form in ("csv", "arrow"))
