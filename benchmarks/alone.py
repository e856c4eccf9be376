"""Parts that need the machine for themselves: memory, starts, and scoring a large file."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import psutil

from benchmarks import load, noise
from benchmarks.bodies import MOST_ROWS, csv
from benchmarks.environments import EnvironmentFailedError
from benchmarks.parts import Choice
from benchmarks.peer import Peer, Site
from benchmarks.peers import drum
from benchmarks.peers.catalogue import DRUM, OURS, PEERS
from benchmarks.peers.drum_like import LABELS
from benchmarks.plan import Case, Measurement, Setup
from benchmarks.servers import clean_environment, peak_rss
from benchmarks.stages import FAILURES, Bench

IMPORT = "import xgboost"
"""Name of a process that imports XGBoost and does nothing."""

VERSION_REPEATS = 5
_LOOK_S = 0.05
_IMPORT_CODE = "import xgboost, sys; print('ready', flush=True); sys.stdin.read()"


class RunFailedError(Exception):
    """A command failed; the message holds what it wrote."""


def memory(choice: Choice, bench: Bench) -> Iterator[Measurement]:
    """Yield the memory of each server alone, after its first answer to a row."""
    for number in range(bench.effort.rounds):
        bench.say(f"memory: round {number + 1} of {bench.effort.rounds}")
        figures = {"pss_mb": import_alone_mb(Path(sys.executable))}
        yield Measurement(Case("memory", Setup(IMPORT), "memory"), figures)
        for name in choice.servers:
            yield from _once("memory", PEERS[name], bench)


def start(choice: Choice, bench: Bench) -> Iterator[Measurement]:
    """Yield the time to print the version, and from the start of a server to its first answer."""
    for number in range(bench.effort.rounds):
        bench.say(f"start: round {number + 1} of {bench.effort.rounds}")
        for name in choice.servers:
            yield from _once("start", PEERS[name], bench)
        for name in (OURS, DRUM):
            if name in choice.servers:
                yield from _version(PEERS[name], bench)


def score(choice: Choice, bench: Bench) -> Iterator[Measurement]:
    """Yield rows a second and peak memory of scoring a file that is written for it."""
    with tempfile.TemporaryDirectory(prefix="bench-score-", dir=bench.servers.scratch) as name:
        folder = Path(name)
        n_rows = write_csv(folder / "rows.csv", bench.effort.score_mb)
        commands = {OURS: _our_score, DRUM: _drum_score}
        for number in range(bench.effort.rounds):
            bench.say(f"score: round {number + 1} of {bench.effort.rounds}")
            for peer, command in commands.items():
                if peer in choice.servers:
                    yield from _scored(peer, command, n_rows, folder, bench)


def write_csv(path: Path, megabytes: int) -> int:
    """Write a CSV of about this many MB, the same rows again and again; return the rows."""
    header, _, rows = csv("xgboost", MOST_ROWS).partition(b"\n")
    repeats = max(1, round(megabytes * 1e6 / len(rows)))
    with path.open("wb") as stream:
        stream.write(header + b"\n")
        for _ in range(repeats):
            stream.write(rows)
    return repeats * MOST_ROWS


def import_alone_mb(python: Path) -> float:
    """Return the PSS of a process that has imported XGBoost, in MB."""
    process = subprocess.Popen(
        [str(python), "-c", _IMPORT_CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(),
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        return float(psutil.Process(process.pid).memory_full_info().pss / 1e6)
    finally:
        process.communicate()


def _once(part: str, peer: Peer, bench: Bench) -> Iterator[Measurement]:
    """Start a server, ask it for one row, look at it, stop it."""
    case = Case(part, Setup(peer.name), part)
    try:
        figures = noise.quietest(lambda: _first_answer(case, peer, bench), bench.retries)
    except FAILURES as error:
        bench.miss(part, peer.name, error)
    else:
        yield Measurement(case, figures)


def _first_answer(case: Case, peer: Peer, bench: Bench) -> Mapping[str, float]:
    with bench.servers.running(peer, case.setup) as server:
        form = next(iter(peer.endpoints))
        request = load.request_for(Case(case.part, case.setup, form, 1), server)
        connection = HTTPConnection("127.0.0.1", server.port, timeout=load.REQUEST_TIMEOUT_S)
        began = time.perf_counter()
        load.send(connection, request)
        first_s = time.perf_counter() - began
        connection.close()
        found = server.memory()
    return {
        "pss_mb": found.pss_mb,
        "peak_rss_mb": found.peak_rss_mb,
        "start_s": server.start_s + first_s,
    }


def _version(peer: Peer, bench: Bench) -> Iterator[Measurement]:
    try:
        program = bench.servers.environments.python(peer).with_name(peer.name)
    except EnvironmentFailedError as error:
        bench.miss("start", peer.name, error)
        return
    case = Case("start", Setup(peer.name), "version")
    for _ in range(VERSION_REPEATS):
        yield Measurement(case, noise.quietest(lambda: _timed(program), bench.retries))


def _timed(program: Path) -> Mapping[str, float]:
    began = time.perf_counter()
    done = subprocess.run(
        [str(program), "--version"], env=clean_environment(), capture_output=True, check=True
    )
    assert done.stdout
    return {"ms": (time.perf_counter() - began) * 1e3}


def _our_score(site: Site, rows: Path, output: Path) -> list[str]:
    program = [str(site.python), "-m", "drum_like", "score", "--code-dir", str(site.model)]
    return [*program, "--input", str(rows), "--output", str(output), *LABELS]


def _drum_score(site: Site, rows: Path, output: Path) -> list[str]:
    drum.prepare(site)
    program = [site.program("drum"), "score", "--code-dir", str(site.folder)]
    return [*program, "--input", str(rows), "--output", str(output), *LABELS]


Command = Callable[[Site, Path, Path], list[str]]


def _scored(
    peer: str, command: Command, n_rows: int, folder: Path, bench: Bench
) -> Iterator[Measurement]:
    """Score the file once; the command's own start is a part of the time."""
    case, output = Case("score", Setup(peer), "csv", n_rows), folder / "scored.csv"
    output.unlink(missing_ok=True)
    try:
        python = bench.servers.environments.python(PEERS[peer])
        with tempfile.TemporaryDirectory(dir=folder) as name:
            site = Site(python, Path(name), bench.servers.models / "xgboost", 0, 1, 0)
            arguments = command(site, folder / "rows.csv", output)
            figures = noise.quietest(lambda: _run(arguments, Path(name), n_rows), 0)
        _check_output(output, n_rows)
    except (*FAILURES, RunFailedError) as error:
        bench.miss("score", peer, error)
    else:
        yield Measurement(case, figures)


def _run(command: list[str], folder: Path, n_rows: int) -> Mapping[str, float]:
    """Run a command to its end; its peak is the largest resident size that it had, in MB.

    The peak is looked at while it runs: ru_maxrss counts this process, too, which has started it.
    """
    log = folder / "log"
    began = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=clean_environment())
    peak = 0
    while process.poll() is None:
        with suppress(OSError):  # it has just ended
            peak = max(peak, peak_rss(process.pid))
        time.sleep(_LOOK_S)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RunFailedError(log.read_text(errors="replace")[-500:])
    return {
        "rows_per_s": n_rows / seconds,
        "peak_rss_mb": peak / 1e6,
        "seconds": seconds,
    }


def _check_output(path: Path, n_rows: int) -> None:
    with path.open("rb") as stream:
        found = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))
    if found not in {n_rows, n_rows + 1}:
        raise RunFailedError(f"{found} lines of output for {n_rows} rows")


ALONE = {"memory": memory, "start": start, "score": score}
"""Parts by name."""
