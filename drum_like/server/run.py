"""The run of a server: from settings to a socket and processes, from their end to an exit code.

The socket is opened before anything else is begun.
"""

import os
import platform
import signal
import socket
import sys
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType

from drum_like import __version__, logs
from drum_like.config.server_settings import ServerSettings
from drum_like.errors import SettingsError
from drum_like.server.acceptor import ConnectionCounts
from drum_like.server.body_budget import MIB, BodyBudget, usual_budget
from drum_like.server.gunicorn_config import Program, gunicorn_settings
from drum_like.server.limits import ClientLimits, client_limits
from drum_like.server.listeners import open_listener, remove_file, url
from drum_like.server.master import Master
from drum_like.server.outlet import open_outlets, record_writer
from drum_like.server.refusals import refuse_by
from drum_like.server.spans import Spans
from drum_like.server.tls import Certificate, open_certificate
from drum_like.server.worker import Load, Loaded
from drum_like.server.worker_status import Report
from drum_like.system import cgroup, metrics
from drum_like.system.cpus import CPUS, Share, set_native_threads, share
from drum_like.system.instruments import SERIES
from drum_like.system.memory import keep_few_heaps, keep_objects
from drum_like.system.shared_text import SharedText
from drum_like.system.stats import Timings
from drum_like.types.target import TargetType


@dataclass(frozen=True, slots=True)
class _Means:
    """The means of a server, which its processes share.

    Attributes:
        division: The workers' shares of the CPUs.
        counts: Their numbers of connections.
        clients: The limits of clients.
        budget: The memory for bodies.
        certificate: None for plain HTTP.
    """

    division: Share
    counts: ConnectionCounts
    clients: ClientLimits
    budget: BodyBudget
    certificate: Certificate | None


def serve(settings: ServerSettings, environ: MutableMapping[str, str]) -> int:
    """Serve a model directory until a signal says to stop, and return the exit code.

    Call it before numpy or a framework is imported: their thread pools read the environment when
    they are loaded. In the worker processes it does not return but raises SystemExit.

    Args:
        settings: Everything that was asked for.
        environ: The process's environment; the number of native threads is put into it.

    Returns:
        0 after a drain, 1 if the address or the certificate cannot be used or the settings turn
        out wrong, 4 if the model does not load.
    """
    signal.signal(signal.SIGTERM, _leave)
    open_outlets(settings.log_format)
    records = logs.Records(record_writer(sys.stderr))
    logs.configure(settings.log_format, settings.logging_level, records)
    try:
        certificate = open_certificate(settings.tls_cert, settings.tls_key)
        listener = open_listener(settings.address, settings.backlog)
    except SettingsError as error:
        logs.ANNOUNCE.error("%s", error)
        return 1
    keep_few_heaps(environ)
    cpus = cgroup.cpus()
    division = share(settings.max_workers, cpus)
    if set_native_threads(environ, division.native):
        CPUS.divide(cpus, division.slots)
    means = _Means(
        division,
        ConnectionCounts(division.slots),
        client_limits(settings),
        _budget(settings, division.slots),
        certificate,
    )
    return _run(settings, listener, means)


def _leave(_sig: int, _frame: FrameType | None) -> None:
    """Leave at once: nothing runs before gunicorn takes the signal over."""
    os._exit(0)


def _run(settings: ServerSettings, listener: socket.socket, means: _Means) -> int:
    """Run master and workers; only the master returns."""
    certificate, counts, budget = means.certificate, means.counts, means.budget
    address = url(listener, "http" if certificate is None else "https")
    configuration = gunicorn_settings(settings, means.division.workers, listener.detach())

    def on_loaded(report: Report) -> None:
        _announce(report, settings, means, address)

    _share_metrics(means.division.slots, counts, budget)
    renew = (lambda: None) if certificate is None else certificate.renew
    program = Program(configuration, _loader(settings, means), renew)
    master, own_pid = Master(program, on_loaded, counts, budget), os.getpid()
    try:
        master.run()
    except SystemExit as leaving:
        if os.getpid() != own_pid:
            raise
        code = leaving.code if isinstance(leaving.code, int) else 0
    remove_file(settings.address.path)
    if master.failure is not None:
        _report_failure(master.failure, settings)
    return code


def _budget(settings: ServerSettings, slots: int) -> BodyBudget:
    chosen = settings.max_bodies_mb
    return BodyBudget(usual_budget() if chosen is None else chosen * MIB, slots)


