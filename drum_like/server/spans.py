"""Spans of requests and of their phases, exported by OpenTelemetry; it is imported where asked for.

A span begins at the first byte of its request. The phases stand in it one after the other, in the
order of their names: the times that a request waits for other requests are one phase.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from importlib import import_module
from threading import Thread
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from drum_like import __version__, logs
from drum_like.http.requests import CONTRACT, OWN_TRACE, REQUEST_ID, ROUTE
from drum_like.server.request_cycle import Record
from drum_like.server.timeouts import late_status
from drum_like.system.marks import PHASES, RequestMarks

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

logger = logging.getLogger(__name__)

_END_S = 3.0
_PARENT = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}
_NO_EXTRA = (
    "spans of requests are not exported: OpenTelemetry is not installed; run pip install "
    "'drum-like[otel]', or leave --otlp-endpoint out"
)


_IDS: ContextVar[Mapping[str, str] | None] = ContextVar("ids", default=None)
"""The ids of the span that is started next: those that its request has in the log."""


class Spans:
    """A Background that exports a span for each request of a worker, by OTLP over HTTP.

    Args:
        endpoint: URL of the receiver, without the path of traces; None for none. Other variables of
            OpenTelemetry are read by itself: headers, sampler, name of the service.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._provider: Any = None
        self._trace: Any = None
        self._parents: Any = None
        self._tracer: Tracer | None = None

    def start(self) -> None:
        """Begin to export; without OpenTelemetry say so, and record nothing."""
        if self._endpoint is None:
            return
        try:
            self._trace = import_module("opentelemetry.trace")
            self._provider = _provider(f"{self._endpoint}/v1/traces")
        except ImportError:
            logger.warning(_NO_EXTRA)
            return
        parents = import_module("opentelemetry.trace.propagation.tracecontext")
        self._parents = parents.TraceContextTextMapPropagator()
        self._tracer = self._provider.get_tracer("drum_like", __version__)

    def drain(self) -> None:
        """Go on: requests may still be in flight."""

    def stop(self) -> None:
        """Export what is left; a receiver that does not answer is not waited for."""
        if self._provider is None:
            return
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_END_S)

    @property
    def recorder(self) -> Record | None:
        """The function that records a request; None where nothing is exported."""
        return None if self._tracer is None else self.record

    def record(self, access: logs.Access, environ: Mapping[str, Any], marks: RequestMarks) -> None:
        """Record a request that has ended, unless it was a successful probe.

        Args:
            access: Its line in the access log.
            environ: WSGI's variables.
            marks: Its marks.
        """
        if self._tracer is None or access.is_probe:
            return
        try:
            self._record(self._tracer, access, environ, marks)
        except Exception:
            logger.exception("the spans of a request are lost")

    def _record(
        self, tracer: Tracer, access: logs.Access, environ: Mapping[str, Any], marks: RequestMarks
    ) -> None:
        from_clock = time_ns() - int(perf_counter() * 1e9)
        began, ended = marks.began - marks.queue_s - marks.read_s, marks.began + access.duration_s
        _IDS.set(environ.get(OWN_TRACE))
        span = tracer.start_span(
            f"{access.method} {environ.get(ROUTE) or ''}".strip(),
            context=self._parents.extract(_parent(environ)),
            kind=self._trace.SpanKind.SERVER,
            start_time=from_clock + int(began * 1e9),
            attributes=_attributes(access, environ, marks),
        )
        _IDS.set(None)
        inside = self._trace.set_span_in_context(span)
        at = began
        for name, seconds in _phases(marks, ended) if not late_status(environ) else ():
            start, at = at, at + seconds
            part = tracer.start_span(name, inside, start_time=from_clock + int(start * 1e9))
            part.end(from_clock + int(at * 1e9))
        if access.status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(from_clock + int(ended * 1e9))


def _provider(endpoint: str) -> Any:
    """Return the provider of tracers whose spans go to an endpoint.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = Resource({"service.name": "drum-like", "service.version": __version__})
    told = named.merge(OTELResourceDetector().detect())  # the operator's variables win
    found = TracerProvider(
        resource=Resource.create(told.attributes), shutdown_on_exit=False, id_generator=_generator()
    )
    found.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return found


def _generator() -> Any:
    """Return the generator of the ids of spans: those of _IDS, else random ones."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

    class Given(RandomIdGenerator):
        """Gives ids."""

        def generate_trace_id(self) -> int:
            """Return the id of a trace that begins."""
            return int(ids["trace_id"], 16) if (ids := _IDS.get()) else super().generate_trace_id()

        def generate_span_id(self) -> int:
            """Return the id of a span."""
            return int(ids["span_id"], 16) if (ids := _IDS.get()) else super().generate_span_id()

    return Given()


def _parent(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by which a caller names its span."""
    return {name: environ[key] for name, key in _PARENT.items() if key in environ}


def _phases(marks: RequestMarks, ended: float) -> Iterator[tuple[str, float]]:
    """Yield the phases of a request that a model was asked, with their seconds."""
    if marks.asked and marks.ready:
        yield from zip(PHASES, marks.phases(marks.ready), strict=True)
        yield "write", ended - marks.ready


def _attributes(
    access: logs.Access, environ: Mapping[str, Any], marks: RequestMarks
) -> dict[str, str | int]:
    """Return the attributes of a span: OpenTelemetry's names for HTTP, and ours."""
    known = {
        "http.request.method": access.method,
        "http.route": environ.get(ROUTE),
        "http.response.status_code": access.status,
        "http.response.body.size": access.n_bytes,
        "url.path": access.path,
        "url.scheme": environ.get("wsgi.url_scheme"),
        "drum_like.contract": environ.get(CONTRACT),
        "drum_like.request_id": environ.get(REQUEST_ID),
        "drum_like.model": None if marks.model is None else marks.model.name,
        "drum_like.model_version": None if marks.model is None else marks.model.version,
        "drum_like.rows": marks.rows if marks.asked else None,
    }
    return {name: value for name, value in known.items() if value is not None}
