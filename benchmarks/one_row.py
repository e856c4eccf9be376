"""Throughput of one-row requests: this server against the real DRUM, in one run.

Both serve the same booster (pickled for DRUM, in XGBoost's own format here) and take turns under
load from wrk, so that a busy machine slows both. Prints the requests per second of every round and
the ratio of the medians; a ratio is the result, the absolute figures are context.

    python benchmarks/one_row.py --drum build/parity/drum-env/bin/drum
"""

import argparse
import json
import os
import pickle
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xgboost

ROUNDS, SECONDS, CONNECTIONS = 3, 4, 8
START_TIMEOUT_S = 60.0
LABELS = ("--target-type", "binary", "--positive-class-label", "1", "--negative-class-label", "0")


def main() -> int:
    """Measure and print; 1 if a server does not answer right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drum", required=True, help="the real drum, in an environment of its own")
    parser.add_argument("--workers", type=int, default=1, help="workers of both servers")
    options = parser.parse_args()
    ours = [sys.executable, "-m", "drum_like"]
    with tempfile.TemporaryDirectory() as folder:
        script, directories = prepare(Path(folder))
        with (
            served([options.drum], directories["drum"], options.workers) as theirs_url,
            served(ours, directories["ours"], options.workers) as our_url,
        ):
            urls = {"drum-like": our_url, "DRUM": theirs_url}
            if not agree(urls, (Path(folder) / "row.csv").read_bytes()):
                return 1
            report(rounds(urls, script))
    return 0


def prepare(folder: Path) -> tuple[Path, Mapping[str, Path]]:
    """Train 300 trees on 30 columns; write both directories, the row and wrk's script."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 30)).astype(np.float32)
    names = [f"f{n}" for n in range(30)]
    target = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int)
    matrix = xgboost.DMatrix(rows, target, feature_names=names)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 6}, matrix, 300)
    directories = {name: folder / name for name in ("drum", "ours")}
    for directory in directories.values():
        directory.mkdir()
    (directories["drum"] / "model.pkl").write_bytes(pickle.dumps(booster))
    booster.save_model(directories["ours"] / "model.ubj")
    row = ",".join(names) + "\n" + ",".join(f"{v:.6f}" for v in rows[0]) + "\n"
    (folder / "row.csv").write_text(row)
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        'wrk.headers["Content-Type"] = "text/csv"\n'
        f"wrk.body = {json.dumps(row)}\n"
    )
    return script, directories


@contextmanager
def served(command: Sequence[str], directory: Path, workers: int) -> Iterator[str]:
    """Run a server until the block ends; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    arguments = [*command, "server", "--code-dir", str(directory), "--address", address, *LABELS]
    with (directory / "log").open("wb") as log:
        environment = {**os.environ, "MAX_WORKERS": str(workers)}
        process = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
    try:
        wait_for(f"http://{address}/ping/")
        yield f"http://{address}/predict/"
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise SystemExit(f"no answer from {url}")


def agree(urls: Mapping[str, str], body: bytes) -> bool:
    """Return whether both predict the same; DRUM mislabels a booster's one column (D17)."""
    found = {}
    for name, url in urls.items():
        request = urllib.request.Request(url, body, {"Content-Type": "text/csv"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            found[name] = json.load(reply)["predictions"][0]
    same = abs(found["drum-like"]["1"] - found["DRUM"]["0"]) < 1e-6
    if not same:
        print(f"different answers: {found}")
    return same


def rounds(urls: Mapping[str, str], script: Path) -> dict[str, list[float]]:
    """Return requests per second of every round, the servers taking turns."""
    rates: dict[str, list[float]] = {name: [] for name in urls}
    for _ in range(ROUNDS):
        for name, url in urls.items():
            rates[name].append(rate(url, script))
    return rates


def rate(url: str, script: Path) -> float:
    """Return requests per second under load."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script), url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    match = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if match is None or "Non-2xx" in output:
        raise SystemExit(f"the load failed:\n{output}")
    return float(match[1])


def report(rates: Mapping[str, Sequence[float]]) -> None:
    """Print every round and the ratio."""
    for name, values in rates.items():
        print(f"{name:10} {' '.join(f'{v:8.0f}' for v in values)}  requests/s")
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"ratio of medians, drum-like to DRUM: {medians['drum-like'] / medians['DRUM']:.1f}")


if __name__ == "__main__":
    sys.exit(main())