def _share_metrics(slots: int, counts: ConnectionCounts, budget: BodyBudget) -> None:
    """Share the metrics among the workers and this process, whose part is the last one."""
    metrics.share(slots + 1)
    SERIES.claim(slots)
    began = time.time()
    metrics.START.read_by(lambda: [((), began)])
    metrics.CONNECTIONS.read_by(lambda: [((), counts.total)])
    metrics.BODIES.read_by(lambda: [((), budget.n_taken)])
    metrics.ANSWERS.read_by(lambda: [((), budget.n_answers)])
    if budget.most < sys.maxsize:
        metrics.BODIES_LIMIT.read_by(lambda: [((), budget.most)])


def _loader(settings: ServerSettings, means: _Means) -> Load:
    """Return the function that loads the model.

    Modules imported here are shared by all workers, and one that is replaced is there much sooner.
    """
    from drum_like.http.app import create_app  # noqa: PLC0415 - numpy reads the environment
    from drum_like.http.auth.passphrases import CheckedWords  # noqa: PLC0415
    from drum_like.http.mounting import import_contracts  # noqa: PLC0415

    if settings.has_catalog:
        import_module("drum_like.registry.setup")
    import_contracts(settings.contracts)
    if settings.model.has_code_dir and _hooks_use_pandas(settings.model.code_dir):
        import_module("pandas")
    # A collection in a worker would write to every object, and so copy the shared memory.
    keep_objects()
    timings, checked = Timings(means.division.slots), CheckedWords()
    named = SharedText() if settings.platform.multi_model else None

    def load(slot: int) -> Loaded:
        timings.claim(slot)
        SERIES.claim(slot)
        CPUS.claim(slot)
        means.budget.join(slot)
        application = create_app(settings, timings, checked, named)
        return Loaded(
            application.flask,
            means.counts,
            means.clients,
            means.budget,
            application.background,
            application.lines,
            settings.request_timeout_s,
            settings.drain_delay_s,
            application.body_limit,
            application.admission,
            is_probe=application.is_probe,
            queue_timeout_s=settings.queue_timeout_s,
            stays=not settings.has_catalog,
            refuse=refuse_by(application.refuse),
            spans=Spans(settings.otlp_endpoint),
            certificate=means.certificate,
        )

    return load


def _hooks_use_pandas(code_dir: Path) -> bool:
    """Return whether each worker will import pandas for the hooks of a model directory."""
    hooks = code_dir / "custom.py"
    return hooks.is_file() and b"pandas" in hooks.read_bytes()


def _announce(report: Report, settings: ServerSettings, means: _Means, address: str) -> None:
    """Tell the operator the model, the address, and a command to try it."""
    division, clients, budget = means.division, means.clients, means.budget
    base, path = f"{address}{settings.url_prefix}", settings.address.path
    curl = f"curl --unix-socket {path}" if path else "curl"
    has_page = not path and "ui" in settings.contracts and not settings.no_ui
    lines = (
        f"drum-like {__version__}, Python {platform.python_version()}",
        *report.lines,
        f"workers {division.workers} x {settings.threads} threads",
        f"connections {clients.connections} a worker (open files: {clients.files})",
        budget.limits(settings.max_body_mb * MIB),
        *([] if means.certificate is None else [means.certificate.summary]),
        f"listening {settings.address if path else base}",
        f"try it: {curl} --data-binary @rows.csv {base}{_route(settings)}",
        *([f"in a browser: {base}/"] if has_page else []),
    )
    for line in lines:
        logs.ANNOUNCE.info("%s", line)
    if clients.connections < (settings.worker_connections or 0):
        logs.ANNOUNCE.warning(
            "--worker-connections %s needs more open files than the %s that are allowed here; "
            "raise that limit (ulimit -n)",
            settings.worker_connections,
            clients.files,
        )
    # A unix socket's file says who may use it.
    if not (path or settings.address.is_loopback or settings.asks_who_calls):
        logs.ANNOUNCE.warning(
            "no credential is configured: anyone who reaches %s can use the model; set "
            "--credentials, or put the server behind a proxy that authenticates callers",
            settings.host,
        )


def _route(settings: ServerSettings) -> str:
    """Return the route for rows; a target type that only the artifact knows is a structured one."""
    if not settings.model.has_code_dir:
        return f"/models/{settings.default_model or 'NAME'}/predict/"
    routes: dict[TargetType | None, str] = {
        TargetType.UNSTRUCTURED: "/predictUnstructured/",
        TargetType.TRANSFORM: "/transform/",
    }
    return routes.get(settings.model.target_type, "/predict/")


def _report_failure(failure: Report, settings: ServerSettings) -> None:
    trace = f"\n{failure.stacktrace}" if settings.show_stacktrace else ""
    logs.ANNOUNCE.error("%s%s", failure.message, trace)
