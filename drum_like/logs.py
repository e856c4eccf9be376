"""Log lines in one form: text for people, or a JSON object a line for programs.

Messages go to standard error, the access log to standard output, as in DRUM. Messages of the
server that must be seen at any level (its address, its model) go through `ANNOUNCE`.
"""

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import TextIOBase
from types import MappingProxyType

import orjson

LEVELS: Mapping[str, int] = MappingProxyType(
    {
        "all": logging.DEBUG,
        "debug": logging.DEBUG,
        "info": logging.INFO,
        "warn": logging.WARNING,
        "warning": logging.WARNING,
        "error": logging.ERROR,
        "critical": logging.CRITICAL,
        "fatal": logging.CRITICAL,
    }
)
"""The names that DRUM's --logging-level takes."""

ANNOUNCE = logging.getLogger("drum_like.announce")
"""Shown at any level; for the few lines that tell what was started."""

PROBES = frozenset({"", "health", "livez", "metrics", "ping", "readyz", "startupz"})
"""Last path segments of routes that orchestrators and monitors call all the time."""

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "ts": "time of the line, as RFC 3339 has it, in UTC with milliseconds",
        "level": "`debug`, `info`, `warning`, `error` or `critical`",
        "logger": "`access`, `drum_like.audit`, `drum_like.announce` at the start, else the module",
        "msg": "the text of the line",
        "pid": "number of the process; not in the access log",
        "request_id": "id of the request that the line is about, if it is about one",
        "trace_id": "trace of that request, if it has one",
        "span_id": "span in that trace: the caller's, or its own where the trace begins here",
        "exception": "traceback of an error",
    }
)
"""Fields of lines in JSON, with their meanings."""

ACCESS_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "method": "HTTP method",
        "path": "path as sent, without the query",
        "status": "status of the answer; 499 if the client left before, 504 if it came too late",
        "bytes": "length of the body of the answer",
        "duration_ms": "from the parsed request to the last byte handed to the kernel",
    }
)
"""Further fields of the access log."""

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_trace: ContextVar[Mapping[str, str] | None] = ContextVar("trace", default=None)
_TRACE = re.compile(  # version 00 has these four fields, later ones may have more
    r"(?!ff)(?P<version>[\da-f]{2})-(?P<trace_id>(?!0{32})[\da-f]{32})-"
    r"(?P<span_id>(?!0{16})[\da-f]{16})-[\da-f]{2}(?P<more>-.*)?"
)

# A control character in a message could forge a line or drive a terminal.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\t"): "\t",
    ord("\n"): "\n    ",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


set_request_id = _request_id.set
"""Sets the id of everything that this thread logs, until the next one is set."""

get_request_id = _request_id.get
"""Returns the id of the request that this thread works on, "" between requests."""


set_trace = _trace.set
"""Sets the trace of everything that this thread logs, until the next one is set."""

get_trace = _trace.get
"""Returns the trace of the request that this thread works on, None without one."""


def trace_in(header: str) -> Mapping[str, str] | None:
    """Return the `trace_id` and `span_id` that a header `traceparent` names, None for none.

    Source: W3C Trace Context.
    """
    found = _TRACE.fullmatch(header.strip())
    if found is None or (found["more"] and found["version"] == "00"):
        return None
    return {name: found[name] for name in ("trace_id", "span_id")}


