"""Counts of our own calls for a request: `make calls`.

python -m benchmarks.calls              calls, modules, crossings; fails where a bar is missed
python -m benchmarks.calls --each       the functions, too, by how often they are called

One row of 30 columns goes over a socket to the template xgboost_binary, in this process, without
the event loop: from `RequestReader.receive` to the end of `RequestCycle.answer`. A call is a Python
frame of `drum_like/` or `predictors/` that begins or goes on, comprehensions and generators
included (Python 3.12 has no frames for comprehensions); a crossing is one whose nearest caller of
ours stands in another module.
"""

import argparse
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.config import Config

from drum_like import logs
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.http.app import create_app
from drum_like.server.connection import Connection
from drum_like.server.gunicorn_config import gunicorn_settings
from drum_like.server.outlet import Outlet
from drum_like.server.request_cycle import CycleCallbacks, RequestCycle
from drum_like.server.request_head import Heads, Reading
from drum_like.server.timeouts import InFlight, Timed

ROOT = Path(__file__).resolve().parents[1]
OWN = tuple(f"{ROOT / name}{os.sep}" for name in ("drum_like", "predictors"))
TEMPLATE = ROOT / "model_templates" / "xgboost_binary"

BARS: Mapping[str, int] = {"/predict/": 90, "/model/score": 260, "/invocate": 300}
"""The bar of each route; the calls were 118, 548 and 562 at first."""

_WARM_UP = 3
_UNWATCHED = nullcontext()


@cache
def own_module(path: str) -> str | None:
    """Return the name of a module of ours by the path of its file, None for others."""
    if not path.startswith(OWN):
        return None
    return path[len(str(ROOT)) + 1 :].removesuffix(".py").replace(os.sep, ".")


@dataclass(slots=True)
class Calls:
    """The calls of one request.

    Attributes:
        functions: How often each function was called, by module and name.
        crossings: Calls from one module to another.
    """

    functions: Counter[tuple[str, str]] = field(default_factory=Counter)
    crossings: int = 0

    @property
    def total(self) -> int:
        """Number of calls."""
        return self.functions.total()

    @property
    def modules(self) -> int:
        """Number of modules with a function that was called."""
        return len({module for module, _ in self.functions})

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        """Take an event of `sys.setprofile`."""
        module = own_module(frame.f_code.co_filename) if event == "call" else None
        if module is not None:
            self.functions[module, frame.f_code.co_qualname] += 1
            self.crossings += _caller(frame) not in (None, module)


def _caller(frame: FrameType) -> str | None:
    """Return the module of ours that a frame is called from, None without one."""
    back = frame.f_back
    while back is not None:
        if module := own_module(back.f_code.co_filename):
            return module
        back = back.f_back
    return None


@contextmanager
def profiled(calls: Calls) -> Iterator[None]:
    """Note the calls of a block."""
    sys.setprofile(calls.note)
    try:
        yield
    finally:
        sys.setprofile(None)


class Served:
    """A model behind one connection, without the event loop.

    Args:
        template: Its directory.
    """

    def __init__(self, template: Path) -> None:
        settings = load(ServerSettings, ["server", "--code-dir", str(template)], {})
        cfg = Config()
        for name, value in gunicorn_settings(settings, 1, 0).items():
            cfg.set(name, value)
        application = create_app(settings)
        for part in application.background:
            part.start()
        outlet = Outlet(os.open(os.devnull, os.O_WRONLY), lambda _n_lines: b"")
        log = logs.AccessLog(as_json=False, write=outlet.record)
        wsgi = Timed(application.flask, InFlight())
        self._cycle = RequestCycle(cfg, log, wsgi, CycleCallbacks(lambda: True, lambda: None))
        self._reading = Reading(Heads(cfg), application.body_limit, application.admission)

    def calls(self, path: str, media_type: str, body: bytes) -> Calls:
        """Return the calls of a request that has been made a few times before.

        Raises:
            ValueError: it was not answered with 200.
        """
        calls = Calls()
        with self.connected(path, media_type, body) as ask:
            for _ in range(_WARM_UP):
                ask()
            ask(profiled(calls))
        return calls

    @contextmanager
    def connected(self, path: str, media_type: str, body: bytes) -> Iterator[Callable[..., None]]:
        """Return a function that makes a request on one connection, and reads its answer.

        It may be given a context that is entered for the part of the server alone, and raises
        ValueError for an answer that is not 200.
        """
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media_type}\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        client, server = socket.socketpair()
        with client, server:
            server.settimeout(0)
            connection = Connection(server, (("127.0.0.1", 1), ("127.0.0.1", 2)), self._reading)

            def ask(within: AbstractContextManager[None] = _UNWATCHED) -> None:
                client.sendall(request)
                with within:
                    received = connection.reader.receive()
                    if received is not None:
                        self._cycle.answer(connection, received)
                answer = client.recv(1 << 16)
                if not answer.startswith(b"HTTP/1.1 200 ") or b"ErrorMessage" in answer:
                    raise ValueError(answer.decode())

            yield ask


def requests() -> Iterator[tuple[str, str, bytes]]:
    """Yield path, media type and body of each request: the first row of the template's sample."""
    header, row = (TEMPLATE / "sample.csv").read_bytes().splitlines()[:2]
    names, cells = header.decode().split(","), row.decode().split(",")
    yield "/predict/", "text/csv", header + b"\n" + row + b"\n"
    score = {"fields": names, "rows": [cells]}
    yield "/model/score", "application/json", json.dumps(score).encode()
    params = {"input": names, "value": [float(cell) for cell in cells]}
    invoke = {"campaign": "diagnosis", "in_params": params}
    yield "/invocate", "application/json", json.dumps(invoke).encode()


def count() -> dict[str, Calls]:
    """Return the calls of each request, by its route."""
    served = Served(TEMPLATE)
    return {path: served.calls(path, kind, body) for path, kind, body in requests()}


def main() -> int:
    """Print the counts; 1 if one is above its bar."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calls", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--each", action="store_true", help="list the functions, too")
    each = parser.parse_args().each
    counted = count()
    print("| one row, 30 columns | calls | at most | functions | modules | crossings |")
    print("|---|---|---|---|---|---|")
    for path, calls in counted.items():
        figures = (calls.total, BARS[path], len(calls.functions), calls.modules, calls.crossings)
        print(f"| {path} | {' | '.join(map(str, figures))} |")
    for path, calls in counted.items() if each else ():
        print(f"\n{path}")
        for (module, name), times in calls.functions.most_common():
            print(f"{times:5} {module}: {name}")
    return int(any(calls.total > BARS[path] for path, calls in counted.items()))


if __name__ == "__main__":
    sys.exit(main())
