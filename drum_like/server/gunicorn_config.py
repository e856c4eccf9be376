"""The settings of gunicorn that follow from ours."""

import os
from pathlib import Path
from typing import Any

from drum_like.config.settings import Settings
from drum_like.server.logger import ServerLog
from drum_like.server.master import give_slot
from drum_like.server.worker import Worker

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - for heartbeats; gunicorn makes a private file there

SHORTEST_HEARTBEAT_S = 5
"""A healthy worker on a busy machine may miss shorter ones: it beats once a second."""


def gunicorn_settings(settings: Settings, n_workers: int, descriptor: int) -> dict[str, Any]:
    """Return what gunicorn is to be configured with.

    Args:
        settings: Our settings.
        n_workers: Worker processes.
        descriptor: The listening socket.
    """
    heartbeat_s = settings.request_timeout_s and max(
        settings.request_timeout_s, SHORTEST_HEARTBEAT_S
    )
    return {
        "bind": f"fd://{descriptor}",
        "worker_class": Worker,
        "workers": n_workers,
        "threads": settings.threads,
        "worker_connections": 2000,
        "backlog": settings.backlog,
        "timeout": heartbeat_s,
        "graceful_timeout": settings.graceful_timeout_s,
        "keepalive": settings.keep_alive_s,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests_jitter,
        "limit_request_line": 4094,
        "limit_request_fields": 100,
        "limit_request_field_size": 8190,
        "header_map": "drop",
        "control_socket_disable": True,
        "worker_tmp_dir": _heartbeat_directory(),
        "proc_name": "drum-like",
        "pre_fork": give_slot,
        "logger_class": ServerLog,
        "loglevel": settings.server_log_level.lower(),
        "access_log_format": settings.log_format,
    }


def _heartbeat_directory() -> str | None:
    """Return a directory in memory, so that a full or slow disk does not look like a dead worker.

    None for the usual temporary directory where there is none.
    """
    usable = SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK)
    return str(SHARED_MEMORY) if usable else None
