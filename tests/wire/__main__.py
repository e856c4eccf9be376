"""Reads drawn byte streams with gunicorn's reader and with ours: `python -m tests.wire`."""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from tests.wire.live import judged_live
from tests.wire.streams import draw
from tests.wire.verdict import Judge, Tally

_AT_A_TIME = 1000


def main() -> int:
    """Read the streams; return 1 where one of them is read wrongly."""
    flags = _parse()
    began = time.monotonic()
    if flags.only is not None:
        return _only(flags)
    tally = Tally()
    with ProcessPoolExecutor(flags.jobs) as pool:
        for part in pool.map(_part, repeat(flags.seed), _parts(flags.count)):
            tally.add(part)
    _say(tally, f"{flags.count} streams of seed {flags.seed}", time.monotonic() - began)
    began = time.monotonic()
    live = judged_live(flags.seed, range(flags.live))
    _say(live, f"{flags.live} streams to real servers", time.monotonic() - began)
    return 1 if tally.failures or live.failures else 0


def _parts(count: int) -> Iterator[range]:
    for start in range(0, count, _AT_A_TIME):
        yield range(start, min(count, start + _AT_A_TIME))


def _part(seed: int, numbers: range) -> Tally:
    return Judge(seed).judge(numbers)


def _only(flags: argparse.Namespace) -> int:
    """Show one stream, and what is wrong with it."""
    stream = draw(flags.seed, flags.only)
    sys.stdout.write("\n".join(map(repr, stream.pieces)) + f"\nwanted: {stream.wanted}\n")
    tally = Judge(flags.seed).judge([flags.only])
    _say(tally, f"stream {flags.only}", 0)
    return 1 if tally.failures else 0


def _say(tally: Tally, what: str, took_s: float) -> None:
    lines = [f"{what}, {took_s:.0f} s"]
    lines += [f"{count:9,}  {kind}" for kind, count in sorted(tally.kinds.items())]
    failures = sorted(tally.failures.items())
    lines += [f"stream {number}: {failure}"[:1000] for number, failure in failures[:20]]
    lines += [f"{len(failures):9,}  wrong\n"]
    sys.stdout.write("\n".join(lines))
    sys.stdout.flush()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000, help="streams (%(default)s)")
    parser.add_argument("--live", type=int, default=3_000, help="of real servers (%(default)s)")
    parser.add_argument("--jobs", type=int, default=None, help="processes (one a CPU)")
    parser.add_argument("--only", type=int, help="show the stream of this number alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
