"""Requests that are timed: from wrk while they are small, from threads of this process while large.

wrk sends for a given time, which needs many requests to be a measurement. A body of megabytes is
sent a given number of times instead, and each connection waits for its answer.
"""

import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from benchmarks.peer import Endpoint
from benchmarks.plan import Case
from benchmarks.servers import Running

SCRIPT = Path(__file__).parent / "apps" / "load.lua"
LARGE = 5000
"""Rows from which on requests are counted, not the time."""

SLOW_BODIES = "slow-bodies"
"""The case of a `/ping/` beside clients whose bodies are on their way."""

PATIENCE_S = 4.0
"""Time after which that `/ping/` is given up; it counts as its duration."""

REQUEST_TIMEOUT_S = 120.0
_ARRIVAL_S = 0.3
_FEWEST = 3


class LoadFailedError(Exception):
    """A server did not answer every request with 200."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send.

    Attributes:
        method: Of HTTP.
        path: Of the URL.
        media_type: Of the body, "" without one.
        body: Sent as it is.
        headers: Further headers; large bodies alone have some.
    """

    method: str
    path: str
    media_type: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def request_for(case: Case, running: Running) -> Request:
    """Return the request of a case."""
    if case.what in ("ping", SLOW_BODIES):
        return Request("GET", running.peer.ready)
    endpoint: Endpoint = running.peer.endpoints[case.what]
    body = endpoint.encode(case.setup.model, case.n_rows)
    headers = endpoint.headers(body)
    return Request("POST", endpoint.path, endpoint.media_type, body, headers)


def measure(case: Case, running: Running, seconds: float) -> Mapping[str, float]:
    """Return `requests`, `rps`, `p50_ms` and `p99_ms` of a case, or a time alone.

    Raises:
        LoadFailedError: an answer was missing, or not 200.
    """
    request = request_for(case, running)
    if case.what == SLOW_BODIES:
        return beside_slow_bodies(case, running, request)
    if case.n_rows >= LARGE:
        return counted(running.port, request, case.connections, seconds)
    return timed(running.port, request, case.connections, seconds)


def timed(port: int, request: Request, connections: int, seconds: float) -> Mapping[str, float]:
    """Send requests from wrk for a time."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(request.body)
        file.flush()
        body = [request.media_type, file.name] if request.media_type else []
        command = [
            *("wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"),
            *("-s", str(SCRIPT), f"http://127.0.0.1:{port}{request.path}"),
            *("--", request.method, *body),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise LoadFailedError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if found["bad_status"] or not found["requests"]:
        raise LoadFailedError(f"not every answer was 200: {found}")
    return {
        "requests": found["requests"],
        "rps": found["requests"] / found["microseconds"] * 1e6,
        "p50_ms": found["p50_us"] / 1e3,
        "p99_ms": found["p99_us"] / 1e3,
    }


def beside_slow_bodies(case: Case, running: Running, request: Request) -> Mapping[str, float]:
    """Send a request while each client of the case has sent half of its body."""
    endpoint = running.peer.endpoints["csv"]
    body = endpoint.encode(case.setup.model, case.n_rows)
    head = f"POST {endpoint.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"Content-Type: {endpoint.media_type}\r\n"
    begun = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2]
    with ExitStack() as stack:
        for _ in range(case.connections):
            client = socket.create_connection(("127.0.0.1", running.port))
            stack.enter_context(client).sendall(begun)
        time.sleep(_ARRIVAL_S)  # so that the server has begun to read them
        connection = HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE_S)
        stack.callback(connection.close)
        began = time.perf_counter()
        with suppress(TimeoutError):
            send(connection, request)
        return {"requests": 1, "p50_ms": (time.perf_counter() - began) * 1e3}


def counted(port: int, request: Request, connections: int, seconds: float) -> Mapping[str, float]:
    """Send requests one after the other on each connection, for a time.

    At least one on each of many connections, and three on a single one.
    """
    fewest = _FEWEST if connections == 1 else 1
    spent: list[float] = []
    faults: list[Exception] = []
    began = time.perf_counter()

    def send_some() -> None:
        try:
            spent.extend(_send_for(port, request, began + seconds, fewest))
        except (OSError, LoadFailedError) as error:
            faults.append(error)

    threads = [threading.Thread(target=send_some) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise LoadFailedError(f"{type(faults[0]).__name__}: {faults[0]}")
    total = time.perf_counter() - began
    return {
        "requests": len(spent),
        "rps": len(spent) / total,
        "p50_ms": median(spent) * 1e3,
        "p99_ms": max(spent) * 1e3,
    }


def _send_for(port: int, request: Request, end: float, fewest: int) -> list[float]:
    connection = HTTPConnection("127.0.0.1", port, timeout=REQUEST_TIMEOUT_S)
    spent: list[float] = []
    try:
        while len(spent) < fewest or time.perf_counter() < end:
            began = time.perf_counter()
            send(connection, request)
            spent.append(time.perf_counter() - began)
    finally:
        connection.close()
    return spent


def send(connection: HTTPConnection, request: Request) -> bytes:
    """Send a request and return the answer's body.

    Raises:
        LoadFailedError: the answer is not 200.
    """
    media_type = {"Content-Type": request.media_type} if request.media_type else {}
    headers = {**media_type, **request.headers}
    connection.request(request.method, request.path, request.body or None, headers)
    reply = connection.getresponse()
    answer = reply.read()
    if reply.status != 200:
        raise LoadFailedError(f"answer {reply.status}: {answer[:200]!r}")
    return answer
