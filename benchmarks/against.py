"""Compares this tree with an older commit: the server's CPU time for a request, as a ratio.

python -m benchmarks --against HEAD~1               passes within 3 %
python -m benchmarks --against v0.4.0 --within 1 --rounds 15

Both are served side by side, and the commit twice: its second server beside its first shows how far
two measurements of the same lie apart on this machine.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import bodies, load, noise
from benchmarks.comparison import Comparison, Wish, table
from benchmarks.load import Request
from benchmarks.peer import Peer, Site, Start
from benchmarks.peers import drum_like
from benchmarks.plan import Say, Setup, ratios
from benchmarks.servers import Running, Servers
from benchmarks.trees import install_commit, install_working_tree
from scripts.use_cases.cases import SPEND_RISK
from scripts.use_cases.training import model_id
from scripts.use_cases.training import train as train_campaign

OLD, NEW, CONTROL = "old", "new", "control"
SERVERS = (OLD, NEW, CONTROL)

WARM_UP_S = 1.0
BURST_S = 0.1
"""The load of a server before it is another one's turn; from wrk it is a second."""

LEAST_BUSY = 0.5
"""The part of the time of a load that has to be CPU time of the server."""

CAMPAIGN = model_id(SPEND_RISK, "xgboost")
CAMPAIGN_ROW = {
    "amount_sum": 24500,
    "amount_mean": 322,
    "amount_std": 215,
    "declined_count": 4,
    "is_high_risk_categories": 1,
}


@dataclass(frozen=True, slots=True)
class Door:
    """A way to ask for predictions.

    Attributes:
        name: For the table.
        model: The model that is asked.
        request: What is sent.
    """

    name: str
    model: str
    request: Request


def run(wish: Wish, servers: Servers, say: Say) -> int:
    """Compare, and print the table; return 1 if a request got more expensive than allowed.

    Raises:
        TreeError: one of the trees does not install.
        ServerFailedError: one of them does not serve.
        LoadFailedError: an answer was not 200.
    """
    with TemporaryDirectory(prefix="bench-trees-") as name:
        folder = Path(name)
        say(f"installing {wish.commit} and the working tree")
        sites = {
            OLD: install_commit(wish.commit, folder / OLD),
            NEW: install_working_tree(folder / NEW),
        }
        sites[CONTROL] = sites[OLD]
        found = list(_compared(wish, servers, sites, say))
    print(table(found, wish))
    return int(not all(each.holds(wish.within) for each in found))


def doors() -> tuple[Door, ...]:
    """Return the requests that are compared."""
    text = bodies.csv("xgboost", 1).decode().splitlines()
    score = json.dumps({"fields": text[0].split(","), "rows": [text[1].split(",")]})
    params = {"input": list(CAMPAIGN_ROW), "value": list(CAMPAIGN_ROW.values())}
    call = {"campaign": "spend_risk", "sub-campaign": "xgboost", "in_params": params}
    invoke = _json("/invocate", json.dumps(call))
    return (
        Door("1 row CSV, /predict/", "xgboost", _csv(1)),
        Door("1 row, /model/score", "xgboost", _json("/model/score", score)),
        Door("1 row, /invocate", CAMPAIGN, invoke),
        Door("1,000 rows CSV, /predict/", "xgboost", _csv(1000)),
    )


def _compared(
    wish: Wish, servers: Servers, sites: Mapping[str, Path], say: Say
) -> Iterator[Comparison]:
    """Serve all trees, measure round after round, and yield what came out."""
    asked = doors()
    if not (servers.models / CAMPAIGN / "model-metadata.yaml").exists():
        train_campaign(SPEND_RISK, "xgboost", servers.models / CAMPAIGN)
    spent: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        running = _started(asked, servers, sites, stack)
        for door in asked:
            for name in SERVERS:
                _warm(running[name, door.model], door.request)
        pids = [server.process.pid for server in running.values()]
        before = noise.look(pids)
        for number in range(wish.rounds):
            say(f"round {number + 1} of {wish.rounds}")
            for door in asked:
                turns = {name: running[name, door.model] for name in order(number)}
                for name, cost in _costs_s(turns, door.request, wish.seconds):
                    spent.setdefault((name, door.name), []).append(cost)
        busy = noise.others_percent(before, noise.look(pids))
        doubt = ": verdicts are worth little" if busy > noise.TOLERABLE_PERCENT else ""
        say(f"other programs took {busy:.0f} % of the CPUs{doubt}")
    for door in asked:
        old, new, control = (tuple(spent[name, door.name]) for name in SERVERS)
        yield Comparison(door.name, ratios(new, old), ratios(control, old))


def _started(
    asked: Sequence[Door], servers: Servers, sites: Mapping[str, Path], stack: ExitStack
) -> dict[tuple[str, str], Running]:
    models = dict.fromkeys(door.model for door in asked)
    peers = {name: _peer(name, site) for name, site in sites.items()}
    return {
        (name, model): stack.enter_context(servers.running(peer, Setup(name, model)))
        for model in models
        for name, peer in peers.items()
    }


def _peer(name: str, site: Path) -> Peer:
    """Return drum-like from a folder that is first on the import path."""

    def start(where: Site) -> Start:
        usual = drum_like.start(where)
        words = list(usual.command)
        if where.model.name == CAMPAIGN:  # its metadata name the labels
            words = words[: -len(drum_like.LABELS)]
        return Start(words, {**usual.environ, "PYTHONPATH": str(site)})

    return Peer(name, (), frozenset(), {}, "/ping/", start)


def _warm(server: Running, request: Request) -> None:
    """Ask once, which tells a wrong request, then for a while."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=load.REQUEST_TIMEOUT_S)
    answer = load.send(connection, request)
    connection.close()
    if b"ErrorMessage" in answer:
        raise load.LoadFailedError(f"{request.path} answered {answer[:200]!r}")
    _load(server, request, WARM_UP_S)


def _costs_s(
    servers: Mapping[str, Running], request: Request, seconds: float
) -> Iterator[tuple[str, float]]:
    """Yield each server's CPU time for one of many requests, in all its processes.

    The servers take turns in short bursts: what else runs on the machine changes the costs of all
    of them alike. Their clock ticks a hundred times a second, so it goes on until each has many.
    """
    before = {name: noise.cpu_s(server.process.pid) for name, server in servers.items()}
    requests, spent = Counter[str](), dict.fromkeys(servers, 0.0)
    while min(spent.values()) < seconds * LEAST_BUSY:
        for name, server in servers.items():
            requests[name] += _load(server, request, BURST_S)
            spent[name] = noise.cpu_s(server.process.pid) - before[name]
    for name in servers:
        yield name, spent[name] / requests[name]


def _load(server: Running, request: Request, seconds: float) -> int:
    """Send a request again and again on one connection; return how often."""
    send = load.timed if shutil.which("wrk") else load.counted
    return int(send(server.port, request, 1, seconds)["requests"])


def order(number: int) -> tuple[str, ...]:
    """Return the servers, another one first in each round: what comes before another may tell."""
    first = number % len(SERVERS)
    return (*SERVERS[first:], *SERVERS[:first])


def _csv(n_rows: int) -> Request:
    return Request("POST", "/predict/", "text/csv", bodies.csv("xgboost", n_rows))


def _json(path: str, text: str) -> Request:
    return Request("POST", path, "application/json", text.encode())
