"""A version changes again and again while requests come: none fails, none sees a mixture."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.support.registries import constant, opened
from tests.support.serving import serve

SECONDS = scaled(8, 60)
PAUSE_S = 2.0 if scaled(0, 1) else 0.8
CLIENTS = 5
REQUESTS_S = 50
ROWS = b"a\n0\n0\n0\n"


def test_no_request_fails_while_versions_change(tmp_path: Path, tell: Tell) -> None:
    replies: list[tuple[float, int, bytes]] = []
    with (
        opened(tmp_path / "store") as store,
        serve(None, "--store", str(tmp_path / "store"), "--max-workers", "2") as server,
    ):
        store.put("m", constant(1))
        _wait_for_answer(server.url)
        with _clients(server.url, replies):
            changes = [(time.monotonic(), 1)]
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                time.sleep(PAUSE_S)
                value = len(changes) + 1
                store.put("m", constant(value))
                changes.append((time.monotonic(), value))

    assert len(replies) > 0.8 * REQUESTS_S * SECONDS
    assert {status for _, status, _ in replies} == {200}
    bodies = {_body(value): value for _, value in changes}
    assert {body for _, _, body in replies} <= bodies.keys()
    assert len({body for _, _, body in replies}) >= len(changes) - 2
    latest_s = _latest_change_s(replies, changes, bodies)
    assert latest_s < 1.0 + PAUSE_S
    tell(
        f"{len(replies)} requests in {SECONDS} s over {len(changes)} versions, 0 failed, each "
        f"answer that of one version; the latest change-over {latest_s:.2f} s after its upload"
    )


def _body(value: int) -> bytes:
    return f'{{"predictions":[{value:.1f},{value:.1f},{value:.1f}]}}'.encode()


def _latest_change_s(
    replies: list[tuple[float, int, bytes]],
    changes: list[tuple[float, int]],
    bodies: dict[bytes, int],
) -> float:
    """Return how long after its replacement a version answered at most."""
    replaced = {value - 1: at for at, value in changes[1:]}
    late = [at - replaced[bodies[body]] for at, _, body in replies if bodies[body] in replaced]
    return max(late)


@contextmanager
def _clients(url: str, replies: list[tuple[float, int, bytes]]) -> Iterator[None]:
    """Send requests from several connections until the block ends."""
    ending = threading.Event()

    def send() -> None:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        while not ending.wait(CLIENTS / REQUESTS_S):
            began = time.monotonic()
            connection.request("POST", "/models/m/predict/", ROWS, {"Content-Type": "text/csv"})
            response = connection.getresponse()
            replies.append((began, response.status, response.read()))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _wait_for_answer(url: str) -> None:
    deadline = time.monotonic() + 30
    n_good = 0
    while n_good < 20:
        assert time.monotonic() < deadline
        connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.request("POST", "/models/m/predict/", ROWS, {"Content-Type": "text/csv"})
        response = connection.getresponse()
        response.read()
        n_good = n_good + 1 if response.status == 200 else 0
        connection.close()
