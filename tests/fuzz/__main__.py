"""Attack the decoders: `make fuzz FUZZ='--seconds 60 --targets csv mtx'`.

With atheris, where a wheel of it is installed, each target gets an equal part of the time, and what
it finds grows a corpus of its own below `build/fuzz`. Without it, and with `--payloads`, mutants of
the corpus in the repository are made here. Each target runs in a process of its own; one that dies,
or takes more than a second of CPU time for one payload, is a finding, and so is an error that is no
refusal. Findings lie in `build/fuzz`.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.arrow_server import check_arrow
from tests.fuzz.artifacts import check_artifacts
from tests.fuzz.mutator import CORPUS

BUILD = Path("build/fuzz")
TARGETS = sorted(path.name for path in CORPUS.iterdir())

_SHARES = {"routes": 4, "archive": 6, "upload": 10}
_QUICK = {"token", "wallaroo-arrow", "wallaroo-fields", "wallaroo-records"}
"""Targets that take some 50 us for a payload get more than those that take a millisecond."""


def main() -> int:
    """Attack; return 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS)
    parser.add_argument("--seconds", type=int, default=120, help="for all targets together")
    parser.add_argument("--payloads", type=int, help="mutants of all targets, instead of a time")
    parser.add_argument("--arrow-mutants", type=int, help="mutants that a real server is sent")
    parser.add_argument("--artifacts", type=int, help="mutants of each kind of model to upload")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    if asked.arrow_mutants is not None:
        return check_arrow(asked.arrow_mutants, asked.seed)
    if asked.artifacts is not None:
        return check_artifacts(asked.artifacts, asked.seed)
    with ThreadPoolExecutor(asked.processes) as pool:
        codes = list(pool.map(lambda target: _run(target, asked), asked.targets))
    return max(codes)


def _share(target: str, number: int, targets: Sequence[str]) -> int:
    """Return the number of payloads for a target."""
    shares = {name: _SHARES.get(name, 12 if name in _QUICK else 8) for name in targets}
    return -(-number * shares[target] // sum(shares.values()))


def _run(target: str, asked: argparse.Namespace) -> int:
    """Attack one target in a process of its own; return 1 for a finding."""
    folder = BUILD / target
    folder.mkdir(parents=True, exist_ok=True)
    share_s = max(1, asked.seconds * asked.processes // len(asked.targets))
    if asked.payloads is None and find_spec("atheris"):
        command = ["coverage_of", target, str(share_s)]
    else:
        n = 0 if asked.payloads is None else _share(target, asked.payloads, asked.targets)
        command = ["mutants_of", target, str(n), str(share_s), str(asked.seed)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.attacker", *command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    text = done.stdout.decode(errors="replace").strip()
    (folder / "log").write_text(text)
    print(text.splitlines()[-1] if text else f"{target}: no word", flush=True)
    if done.returncode:
        print(f"{target}: FOUND, exit code {done.returncode}; see {folder}", flush=True)
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
