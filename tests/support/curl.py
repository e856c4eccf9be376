"""The real curl: commands as a page prints them, and what came back."""

import io
import subprocess
from http.client import parse_headers

from tests.support.http_calls import CALL_TIMEOUT_S, Reply
from tests.support.serving import environment


def curl(*arguments: str) -> Reply:
    """Run curl with these arguments, and return the reply that it printed.

    Raises:
        AssertionError: curl failed, or no reply came.
    """
    command = ["curl", "--disable", "--silent", "--include", *arguments]
    done = subprocess.run(
        command, check=False, capture_output=True, env=environment(), timeout=CALL_TIMEOUT_S
    )
    assert done.returncode == 0, f"{command}: exit code {done.returncode}"
    printed = io.BytesIO(done.stdout)
    status = int(printed.readline().split()[1])
    return Reply(status, parse_headers(printed), printed.read())
