"""The process that attacks one target."""

import faulthandler
import mmap
import os
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random

from drum_like.system.memory import keep_few_heaps
from tests.fuzz.mutator import CORPUS, LONGEST, corpus, mutants

BUILD = Path("build/fuzz")
SLOW_S = 1.0
"""CPU time of one payload that is a finding."""

_HUNG_S = 60
_MOST_FINDINGS = 20


class SlowError(BaseException):
    """A payload took too much CPU time."""


def mutants_of(target: str, number: int, seconds: int, seed: int) -> int:
    """Attack with mutants of the corpus; return the number of findings."""
    from tests.fuzz.targets import attack

    seeds, random = corpus(target), Random(seed)
    last = _Last(BUILD / target / "last")
    for body in seeds:
        attack(target, body)
    signal.signal(signal.SIGPROF, _slow)
    found: Counter[str] = Counter()
    taken, until, done = 0, time.monotonic() + seconds, 0
    for body in mutants(seeds, random):
        if done >= number > 0 or (not number and time.monotonic() > until):
            break
        if sum(found.values()) >= _MOST_FINDINGS:
            break
        done += 1
        last.keep(body)
        if done % 100 == 1:
            faulthandler.dump_traceback_later(_HUNG_S, exit=True)
        try:
            signal.setitimer(signal.ITIMER_PROF, SLOW_S)
            taken += attack(target, body)
        except (Exception, SlowError):  # noqa: BLE001 - whatever it is, it is a finding
            signal.setitimer(signal.ITIMER_PROF, 0)
            found[_noted(target, body, sum(found.values()))] += 1
    signal.setitimer(signal.ITIMER_PROF, 0)
    for text, times in found.items():
        print(f"{times} x {text}")
    print(f"{target}: {done} payloads, {taken} taken, {sum(found.values())} findings")
    return sum(found.values())


def coverage_of(target: str, seconds: int) -> int:
    """Attack with atheris, which follows the lines that a payload reaches; does not return."""
    import atheris

    found = BUILD / target
    grown = found / "corpus"
    grown.mkdir(exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        "-timeout=10",
        "-rss_limit_mb=4096",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
    ]
    with atheris.instrument_imports(include=["drum_like", "drum_like_predictors"]):
        from tests.fuzz.targets import attack

    def one(body: bytes) -> None:
        began = time.process_time()
        attack(target, body)
        if time.process_time() - began > 2 * SLOW_S:  # what is instrumented takes longer
            raise SlowError(f"{time.process_time() - began:.1f} s")

    atheris.Setup([sys.argv[0], *options, str(grown), str(CORPUS / target)], one)
    atheris.Fuzz()
    return 0


class _Last:
    """The payload that is tried now, in a file that outlives a process that dies of it."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(LONGEST + 8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), LONGEST + 8)

    def keep(self, body: bytes) -> None:
        """Note a payload: its length in eight bytes, and itself."""
        self._map[:8] = len(body).to_bytes(8, "little")
        self._map[8 : 8 + len(body)] = body


def _slow(*_: object) -> None:
    raise SlowError(f"more than {SLOW_S} s of CPU time")


def _noted(target: str, body: bytes, number: int) -> str:
    """Write a finding to a file; return where it comes from, in a line."""
    text = traceback.format_exc()
    path = BUILD / target / f"found-{number}"
    path.write_bytes(body)
    path.with_suffix(".txt").write_text(text)
    frames = traceback.extract_tb(sys.exc_info()[2])
    inside = [frame for frame in frames if "drum_like" in frame.filename] or list(frames)
    where = f"{Path(inside[-1].filename).name}:{inside[-1].lineno}"
    return f"{where} {text.strip().splitlines()[-1][:150]}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    keep_few_heaps(os.environ)  # as a server does, before Arrow is imported
    if sys.argv[1] == "coverage_of":
        sys.exit(coverage_of(sys.argv[2], int(sys.argv[3])))
    sys.exit(min(1, mutants_of(sys.argv[2], *map(int, sys.argv[3:6]))))
