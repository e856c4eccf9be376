"""Waiting for servers of other products, which do not say when they are ready."""

import subprocess
import time
from http.client import HTTPException

from tests.support.http_calls import call

_TIMEOUT_S = 60.0


def until_answered(url: str, process: subprocess.Popen[bytes]) -> str:
    """Return a URL once something answers there.

    Raises:
        AssertionError: its process ended, or did not answer in time.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            call(url, "GET", "/", timeout_s=5)
        except (OSError, HTTPException):
            time.sleep(0.05)
        else:
            return url
    raise AssertionError(f"no answer of {process.args!r}, exit code {process.poll()}")
