"""Counts answered requests, and the time of each of their phases.

A request is counted just before the last bytes of its answer go out. So an answer that a client has
got is counted, whatever ends the worker afterwards. It is counted by one entry on the page of its
worker; those of a full page are added up together, once the last of these answers is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import Any

from drum_like.http.requests import CONTRACT, ROUTE
from drum_like.system.instruments import LATENCY, SERIES
from drum_like.system.lazy import np
from drum_like.system.marks import ENTRY, FIELDS, PHASES, UNKNOWN, WRITE, Named, RequestMarks
from drum_like.system.metrics import DURATION, REQUEST_PHASES, REQUESTS, ROWS
from drum_like.system.series import CELLS, NOWHERE

_SUM = len(LATENCY) + 1
"""The cell of a histogram of times that holds their sum."""

_KINDS = 4096

_write, _BYTES = ENTRY.pack_into, ENTRY.size // FIELDS


class RequestMetrics:
    """Counts the requests of one worker."""

    __slots__ = ("_kinds", "_last", "_of_write", "_page")  # side by side: most else is out of cache

    def __init__(self) -> None:
        self._page = SERIES.page
        self._kinds: dict[tuple[Any, ...], float] = {}
        self._last: tuple[Any, ...] = (None, None, None, None, 0.0)
        places = [REQUEST_PHASES.place((phase,)) for phase in (*PHASES, "write")]
        self._of_write = _kind(NOWHERE, NOWHERE, places[-1])
        SERIES.add_up = partial(_add_up, places)

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
        model, contract, route, same, kind = self._last  # a tuple of five to hash takes longer
        if (
            marks.model is not model
            or environ.get(CONTRACT) is not contract
            or environ.get(ROUTE) is not route
            or status != same
        ):
            kind = self._find(marks.model, environ, status)
        page, ready = self._page, perf_counter()
        while page.at == page.full:
            self._make_room()
        # No call from here to that of `_write`: CPython lets other threads go on after calls and
        # jumps back only. A lock would cost a fifth of all this.
        if marks.ready:
            return
        at = page.at
        page.at = at + FIELDS
        marks.ready, marks.at, marks.tag = ready, at + WRITE, page.tag
        # fmt: off
        _write(
            page.cells, at * _BYTES, kind, marks.rows, marks.began, marks.read_s, marks.queue_s,
            marks.waited_s, 0.0 if is_late else marks.asked, marks.predict_s, ready, UNKNOWN,
            page.tag,
        )
        # fmt: on

    def wrote(self, marks: RequestMarks) -> None:
        """Count the time of writing an answer, which the system has now."""
        if not marks.asked:
            return
        page, ended = self._page, perf_counter()
        if page.tag == marks.tag:  # no call from here to the next line, either
            page.cells[marks.at] = ended - marks.ready
        else:
            self._enter_write(marks.ready, ended)
        if page.at == page.full:
            self._make_room()

    def _enter_write(self, ready: float, ended: float) -> None:
        """Write an entry for a time of writing: that of its request was moved meanwhile."""
        page, of_write, none = self._page, self._of_write, 0.0
        while page.at == page.full:
            self._make_room()
        at = page.at  # no call from here, as in `count`
        page.at = at + FIELDS
        # fmt: off
        _write(
            page.cells, at * _BYTES, of_write, 0, ready, none, none, none, none, none, ended,
            UNKNOWN, page.tag,
        )
        # fmt: on

    def _make_room(self) -> None:
        """Move the page, unless another thread has done so."""
        with SERIES.lock:
            if self._page.at == self._page.full:
                SERIES.move()

    def _find(self, model: Named | None, environ: Mapping[str, Any], status: str) -> float:
        """Return the kind of a request that is not like the one before."""
        contract, route = environ.get(CONTRACT), environ.get(ROUTE)
        identity = ("", "") if model is None else (model.name, model.version)
        key = (contract, route, *identity, status)
        found = self._kinds.get(key) or self._place(*key)
        if key in self._kinds:
            self._last = (model, contract, route, status, found)
        return found

    def _place(
        self, contract: str | None, route: str | None, model: str, version: str, status: str
    ) -> float:
        """Return the kind of requests that have not come here before."""
        rule = "" if route is None else route.rstrip("/") or "/"
        requests = REQUESTS.place((contract or "", rule, model, version, status))
        rows = duration = NOWHERE
        if model:
            rows, duration = ROWS.place((model, version)), DURATION.place((model, version))
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
        found = _kind(requests, rows, duration)
        if requests != NOWHERE:  # where it is, names could not be written: perhaps the next time
            self._kinds[contract, route, model, version, status] = found
        return found


def _kind(requests: int, rows: int, duration: int) -> float:
    """Return three places as one number, which is exact."""
    return float(requests + CELLS * (rows + CELLS * duration))


def _add_up(phase_places: list[int], page: bytes, end: int) -> list[float]:
    """Add up the entries of a page, as Page wants it.

    One after the other: so a sum of floats is not smaller with more entries, nor once the page is
    moved, than whoever read it before has seen.

    Args:
        phase_places: The series of PHASES, and that of writing.
        page: Entries.
        end: Number of cells; what belongs to later ones is left out.
    """
    columns: Any = np.frombuffer(page).reshape(-1, FIELDS).T
    kind, rows, *marks, ready, write_s, _ = columns
    many = RequestMarks(*marks[:3])  # of arrays
    many.waited_s, many.asked, many.predict_s = marks[3:]
    times = np.stack([many.queue_s + ready - many.began, *many.phases(ready), write_s])
    duration, n_rows, requests = np.unravel_index(kind.astype(np.int64), (CELLS,) * 3)
    places = np.tile(np.array([[0], *([place] for place in phase_places)]), len(kind))
    places[0] = duration
    places[1:-1, many.asked == 0] = NOWHERE
    places[-1, write_s < 0] = NOWHERE
    buckets = places + np.searchsorted(LATENCY, times)
    cells = [requests, n_rows, buckets.ravel(), (places + _SUM).ravel()]
    amounts = [np.ones(len(kind)), rows * (many.asked != 0), np.ones(times.size), times.ravel()]
    found = np.bincount(np.concatenate(cells), np.concatenate(amounts), end)
    return [*found[:end].tolist()]
