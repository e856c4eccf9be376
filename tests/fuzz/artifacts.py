"""Mutants of model files, uploaded to a real server: their checks have to end."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.mutator import mutants
from tests.support.artifacts import (
    content,
    native_lightgbm,
    native_xgboost,
    onnx_tensor,
    sklearn_classifier,
)
from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER
from tests.support.raw_clients import get_s
from tests.support.repeating import repeated
from tests.support.serving import serve
from tests.support.wallaroo_api import Api, version_id

HELD_S = 10.0
"""Time of a check, or of a probe, that is a finding."""

_GIVEN_UP_S = 300.0
"""Time without a result after which none is waited for any more."""

_UNDER_WAY = 4


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of model file.

    Attributes:
        framework: As the contract names it.
        file_name: With the suffix of the kind.
        make: A good file.
    """

    framework: str
    file_name: str
    make: Callable[[], bytes]


KINDS: Mapping[str, _Kind] = {
    "xgboost-json": _Kind(
        "xgboost", "model.json", lambda: content(native_xgboost(".json"), "model.json")
    ),
    "xgboost-ubj": _Kind(
        "xgboost", "model.ubj", lambda: content(native_xgboost(".ubj"), "model.ubj")
    ),
    "lightgbm-text": _Kind(
        "lightgbm", "model.txt", lambda: content(native_lightgbm(), "model.txt")
    ),
    "onnx": _Kind("onnx", "model.onnx", lambda: content(onnx_tensor(1), "model.onnx")),
    "pickle": _Kind("sklearn", "model.pkl", lambda: content(sklearn_classifier(), "model.pkl")),
}


@dataclass(slots=True)
class _Queue:
    """The queue of checks, and the longest time that it gave no result although it had work.

    Attributes:
        waiting: Ids of the versions in it.
        held: That time.
        ended: When it gave the last result, or got work again.
    """

    waiting: list[int] = field(default_factory=list)
    held: float = 0.0
    ended: float = field(default_factory=time.monotonic)

    def take(self, version: int) -> None:
        """Note a version that has to be checked."""
        if not self.waiting:
            self.ended = time.monotonic()
        self.waiting.append(version)

    def empty(self, most: int, is_checked: Callable[[int], bool]) -> None:
        """Wait until at most so many versions are in it, or it is held for good."""
        while len(self.waiting) > most and self.held < _GIVEN_UP_S:
            left = [one for one in self.waiting if not is_checked(one)]
            self.held = max(self.held, time.monotonic() - self.ended)
            if len(left) < len(self.waiting):
                self.ended = time.monotonic()
            self.waiting = left
            time.sleep(0.05)


def check_artifacts(number: int, seed: int) -> int:
    """Upload mutants of each kind; return 1 if the server or its queue of checks is held.

    An upload that is answered by an error of the server counts, too.
    """
    probes_s: list[float] = []
    with (
        tempfile.TemporaryDirectory() as root,
        serve(None, "--store", root, *ONE_WORKER, "--allow-code-uploads") as server,
    ):
        with repeated(lambda: probes_s.append(get_s(server)), 0.1):
            good = [_upload_kind(Api(server), name, number, Random(seed)) for name in KINDS]
        code = server.process.poll()
    print(f"/livez: the slowest answer {max(probes_s):.2f} s; exit code {code}")
    return int(not all(good) or max(probes_s) > HELD_S or code is not None)


def _upload_kind(api: Api, name: str, number: int, random: Random) -> bool:
    """Return whether each upload was answered well, and the queue was never held."""
    kind, queue = KINDS[name], _Queue()
    statuses: Counter[str] = Counter()
    faults = 0
    good = kind.make()
    if not _is_ready(api, kind, name, good):
        return False
    bodies = mutants([good], random)
    for n in range(number):
        reply = _uploaded(api, kind, f"{name}-{n}", next(bodies))
        if reply.status == 202:
            queue.take(version_id(reply))
        else:
            statuses[f"refused {reply.status}"] += 1
            faults += reply.status >= 500
        most = _UNDER_WAY if n < number - 1 else 0
        queue.empty(most, lambda version: _is_checked(api, version, statuses))
    print(
        f"{name}: {number} mutants, {dict(statuses)}, held {queue.held:.1f} s at most", flush=True
    )
    return faults == 0 and queue.held <= HELD_S


def _is_ready(api: Api, kind: _Kind, name: str, good: bytes) -> bool:
    """Return whether the file of which mutants are made is served: errors of mutants are theirs."""
    found = api.checked(version_id(_uploaded(api, kind, f"{name}-good", good)))
    if found["status"] == "ready":
        return True
    print(f"{name}: a good file is {found['status']}", flush=True)
    return False


def _uploaded(api: Api, kind: _Kind, name: str, body: bytes) -> Reply:
    metadata = api.metadata(name, kind.framework)
    return api.upload(metadata, body, kind.file_name, "upload_and_convert")


def _is_checked(api: Api, version: int, statuses: Counter[str]) -> bool:
    status = str(api.version(version)["status"])
    if status not in ("ready", "error"):
        return False
    statuses[status] += 1
    return True
