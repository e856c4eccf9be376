"""Asks a server for a long time, and looks whether it grows: `python -m tests.soak`.

A control follows, whose model keeps something for each prediction: it has to be found to grow.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.live.steered import eventually
from tests.soak.clients import N_CLIENTS, Account, load
from tests.soak.mix import LEAKING, STEADY, Item, mixed
from tests.soak.watching import Watch
from tests.support.models import Model
from tests.support.serving import serve
from tests.support.wallaroo_api import Api

_CONTROL_SHARE = 0.1
_BURST_S = 10
_BURST = 10
"""The rate of the burst, as a multiple."""
_WORKERS = 2


def main() -> int:
    """Soak a server and the control; return 1 if one of them is not as it has to be."""
    flags = _parse()
    complaints = soak(STEADY, flags.minutes * 60, flags.rate)
    control_s = max(60.0, flags.minutes * 60 * _CONTROL_SHARE)
    grown = [] if flags.no_control else soak(LEAKING, control_s, flags.rate)
    if not flags.no_control:
        _say("the control: " + ("found to grow" if _is_noticed(grown) else "NOT found to grow"))
    return 1 if complaints or not (flags.no_control or _is_noticed(grown)) else 0


def soak(model: Model, seconds: float, rate: float, halves: int = 1) -> list[str]:
    """Ask a server of a model for this time; return what is wrong with it.

    Its clients leave for a moment in the middle and at the end, where descriptors are counted.

    Args:
        model: What is served.
        seconds: The time.
        rate: Requests a second.
        halves: How many second halves there may be until one leaves all as it was: a young server
            opens connections and starts threads when it first needs them, a leak goes on.
    """
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        directory = model.write(Path(folder, "model").absolute())
        flags = ("--store", f"{folder}/store", "--max-workers", str(_WORKERS), *model.flags)
        with serve(directory, *flags) as server:
            items = mixed(Api(server))
            master = psutil.Process(server.process.pid)
            eventually(lambda: len(master.children()) == _WORKERS)
            watch = Watch(master.pid)
            _burst(server.url, items, rate, min(_BURST_S, seconds / 4))
            half_s, accounts = 0.0, [load(server.url, items, rate, seconds / 2)]
            while not watch.is_as_before and len(accounts) <= halves:
                watch.note_before()
                half_s = watch.elapsed_s()
                with watch.sampling():
                    accounts.append(load(server.url, items, rate, seconds / 2))
                watch.note_after()
            wrong = [line for account in accounts for line in _wrong(account)]
            complaints = [*watch.complaints(half_s), *wrong]
    _tell(watch, half_s, accounts, complaints)
    return complaints


def _burst(url: str, items: Sequence[Item], rate: float, seconds: float) -> None:
    """Ask much at a time, so that pools have all connections and threads that the load can need.

    Else they would get the last of them at any time, minutes later. Some may be answered 503.
    """
    load(url, items, _BURST * rate, seconds, n_clients=_BURST * N_CLIENTS)


def _wrong(account: Account) -> list[str]:
    return [f"{count} x {name}" for name, count in account.failures.most_common()]


def _is_noticed(complaints: list[str]) -> bool:
    return any("has grown" in complaint for complaint in complaints)


def _tell(watch: Watch, half_s: float, accounts: Sequence[Account], complaints: list[str]) -> None:
    sent = sum(account.sent for account in accounts)
    statuses = sum(
        (account.statuses for account in accounts), start=accounts[0].statuses.__class__()
    )
    _say(
        f"{sent:,} requests in {watch.elapsed_s():.0f} s, answers {dict(sorted(statuses.items()))}"
    )
    for pid, one in watch.watched.items():
        growth, size = one.growth(half_s)
        _say(
            f"process {pid}: {size / 1e6:.1f} MB, {growth / 1e6:+.2f} MB in the second half "
            f"({100 * growth / max(1, size):+.2f} %), {one.before} before it, {one.after} after"
        )
    for complaint in complaints[:30]:
        _say(f"  {complaint}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    minutes = float(os.environ.get("SOAK_MINUTES", "30"))
    parser.add_argument("--minutes", type=float, default=minutes, help="of the soak (%(default)s)")
    parser.add_argument("--rate", type=float, default=100, help="requests a second (%(default)s)")
    parser.add_argument("--no-control", action="store_true", help="leave the control out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
