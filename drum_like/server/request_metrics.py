"""Counts answered requests, and the time of each of their phases.

A request is counted just before the last bytes of its answer go out. So an answer that a client has
got is counted, whatever ends the worker afterwards.
"""

from bisect import bisect_left
from collections.abc import Mapping
from time import perf_counter
from typing import Any, NamedTuple

from drum_like.http.requests import CONTRACT, ROUTE
from drum_like.system.instruments import LATENCY, SERIES
from drum_like.system.marks import PHASES, RequestMarks
from drum_like.system.metrics import DURATION, REQUEST_PHASES, REQUESTS, ROWS
from drum_like.system.series import NOWHERE

_SUM = len(LATENCY) + 1
"""The cell of a histogram of times that holds their sum."""

_KINDS = 4096


class _Places(NamedTuple):
    """The places of the series of one kind of request."""

    requests: int
    rows: int
    duration: int


class RequestMetrics:
    """Counts the requests of one worker."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[Any, ...], _Places] = {}
        self._phases = [REQUEST_PHASES.place((phase,)) for phase in PHASES]
        self._write = REQUEST_PHASES.place(("write",))

    def count(
        self,
        marks: RequestMarks,
        environ: Mapping[str, Any],
        status: str,
        *,
        is_late: bool = False,
    ) -> None:
        """Count a request whose answer is ready, unless it was counted when it was late.

        Args:
            marks: The marks of the request.
            environ: WSGI's variables; empty for a request that the application has not seen.
            status: The status, three digits.
            is_late: Whether it is answered while something works on it: its phases are not known.
        """
        model = marks.model
        identity = ("", "") if model is None else (model.name, model.version)
        kind = (environ.get(CONTRACT), environ.get(ROUTE), *identity, status)
        requests, rows, duration = self._kinds.get(kind) or self._find(kind)
        cells, own = SERIES.cells, SERIES.own
        with SERIES.lock:
            if marks.ready:
                return
            marks.ready = perf_counter()
            cells[own + requests] += 1
            if duration:
                seconds, at = marks.queue_s + marks.ready - marks.began, own + duration
                cells[at + bisect_left(LATENCY, seconds)] += 1
                cells[at + _SUM] += seconds
            if marks.asked and not is_late:
                cells[own + rows] += marks.rows
                for place, seconds in zip(self._phases, marks.phases(marks.ready), strict=True):
                    at = own + place
                    cells[at + bisect_left(LATENCY, seconds)] += 1
                    if seconds:
                        cells[at + _SUM] += seconds

    def wrote(self, marks: RequestMarks) -> None:
        """Count the time of writing an answer, which the system has now."""
        if not marks.asked:
            return
        seconds, place = perf_counter() - marks.ready, SERIES.own + self._write
        with SERIES.lock:
            SERIES.cells[place + bisect_left(LATENCY, seconds)] += 1
            SERIES.cells[place + _SUM] += seconds

    def _find(self, kind: tuple[Any, ...]) -> _Places:
        """Return the places of a kind of request that has not come here before."""
        contract, route, model, version, status = kind
        rule = "" if route is None else route.rstrip("/") or "/"
        requests = REQUESTS.place((contract or "", rule, model, version, status))
        of_model = (model, version)
        found = _Places(requests, NOWHERE, 0)
        if model:
            found = _Places(requests, ROWS.place(of_model), DURATION.place(of_model))
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
        if requests != NOWHERE:  # where it is, names could not be written: perhaps the next time
            self._kinds[kind] = found
        return found
