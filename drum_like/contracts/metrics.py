"""/metrics: the numbers of all workers, in the formats of Prometheus and of OpenMetrics.

It stands at the root whatever `--url-prefix` is: a scraper asks the server itself, past any proxy.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from itertools import accumulate

import psutil
from flask import Response, request

from drum_like import __version__
from drum_like.http.auth import Scope
from drum_like.http.contract import Contract, ContractContext, Route
from drum_like.http.errors import drum_form
from drum_like.inference.model_service import DRUM_VERSION
from drum_like.system.instruments import SERIES, Counter, Histogram, LiveGauge, Metric
from drum_like.system.lazy import metrics_core, openmetrics, prometheus_text
from drum_like.system.metrics import BUILD, METRICS, WORKER_MEMORY, WORKERS
from drum_like.system.series import Key

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_MASTER = "master"

_Found = list[tuple[Key, Sequence[float]]]
"""Series of one metric: their labels and numbers."""


def contract(context: ContractContext) -> Contract:
    """Return /metrics."""
    build = (__version__, DRUM_VERSION, platform.python_version())
    BUILD.read_by(lambda: [(build, 1)])
    errors = drum_form(hide_errors=context.settings.hide_errors)
    route = Route("/metrics", "GET", "metrics", _answer, Scope.OBSERVE, at_once=True)
    return Contract("metrics", errors, (route,), below_prefix=False)


def _answer() -> Response:
    """Answer in the format that `Accept` prefers, the older one if it asks for neither."""
    for wanted, weight in sorted(request.accept_mimetypes, key=lambda one: -one[1]):
        if not weight:  # refused
            break
        kind = wanted.partition(";")[0].lower()
        if kind == "application/openmetrics-text":
            text = openmetrics.generate_latest(_Server())  # type: ignore[no-untyped-call]
            return Response(text, content_type=OPENMETRICS)
        if kind == "text/plain":
            break
    return Response(prometheus_text.generate_latest(_Server()), content_type=TEXT)


class _Server:
    """The server as a source of metrics for the encoders of Prometheus' client."""

    def collect(self) -> Iterator[metrics_core.Metric]:
        """Yield the metrics that have values."""
        counted = _of_processes()
        for (name, *labels), numbers in SERIES.totals().items():
            counted.setdefault(name, []).append((tuple(labels), numbers))
        for metric in METRICS:
            found = counted.get(metric.name, [])
            if isinstance(metric, LiveGauge):
                found = [*found, *((labels, [value]) for labels, value in metric.read())]
            if found:
                yield _family(metric, found)


def _family(metric: Metric, found: _Found) -> metrics_core.Metric:
    """Return a metric with the values of its series."""
    if isinstance(metric, Histogram):
        bounds = [*map(str, metric.bounds), "+Inf"]
        histogram = metrics_core.HistogramMetricFamily(
            metric.name, metric.help, labels=metric.labels
        )
        for labels, (*buckets, total) in found:
            counts = zip(bounds, accumulate(buckets), strict=True)
            histogram.add_metric(labels, list(counts), total)
        return histogram
    is_counter = isinstance(metric, Counter)
    kind = metrics_core.CounterMetricFamily if is_counter else metrics_core.GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, (value,) in found:
        family.add_metric(labels, value)
    return family


def _of_processes() -> dict[str, _Found]:
    """Return the number of workers and their memory, by the names of the two metrics."""
    memory = _memory()
    n_workers = len(memory.keys() - {_MASTER})
    sizes: _Found = [((name,), [size]) for name, size in memory.items()]
    return {WORKERS.name: [((), [n_workers])], WORKER_MEMORY.name: sizes}


def _memory() -> dict[str, int]:
    """Return the resident bytes of each process of this server, by its name."""
    found = {}
    for slot, pid in SERIES.pids().items():
        try:
            process = psutil.Process(pid)
            if pid == os.getppid():
                found[_MASTER] = process.memory_info().rss
            elif pid == os.getpid() or process.ppid() == os.getppid():
                found[str(slot)] = process.memory_info().rss
        except psutil.Error:  # it has ended
            continue
    return found
