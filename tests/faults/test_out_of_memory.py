"""F-03: hooks that take more memory than there is, beside others: a 503, and a worker anew."""

import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.faults.senders import Question, tried
from tests.live.steered import errors, eventually
from tests.support.http_calls import Reply
from tests.support.models import Model, hooks
from tests.support.serving import Server, serve

SECRET = "canary4711"

GREEDY = Model(
    hooks(f"""
import resource
from pathlib import Path

ROOM = 768 << 20

def load_model(code_dir):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))
    return "model"

def raise_it():
    raise MemoryError("{SECRET}")

def take_piece_by_piece():
    taken = []
    while True:
        taken.append(bytearray(4 << 20))

ACTIONS = {{
    "fine": lambda: None,
    "raised": raise_it,
    "at once": lambda: bytearray(2 * ROOM),
    "piece by piece": take_piece_by_piece,
}}

def score_unstructured(model, data, **kwargs):
    ACTIONS[data]()
    return "done"
"""),
    ("--target-type", "unstructured", "--hide-errors"),
)
PATH, TEXT = "/predictUnstructured/", "text/plain"
N_POISON, POISON_S = scaled(10, 50), 5
RATE = scaled(10, 20)


def act(server: Server, action: str) -> Reply:
    return server.post(PATH, action, TEXT)


def workers(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


@pytest.mark.parametrize("action", ["raised", "at once", "piece by piece"])
def test_a_hook_without_memory_is_a_503_and_its_worker_is_replaced(
    action: str, tmp_path: Path
) -> None:
    with serve(GREEDY.write(tmp_path), *GREEDY.flags, "--max-workers", "1") as server:
        (before,) = workers(server)

        reply = act(server, action)

        assert reply.status == 503
        assert reply.headers["Retry-After"] == "1"
        assert SECRET not in reply.text
        eventually(lambda: before not in workers(server))
        assert act(server, "fine").status == 200
        assert len(workers(server)) == 1
        assert [message for message in errors(server.log()) if "replaced" in message] == []


def test_others_are_served_beside_hooks_without_memory(tmp_path: Path, tell: Tell) -> None:
    poisoned: list[tuple[int, float]] = []

    def poison(server: Server) -> None:
        for _ in range(N_POISON):
            began = time.monotonic()
            poisoned.append((act(server, "at once").status, time.monotonic() - began))
            time.sleep(max(0.0, began + 1 / POISON_S - time.monotonic()))

    with serve(GREEDY.write(tmp_path), *GREEDY.flags, "--max-workers", "2") as server:
        first = set(eventually(lambda: len(found := workers(server)) == 2 and found))
        before = _settled_rss(server)
        other = threading.Thread(target=poison, args=(server,))
        other.start()
        fine = Question(PATH, "fine", TEXT)
        seconds = N_POISON / POISON_S + 2
        found = tried(server.url, [fine] * int(RATE * seconds), RATE)
        other.join()

        eventually(lambda: not first & set(workers(server)))
        after = _settled_rss(server)

    n_good = sum(one.status == 200 for one in found)
    slowest_s = max(took_s for _, took_s in poisoned)
    tell(
        f"{len(poisoned)} requests without memory, the slowest answered in {slowest_s:.2f} s; "
        f"{n_good} of {len(found)} others answered; {before >> 20} MB before, {after >> 20} after"
    )
    assert {status for status, _ in poisoned} == {503}
    assert slowest_s <= scaled(10, 2)
    assert n_good >= 0.99 * len(found)
    assert abs(after / before - 1) <= 0.05


def _settled_rss(server: Server) -> int:
    """Return the memory of two workers that have answered, once they stay the same two."""
    while True:
        first = eventually(lambda: len(found := workers(server)) == 2 and found)
        for _ in range(50):
            assert act(server, "fine").status == 200
        time.sleep(3)
        if workers(server) == first:
            return sum(worker.memory_info().rss for worker in first)
