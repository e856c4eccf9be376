"""Mutants of model files, uploaded to a real server: their checks have to end."""

import tempfile
import threading
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
from tests.support.serving import serve
from tests.support.wallaroo_api import Api, version_id

HELD_S = 10.0
"""Time of a check, or of a probe, that is a finding."""

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
class _Probe:
    """Asks `/livez` until it is told to end; keeps the longest time of an answer."""

    api: Api
    slowest: float = 0.0
    ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask."""
        while not self.ending.wait(0.1):
            began = time.monotonic()
            assert self.api.server.get("/livez").status == 200
            self.slowest = max(self.slowest, time.monotonic() - began)


def check_artifacts(number: int, seed: int) -> int:
    """Upload mutants of each kind; return 1 if the server or its queue of checks is held."""
    with (
        tempfile.TemporaryDirectory() as root,
        serve(None, "--store", root, *ONE_WORKER, "--allow-code-uploads") as server,
    ):
        probe = _Probe(Api(server))
        thread = threading.Thread(target=probe.run)
        thread.start()
        held = [_upload_kind(probe.api, name, number, Random(seed)) for name in KINDS]
        probe.ending.set()
        thread.join()
        print(
            f"/livez: the slowest answer {probe.slowest:.2f} s; exit code {server.process.poll()}"
        )
    return int(max(*held, probe.slowest) > HELD_S)


def _upload_kind(api: Api, name: str, number: int, random: Random) -> float:
    """Return the longest time that the queue gave no result although it had work."""
    kind = KINDS[name]
    statuses: Counter[str] = Counter()
    waiting: list[int] = []
    held, ended = 0.0, time.monotonic()
    bodies = mutants([kind.make()], random)
    for n in range(number):
        reply = _uploaded(api, kind, f"{name}-{n}", next(bodies))
        if reply.status == 202:
            waiting.append(version_id(reply))
        else:
            statuses[f"refused {reply.status}"] += 1
            ended = time.monotonic() if not waiting else ended
        while len(waiting) > (_UNDER_WAY if n < number - 1 else 0):
            done = [one for one in waiting if _is_checked(api, one, statuses)]
            waiting = [one for one in waiting if one not in done]
            if done:
                held, ended = max(held, time.monotonic() - ended), time.monotonic()
            time.sleep(0.05)
    print(f"{name}: {number} mutants, {dict(statuses)}, held {held:.1f} s at most", flush=True)
    return held


def _uploaded(api: Api, kind: _Kind, name: str, body: bytes) -> Reply:
    metadata = api.metadata(name, kind.framework)
    return api.upload(metadata, body, kind.file_name, "upload_and_convert")


def _is_checked(api: Api, version: int, statuses: Counter[str]) -> bool:
    status = str(api.version(version)["status"])
    if status not in ("ready", "error"):
        return False
    statuses[status] += 1
    return True
