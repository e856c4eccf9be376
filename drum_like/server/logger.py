"""gunicorn's own messages and its access log, in the form of all other logs."""

import logging
import sys
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import Request
from gunicorn.http.wsgi import Response

from drum_like import logs

CHATTER = (
    "Starting gunicorn",
    "Using worker",
    "Booting worker",
    "Worker exiting",
    "Handling signal",
    "Shutting down",
)
"""Beginnings of messages that say nothing new when all goes well."""


class ServerLog(Logger):
    """What gunicorn logs with: the root's handler for messages, one write for an access line."""

    def setup(self, cfg: Config) -> None:
        """Leave handlers to `logs.configure`; called at start and when the master is reloaded."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logs.LEVELS[str(cfg.loglevel)])
        self._access = logs.AccessLog(as_json=logs.is_json(str(cfg.access_log_format)))

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log; where the server listens is shown at any level, what is usual only for debugging."""
        if str(msg).startswith("Listening at"):
            logs.ANNOUNCE.info(msg, *args, **kwargs)
        else:
            level = logging.DEBUG if str(msg).startswith(CHATTER) else logging.INFO
            self.error_log.log(level, msg, *args, **kwargs)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log with a traceback; of a URL only the path, for a query may hold anything.

        A client that stopped in the middle of its request is no error of the server.
        """
        if str(msg).startswith("Socket error") and isinstance(sys.exception(), BlockingIOError):
            self.error_log.info("a connection was closed: its client stopped within a request")
            return
        cut = (arg.partition("?")[0] if isinstance(arg, str) else arg for arg in args)
        self.error_log.exception(msg, *cut, **kwargs)

    def access(
        self,
        resp: Response,
        req: Request,
        environ: MutableMapping[str, Any],
        request_time: timedelta,
    ) -> None:
        """Write the line of a request; must not raise, or its answer would be lost."""
        self._access.write(
            logs.Access(
                method=environ.get("REQUEST_METHOD") or "-",
                path=req.path or "-",
                status=_status(resp),
                n_bytes=resp.sent,
                duration_s=request_time.total_seconds(),
            )
        )

    def reopen_files(self) -> None:
        """Do nothing: there are no log files."""

    def close_on_exec(self) -> None:
        """Do nothing: there are no log files."""


def _status(resp: Response) -> int:
    """Return the status, 0 if none was set.

    Not `status_code`: answers that gunicorn makes itself have none.
    """
    digits = str(resp.status)[:3]
    return int(digits) if digits.isascii() and digits.isdigit() else 0