def new_trace() -> Mapping[str, str]:
    """Return the `trace_id` and `span_id` of a request whose caller names none."""
    return {"trace_id": secrets.token_hex(16), "span_id": secrets.token_hex(8)}


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z WARNING name: message [request_id=...]`; announcements as is."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one event; continuation lines are indented, so that none looks like another."""
        text = f"{record.getMessage()}{_ids()}"
        trace = self._trace(record)
        text = (f"{text}\n{trace}" if trace else text).translate(_ESCAPES)
        if record.name == ANNOUNCE.name:
            return text if record.levelno <= logging.INFO else f"{record.levelname}: {text}"
        return f"{_stamp(record.created)} {record.levelname} {record.name}: {text}"

    def _trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonFormatter(logging.Formatter):
    """Formats a JSON object: ts, level, logger, msg, pid; ids, `fields` and exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of ASCII."""
        event: dict[str, object] = {
            "ts": _stamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            "pid": record.process,
        }
        if request_id := get_request_id():
            event["request_id"] = request_id
        if trace := get_trace():
            event |= trace
        event |= getattr(record, "fields", {})
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event)


class Records(TextIOBase):
    """A stream of records, for handlers of logs.

    Args:
        write: Writes a whole line.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._write = write

    def write(self, text: str) -> int:
        """Write a whole line."""
        self._write(text.encode(errors="backslashreplace"))
        return len(text)


def is_json(log_format: str) -> bool:
    """Return whether lines are JSON: if asked for, or if standard error is no terminal."""
    return log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())


def formatter(log_format: str) -> logging.Formatter:
    """Return the formatter of log lines; see `configure`."""
    return JsonFormatter() if is_json(log_format) else TextFormatter()


def configure(log_format: str, level: str, stream: TextIOBase | None = None) -> None:
    """Send everything that is logged to standard error in one form; called once a program.

    Args:
        log_format: "text", "json", or "auto": text on a terminal and JSON otherwise.
        level: A name out of LEVELS, in any case.
        stream: Takes the lines; else standard error does.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter(log_format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level.lower()])
    ANNOUNCE.setLevel(min(root.level, logging.INFO))
    logging.captureWarnings(capture=True)
    # Printing why a log line could not be written would only break the next line.
    logging.raiseExceptions = False


CLIENT_LEFT = 499
"""The status, as nginx has it, of a request whose client left before it was answered."""


@dataclass(frozen=True, slots=True)
class Access:
    """A request as the access log shows it.

    Attributes:
        method: The method, or "-" if the request line was not understood.
        path: The path as sent, without the query.
        status: The status answered, or `CLIENT_LEFT`.
        n_bytes: Length of the body sent.
        duration_s: From the parsed request to the last byte handed to the kernel.
    """

    method: str
    path: str
    status: int
    n_bytes: int
    duration_s: float

    @property
    def is_probe(self) -> bool:
        """Whether this is an orchestrator's probe that was answered 200."""
        return (
            self.status == 200
            and self.method in {"GET", "HEAD"}
            and self.path.rstrip("/").rpartition("/")[2] in PROBES
        )


class AccessLog:
    """Writes one line a request, whole.

    Args:
        as_json: JSON objects instead of text.
        write: Writes a line, and waits for nobody who reads it.
    """

    def __init__(self, *, as_json: bool, write: Callable[[bytes], object]) -> None:
        self._line = _json_line if as_json else _text_line
        self._write = write

    def write(self, access: Access) -> None:
        """Write the line of a request, unless it was a successful probe.

        A line that cannot be written is lost: logging never fails a request.
        """
        if access.method != "POST" and access.is_probe:
            return
        try:
            self._write(self._line(access))
        except OSError:
            return


def _json_line(access: Access) -> bytes:
    path = _printable(access.path)
    event = {
        "ts": _stamp(time.time()),
        "level": "info",
        "logger": "access",
        "msg": f"{access.method} {path} {access.status}",
        "method": access.method,
        "path": path,
        "status": access.status,
        "bytes": access.n_bytes,
        "duration_ms": round(access.duration_s * 1000, 3),
        "request_id": get_request_id(),
    }
    if trace := get_trace():
        event |= trace
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


def _text_line(access: Access) -> bytes:
    request_id, now = get_request_id(), time.time()
    line = (  # the time as _stamp has it: each call of ours counts here
        f"{_second(int(now))}.{int(now % 1 * 1000):03d}Z INFO access: "
        f"{access.method} {_printable(access.path)} "
        f"{access.status} {access.n_bytes} bytes {access.duration_s * 1000:.3f} ms"
    )
    if get_trace():
        return f"{line}{_ids()}\n".encode()
    return f"{line} [request_id={request_id}]\n".encode() if request_id else f"{line}\n".encode()


def _ids() -> str:
    """Return the ids of the request as the end of a line of text, empty between requests."""
    ids = {"request_id": get_request_id(), **(trace if (trace := get_trace()) else {})}
    return f" [{' '.join(f'{k}={v}' for k, v in ids.items() if v)}]" if any(ids.values()) else ""


@lru_cache(maxsize=128)
def _printable(text: str) -> str:
    """Return the text with everything escaped that is not printable ASCII."""
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


def _stamp(seconds: float) -> str:
    """Return a wall-clock time as RFC 3339 in UTC with milliseconds."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")
