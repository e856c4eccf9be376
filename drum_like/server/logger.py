"""gunicorn's own messages, in the form of all other logs."""

import logging
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from drum_like import logs

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
    """What gunicorn logs with: the root's handler."""

    def setup(self, cfg: Config) -> None:
        """Leave handlers to `logs.configure`; called at start and when the master is reloaded."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logs.LEVELS[str(cfg.loglevel)])

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log; what is usual only for debugging.

        That includes gunicorn's line about its address: it comes before the model has loaded. Ours
        comes after.
        """
        level = logging.DEBUG if str(msg).startswith(CHATTER) else logging.INFO
        self.error_log.log(level, msg, *args, **kwargs)

    def reopen_files(self) -> None:
        """Do nothing: there are no log files."""

    def close_on_exec(self) -> None:
        """Do nothing: there are no log files."""
