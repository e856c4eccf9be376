"""The private parts of gunicorn that the server stands on: a version that moves one fails here.

gunicorn promises neither its arbiter nor its worker, request and response to others, and the bound
`<28` in pyproject.toml is there for that. Each name below is one that `drum_like.server` overrides,
calls or reads.
"""

import inspect
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader, SocketUnreader
from gunicorn.http.wsgi import Response, create
from gunicorn.workers.base import Worker as BaseWorker
from gunicorn.workers.workertmp import WorkerTmp

from drum_like.config.server_settings import ServerSettings
from drum_like.server.acceptor import ConnectionCounts
from drum_like.server.body_budget import BodyBudget
from drum_like.server.gunicorn_config import Program, ServerLog, gunicorn_settings
from drum_like.server.master import Master
from drum_like.server.response import Reply
from drum_like.server.worker import Worker

_MASTER = (
    "APP_LOAD_ERROR WORKER_BOOT_ERROR halt handle_usr2 manage_workers murder_workers "
    "reap_workers reload spawn_worker spawn_workers stop wait_for_signals"
)
_RESPONSE = (
    "chunked force_close headers headers_sent req response_length sent should_close sock "
    "start_response status version write"
)

OVERRIDDEN = [
    (Master, Arbiter, _MASTER),
    (Worker, BaseWorker, "handle_exit handle_quit init_process init_signals load_wsgi run"),
    (Reply, Response, "_emit_body close process_headers send_headers"),
    (ServerLog, Logger, "close_on_exec info reopen_files setup"),
    (Program, BaseApplication, "load load_config reload"),
]
"""Our class, gunicorn's, and what ours has instead of gunicorn's."""

USED = [
    (Arbiter, "WORKERS cfg kill_worker log num_workers run"),
    (BaseApplication, "wsgi"),
    (BaseWorker, "PIPE age alive app booted cfg log max_requests notify nr pid ppid sockets tmp"),
    (Config, "set settings"),
    (Logger, "cfg error_log"),
    (Request, "body method path should_close version"),
    (Response, _RESPONSE),
    (SocketUnreader, "take_buffered unread"),
    (WorkerTmp, "close notify"),
]
"""A class of gunicorn's, and what of its instances is called or read."""

FUNCTIONS = [
    (create, "req sock client server cfg"),
    (Request, "cfg unreader peer_addr"),
    (Response, "req sock cfg"),
    (Arbiter, "app"),
    (HaltServer, "reason exit_status"),
    (IterUnreader, "iterable"),
    (SocketUnreader, "sock"),
    (util.http_date, "timestamp"),
]
"""Functions called with positional arguments, and the names of these."""

ERRORS = (
    "ExpectationFailed InvalidHTTPVersion InvalidHeaderName InvalidRequestLine "
    "InvalidRequestMethod LimitRequestHeaders LimitRequestLine NoMoreData ParseException "
    "UnsupportedTransferCoding"
)
HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
PEER = ("127.0.0.1", 50000)


@pytest.fixture(scope="module")
def instances() -> Iterator[dict[type, Any]]:
    """One of each class, made as the server makes it."""
    program = Program(gunicorn_settings(ServerSettings(), 1, 0), lambda _slot: pytest.fail("loads"))
    cfg = program.cfg
    arbiter = Master(program, lambda _report: None, ConnectionCounts(1), BodyBudget())
    worker = BaseWorker(1, 2, [], program, 30, cfg, arbiter.log)
    request = Request(cfg, IterUnreader(iter([HEAD])), PEER)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield {
            Arbiter: arbiter,
            BaseApplication: program,
            BaseWorker: worker,
            Config: cfg,
            Logger: arbiter.log,
            Request: request,
            Response: create(request, ours, PEER, PEER, cfg)[0],
            SocketUnreader: SocketUnreader(ours),
            WorkerTmp: worker.tmp,
        }
    worker.tmp.close()


@pytest.mark.parametrize(("ours", "theirs", "names"), OVERRIDDEN)
def test_what_is_overridden_is_still_there(ours: type, theirs: type, names: str) -> None:
    """And nothing else is, by chance: a new method of gunicorn's may bear a name of ours."""
    found = {name for name in vars(ours) if not name.startswith("__") and hasattr(theirs, name)}

    assert found == set(names.split())


@pytest.mark.parametrize(("ours", "theirs", "names"), OVERRIDDEN)
def test_what_is_overridden_is_called_as_before(ours: type, theirs: type, names: str) -> None:
    methods = [name for name in names.split() if inspect.isfunction(vars(ours).get(name))]

    assert {name: _parameters(getattr(theirs, name)) for name in methods} == {
        name: _parameters(getattr(ours, name)) for name in methods
    }


@pytest.mark.parametrize(
    ("owner", "name"),
    [pytest.param(owner, n, id=f"{owner.__name__}.{n}") for owner, ns in USED for n in ns.split()],
)
def test_what_is_used_is_still_there(instances: dict[type, Any], owner: type, name: str) -> None:
    assert hasattr(instances[owner], name)


@pytest.mark.parametrize(("called", "names"), FUNCTIONS)
def test_what_is_called_takes_the_same_arguments(called: Any, names: str) -> None:
    assert _parameters(called)[: len(names.split())] == names.split()


def test_every_setting_is_known() -> None:
    assert gunicorn_settings(ServerSettings(), 1, 0).keys() <= Config().settings.keys()


@pytest.mark.parametrize("name", ERRORS.split())
def test_refusals_are_kinds_of_errors(name: str) -> None:
    assert issubclass(getattr(errors, name), Exception)


def _parameters(called: Any) -> list[str]:
    return [name for name in inspect.signature(called).parameters if name != "self"]
