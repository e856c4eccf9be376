"""The settings of gunicorn that follow from ours, and its application."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from drum_like import logs
from drum_like.config.server_settings import ServerSettings
from drum_like.server.master import give_slot
from drum_like.server.worker import Load, Worker

CHATTER = (
    "Starting gunicorn",
    "Using worker",
    "Listening at",
    "Booting worker",
    "Worker exiting",
    "Handling signal",
    "Shutting down",
)
"""Beginnings of messages that say nothing new when all goes well, or say it too early."""


class ServerLog(Logger):
    """gunicorn's logger, which logs with the root's handler."""

    def setup(self, cfg: Config) -> None:
        """Leave handlers to `logs.configure`; called at start and when the master is reloaded."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logs.LEVELS[str(cfg.loglevel)])

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message; the usual ones only for debugging.

        That includes gunicorn's line about its address: it comes before the model has loaded. Ours
        comes after.
        """
        level = logging.DEBUG if str(msg).startswith(CHATTER) else logging.INFO
        self.error_log.log(level, msg, *args, **kwargs)

    def reopen_files(self) -> None:
        """Do nothing: there are no log files."""

    def close_on_exec(self) -> None:
        """Do nothing: there are no log files."""


class Program(BaseApplication):
    """gunicorn's application: its settings, and a function that loads the model in a worker.

    Args:
        configuration: gunicorn's settings by name.
        load: Loads the model.
        renew: Reads anew what the workers of a reload get from the master.
    """

    def __init__(
        self, configuration: dict[str, Any], load: Load, renew: Callable[[], None] = lambda: None
    ) -> None:
        self._configuration = configuration
        self._load, self._renew = load, renew
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings."""
        for name, value in self._configuration.items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Read anew what may have changed; gunicorn's settings have not."""
        self._renew()

    def load(self) -> Any:
        """Return the function that loads the model; the worker calls it."""
        return self._load


SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - for heartbeats; gunicorn makes a private file there

SHORTEST_HEARTBEAT_S = 5
"""A healthy worker on a busy machine may miss shorter ones: it beats once a second."""


def gunicorn_settings(settings: ServerSettings, n_workers: int, descriptor: int) -> dict[str, Any]:
    """Return gunicorn's settings by name.

    Args:
        settings: Our settings.
        n_workers: Worker processes.
        descriptor: The listening socket.
    """
    beats_s = [s for s in (settings.heartbeat_timeout_s, settings.request_timeout_s) if s]
    return {
        "bind": f"fd://{descriptor}",
        # gunicorn reads it to know the scheme of requests; the sockets are ours.
        "certfile": None if settings.tls_cert is None else str(settings.tls_cert),
        # Who may use the file of a unix socket may say how a proxy was called: X-Forwarded-Proto.
        **({"forwarded_allow_ips": "*"} if settings.address.path else {}),
        "worker_class": Worker,
        "workers": n_workers,
        "threads": settings.threads,
        "backlog": settings.backlog,
        "timeout": max(min(beats_s), SHORTEST_HEARTBEAT_S) if beats_s else 0,
        "graceful_timeout": settings.graceful_timeout_s + settings.drain_delay_s,
        "keepalive": settings.keep_alive_s,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests_jitter,
        "limit_request_line": 4094,
        "limit_request_fields": 100,
        "limit_request_field_size": 8190,
        "header_map": "drop",
        # With SCRIPT_NAME any client on this machine could change the path of its request.
        "forwarder_headers": "",
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
