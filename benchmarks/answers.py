"""Whether servers answer right; looked at before anything is timed."""

from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from benchmarks.load import REQUEST_TIMEOUT_S, request_for, send
from benchmarks.models import expected
from benchmarks.peer import Chances
from benchmarks.plan import Case
from benchmarks.servers import Running

TOLERANCE = 1e-6
"""Peers write fewer digits; XGBoost's and LightGBM's own float32 sums are of this size."""


class WrongAnswerError(Exception):
    """A server's predictions are not the framework's."""


def check(case: Case, running: Running, models: Path) -> None:
    """Send the request of a case once and compare every prediction.

    Args:
        case: What to ask.
        running: The server.
        models: Holds a directory for each model.

    Raises:
        LoadFailedError: the answer is not 200.
        WrongAnswerError: it is not right.
    """
    endpoint = running.peer.endpoints.get(case.what)
    connection = HTTPConnection("127.0.0.1", running.port, timeout=REQUEST_TIMEOUT_S)
    answer = send(connection, request_for(case, running))
    connection.close()
    if endpoint is None:
        return
    found = endpoint.decode(answer)
    if not found.size:
        return
    if not _right(found, expected(models, case.setup.model)(case.n_rows), running):
        raise WrongAnswerError(f"{case}: the predictions are not those of the model")


def _right(found: Chances, wanted: Chances, running: Running) -> bool:
    if found.shape != wanted.shape:
        return False
    if np.allclose(found, wanted, rtol=0, atol=TOLERANCE):
        return True
    return running.peer.may_swap_labels and np.allclose(1 - found, wanted, rtol=0, atol=TOLERANCE)
