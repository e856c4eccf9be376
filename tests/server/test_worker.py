"""A worker as the master makes it, before the fork."""

import os
import time

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from drum_like.server.worker import Worker


def test_the_heartbeat_of_a_new_worker_is_on_the_masters_clock() -> None:
    """A file's own time is the time of day: a worker held before its first beat would be kept."""
    config = Config()
    app = BaseApplication.__new__(BaseApplication)

    worker = Worker(1, os.getpid(), [], app, 5, config, Logger(config))

    silent_s = time.monotonic() - worker.tmp.last_update()
    worker.tmp.close()
    worker.pipe.keep_reader()
    worker.pipe.close()
    assert 0 <= silent_s < 60
