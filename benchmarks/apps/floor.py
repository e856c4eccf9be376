"""The least that a server has to do, in drum-like's own server processes.

    python -m benchmarks.apps.floor flask 127.0.0.1:8000 1

`flask` answers /ping/ with the smallest possible Flask application: the same workers, access log
and keep-alive as drum-like, none of its code for requests. `discard` takes the body of any request
as the server hands it over, and answers with a few bytes.
"""

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from drum_like import logs
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load as load_settings
from drum_like.server.acceptor import ConnectionCounts
from drum_like.server.body_budget import BodyBudget
from drum_like.server.gunicorn_config import Program, gunicorn_settings
from drum_like.server.limits import client_limits
from drum_like.server.listeners import listen
from drum_like.server.master import Master
from drum_like.server.timeouts import Application
from drum_like.server.worker import Loaded
from drum_like.system import cgroup
from drum_like.system.cpus import set_native_threads, share

ANSWER = b'{"message":"OK"}'


def smallest() -> Flask:
    """Return a Flask application with one route."""
    app = Flask(__name__)

    @app.get("/ping/")
    def ping() -> dict[str, str]:
        return {"message": "OK"}

    return app


def discard(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Take the body and forget it."""
    environ["wsgi.input"].read()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))]
    start_response("200 OK", headers)
    return [ANSWER]


def main(kind: str, address: str, workers: str) -> None:
    """Serve until told to stop."""
    arguments = ["server", "--code-dir", ".", "--address", address, "--max-workers", workers]
    settings = load_settings(ServerSettings, arguments, os.environ)
    logs.configure(settings.log_format, settings.logging_level)
    division = share(settings.max_workers, cgroup.cpus())
    set_native_threads(os.environ, division.native)
    listener = listen(settings.host, settings.port, settings.backlog)
    configuration = gunicorn_settings(settings, division.workers, listener.detach())
    counts, budget, clients = (
        ConnectionCounts(division.slots),
        BodyBudget(),
        client_limits(settings),
    )
    application: Application = smallest() if kind == "flask" else discard

    def load(_slot: int) -> Loaded:
        return Loaded(
            application, counts, clients, budget, request_timeout_s=settings.request_timeout_s
        )

    master = Master(Program(configuration, load), lambda _report: None, counts, budget)
    master.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
