"""The limits of a worker's loop and of its clients, whose connections open files bound."""

import math
import resource
from dataclasses import dataclass, field

from drum_like.config.server_settings import ServerSettings
from drum_like.server.body_budget import BodyBudget

SILENCE_S = 30.0
"""Time that a client may send or take nothing in the middle of its request."""

MOST_CONNECTIONS = 10_000
"""Connections of a worker where nothing else is said, if the limit of open files allows it."""

RESERVED_FILES = 1024
"""Open files that a worker keeps for models, logs, databases and large bodies, or half of all."""

_LARGE_RATE = 1 << 18
"""Bytes a second at which a large body or answer may take longer than a request."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """The limits of clients in one worker.

    Attributes:
        connections: The most that are open at one time.
        per_address: The most of one client's address; 0 for no limit.
        idle_s: How long one is kept between two requests.
        header_s: How long the head of a request may take.
        request_s: How long any part of a request may take; large bodies and answers get more.
        rate: Bytes of a body, or of an answer, that have to go in each second after the first ones.
        files: How many files and connections a process may have open.
    """

    connections: int = MOST_CONNECTIONS
    per_address: int = 0
    idle_s: float = 75.0
    header_s: float = SILENCE_S
    request_s: float = math.inf
    rate: int = 500
    files: int = 0

    @property
    def head_s(self) -> float:
        """Time that the head of a request may take."""
        return min(self.header_s, self.request_s)

    @property
    def pause_s(self) -> float:
        """Time that a client may send or take nothing in the middle of its request."""
        return min(SILENCE_S, self.request_s)

    def transfer_s(self, n_bytes: int) -> float:
        """Return how long a body, or an answer, may take of which so many bytes have gone."""
        at_rate = SILENCE_S + n_bytes / self.rate if self.rate else math.inf
        return min(at_rate, self.request_s + n_bytes / _LARGE_RATE)


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """The limits of a loop.

    Attributes:
        threads: How many serve what may take long.
        cpus: How many short requests are served side by side.
        clients: The limits of clients.
        queue_s: How long a request that is whole may wait for its turn.
        budget: The memory for bodies, and for answers that clients do not take.
    """

    threads: int
    cpus: int
    clients: ClientLimits
    queue_s: float
    budget: BodyBudget = field(default_factory=BodyBudget)


def client_limits(settings: ServerSettings) -> ClientLimits:
    """Return the limits of settings, and of open files, of which more are allowed if need be."""
    asked = settings.worker_connections or MOST_CONNECTIONS
    files = allow_files(asked + RESERVED_FILES)
    return ClientLimits(
        min(asked, max(1, files - min(RESERVED_FILES, files // 2))),
        settings.connections_per_address,
        float(settings.keep_alive_s),
        float(settings.header_timeout_s),
        settings.request_timeout_s or math.inf,
        settings.min_transfer_rate,
        files,
    )


def allow_files(number: int) -> int:
    """Return this process's limit of open files, raised to this number as far as the system lets.

    It is raised no further: programs that still call select() fail at high numbers of files.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= number:
        return number if soft == resource.RLIM_INFINITY else soft
    reachable = number if hard == resource.RLIM_INFINITY else min(number, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    except (OSError, ValueError):  # macOS has one more limit
        return soft
    return reachable
