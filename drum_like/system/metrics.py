"""The metrics of a server: the numbers that it counts, with their names and labels.

docs/operations.md is made from this list. To add a metric, declare it here, and call it where
something happens:

    BATCH_ROWS = Histogram("drum_like_batch_rows", "Rows of a batch.", bounds=(1, 2, 4, 8, 16))
    BATCH_ROWS.observe(5)
"""

import re
from functools import lru_cache

from drum_like.system.instruments import SERIES, Counter, Gauge, Histogram, LiveGauge, Metric
from drum_like.system.marks import PHASES

_OF_MODEL = ("model", "version")

REQUESTS = Counter(
    "drum_like_requests",
    "Requests by contract, route, model, version and status; 499 is a client that left before its "
    "answer was ready.",
    ("contract", "route", *_OF_MODEL, "status"),
    most=1000,
)
DURATION = Histogram(
    "drum_like_request_duration_seconds",
    "Time from a whole request to its answer, of requests that name a model.",
    _OF_MODEL,
)
REQUEST_PHASES = Histogram(
    "drum_like_request_phase_seconds",
    "Time of the parts of requests that a model was asked: read (from the first byte to the "
    "last), wait (for a thread, and for the model), decode, predict, encode, write (until the "
    "system has taken the answer). A stream is encoded as long as its client takes; requests that "
    "took longer than `--request-timeout-s` are left out.",
    ("phase",),
    known=tuple((phase,) for phase in (*PHASES, "write")),
)
ROWS = Counter("drum_like_rows", "Rows that models have answered.", _OF_MODEL)
BATCH_REQUESTS = Histogram(
    "drum_like_batch_requests",
    "Requests that were predicted together, of those that had to wait for the model.",
    bounds=(1, 2, 4, 8, 16, 32, 64),
)
BATCH_ROWS = Histogram(
    "drum_like_batch_rows", "Rows of such predictions.", bounds=(1, 2, 4, 8, 16, 32, 64, 256)
)
ERRORS = Counter("drum_like_errors", "Requests that failed or were refused, by kind.", ("kind",))
WAITING = Gauge("drum_like_requests_waiting", "Requests that wait for a thread at the moment.")
WAITING_FOR_MODEL = Gauge(
    "drum_like_requests_waiting_for_model",
    "Requests that have a thread and wait for their turn in custom code or in a framework.",
)
CONNECTIONS = LiveGauge("drum_like_connections", "Open connections.")
BODIES = LiveGauge("drum_like_bodies_bytes", "Memory of the bodies of requests.")
BODIES_LIMIT = LiveGauge("drum_like_bodies_limit_bytes", "The most memory for them.")
ANSWERS = LiveGauge("drum_like_held_answers_bytes", "Answers that clients have not taken yet.")
MODEL_WORKERS = Gauge(
    "drum_like_model_workers", "Workers that have a version of a model in memory.", _OF_MODEL
)
MODEL_MEMORY = Gauge(
    "drum_like_model_memory_bytes",
    "Memory by which workers grew as they loaded a version of a model, libraries included.",
    _OF_MODEL,
)
DECISIONS = Counter(
    "drum_like_decisions",
    "Entries of the decision log, by outcome: written (into the store), spooled (to the disk "
    "beside it, and written later), lost. An acceptance whose decision does not come within 30 s "
    "is in none.",
    ("outcome",),
    known=(("written",), ("spooled",), ("lost",)),
)
DECISIONS_WAITING = Gauge(
    "drum_like_decisions_waiting", "Entries of the decision log that wait in memory."
)
LINES_DROPPED = Counter(
    "drum_like_log_lines_dropped",
    "Lines that nobody read, of the access log (output) and of messages (error).",
    ("stream",),
    known=(("output",), ("error",)),
)
WORKERS = LiveGauge("drum_like_workers", "Worker processes.")
WORKER_MEMORY = LiveGauge(
    "drum_like_worker_memory_bytes",
    "Resident memory of a worker, by its number, or of the master process.",
    ("worker",),
)
WORKER_ENDS = Counter(
    "drum_like_worker_ends",
    "Workers that ended while the server did not stop, by reason: killed (SIGKILL, also by the "
    "kernel for want of memory), crashed (another signal), exited (by custom code), hung "
    "(no sign of life), stuck (a request that does not end), memory (it ran short), max_requests, "
    "reload, stopped (told to, by SIGTERM say), not_loaded.",
    ("reason",),
    known=tuple(
        (reason,)
        for reason in (
            *("killed", "crashed", "exited", "hung", "stuck"),
            *("memory", "max_requests", "reload", "stopped", "not_loaded"),
        )
    ),
)
BUILD = LiveGauge("drum_like_build_info", "Always 1.", ("version", "drum", "python"))
START = LiveGauge("drum_like_start_time_seconds", "Start of the server, in seconds since 1970.")


def note_loaded(model: str, version: str, n_bytes: int) -> None:
    """Note that this process has loaded a model, and by how many bytes it grew."""
    MODEL_WORKERS.set(1, model, version)
    MODEL_MEMORY.set(max(0, n_bytes), model, version)


def note_dropped(model: str, version: str) -> None:
    """Note that this process has dropped a model."""
    MODEL_WORKERS.set(0, model, version)
    MODEL_MEMORY.set(0, model, version)


@lru_cache(maxsize=256)
def kind_of(error: str) -> str:
    """Return the kind of an error by the name of its class: `not_found` for NotFoundError."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z\d]*", error.removesuffix("Error"))
    return "_".join(words).lower()


METRICS = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
"""All metrics, in the order of this page."""


def share(slots: int) -> None:
    """Share the numbers among processes; called before the fork.

    Series without labels, and those that are known beforehand, are there from the beginning.

    Args:
        slots: The most processes that ever live at one time.
    """
    SERIES.share(slots)
    for metric in METRICS:
        for labels in () if isinstance(metric, LiveGauge) else metric.known:
            metric.place(labels)
