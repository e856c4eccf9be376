"""The forms of log lines."""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from io import StringIO

import pytest

from drum_like import logs
from drum_like.logs import Access, AccessLog, JsonFormatter, TextFormatter

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
PREDICT = Access("POST", "/predict/", 200, 23, 0.0123456)


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    """Set no id of a request, whatever ran in this process before."""
    logs.set_request_id("")
    yield
    logs.set_request_id("")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Give the root logger and put everything back that `configure` changes."""
    logger = logging.getLogger()
    handlers, level, raising = logger.handlers[:], logger.level, logging.raiseExceptions
    announced = logs.ANNOUNCE.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logs.ANNOUNCE.setLevel(announced)
    logging.captureWarnings(capture=False)
    logging.raiseExceptions = raising


def record(message: str, *args: object, name: str = "some.module") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "file.py", 1, message, args, None)


def failed(message: str) -> logging.LogRecord:
    """Return a record with an exception."""
    try:
        int("why")
    except ValueError:
        trace = sys.exc_info()
    return logging.LogRecord("x", logging.ERROR, "f", 1, message, (), trace)


def line_of(access: Access, *, as_json: bool) -> bytes:
    """Return the bytes that the access log writes."""
    reader, writer = os.pipe()
    try:
        AccessLog(as_json=as_json, write=partial(os.write, writer)).write(access)
    finally:
        os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        return lines.read()


def test_text_is_time_level_logger_message() -> None:
    line = TextFormatter().format(record("%s rows", 3))

    assert re.fullmatch(rf"{STAMP} WARNING some\.module: 3 rows", line)


def test_text_ends_with_the_id_of_the_request() -> None:
    logs.set_request_id("abc-1")

    assert TextFormatter().format(record("slow")).endswith("slow [request_id=abc-1]")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\rb", r"a\x0db"),
        ("a\u2028b", r"a\u2028b"),
        ("a\n2026 INFO forged", "a\n    2026 INFO forged"),
    ],
    ids=["terminal", "carriage-return", "line-separator", "new-line"],
)
def test_text_cannot_forge_a_line_or_drive_a_terminal(message: str, shown: str) -> None:
    assert TextFormatter().format(record(message)).endswith(f": {shown}")


def test_text_shows_where_an_error_came_from() -> None:
    line = TextFormatter().format(failed("broken"))

    assert "broken\n    Traceback" in line
    assert line.endswith("'why'")


def test_announcements_are_shown_as_they_are() -> None:
    event = logging.LogRecord("drum_like.announce", logging.INFO, "f", 1, "listening", (), None)
    error = logging.LogRecord("drum_like.announce", logging.ERROR, "f", 1, "no model", (), None)

    assert TextFormatter().format(event) == "listening"
    assert TextFormatter().format(error) == "ERROR: no model"


def test_json_has_a_key_for_everything() -> None:
    logs.set_request_id("abc-1")

    event = json.loads(JsonFormatter().format(failed("a\nb\x1b\ud800")))

    assert re.fullmatch(STAMP, event.pop("ts"))
    assert event.pop("exception").endswith("'why'")
    assert event == {
        "level": "error",
        "logger": "x",
        "msg": "a\nb\x1b\ud800",
        "pid": os.getpid(),
        "request_id": "abc-1",
    }


def test_all_fields_of_lines_are_declared() -> None:
    logs.set_request_id("abc-1")
    token = logs.set_trace(logs.trace_in(PARENT))
    try:
        event = json.loads(JsonFormatter().format(failed("a")))
        access = json.loads(line_of(PREDICT, as_json=True))
    finally:
        token.var.reset(token)

    assert event.keys() == logs.FIELDS.keys()
    assert access.keys() == {*logs.FIELDS, *logs.ACCESS_FIELDS} - {"pid", "exception"}


def test_json_is_one_line_without_a_request_id_outside_requests() -> None:
    line = JsonFormatter().format(record("a\nb"))

    assert "\n" not in line
    assert "request_id" not in json.loads(line)


def test_access_line_as_json() -> None:
    logs.set_request_id("abc-1")

    line = line_of(PREDICT, as_json=True)

    event = json.loads(line)
    assert line.endswith(b"}\n")
    assert re.fullmatch(STAMP, event.pop("ts"))
    assert event == {
        "level": "info",
        "logger": "access",
        "msg": "POST /predict/ 200",
        "method": "POST",
        "path": "/predict/",
        "status": 200,
        "bytes": 23,
        "duration_ms": 12.346,
        "request_id": "abc-1",
    }


@pytest.mark.parametrize(
    ("request_id", "end"),
    [("abc-1", r" \[request_id=abc-1\]"), ("", "")],
    ids=["with-id", "without-id"],
)
def test_access_line_as_text(request_id: str, end: str) -> None:
    logs.set_request_id(request_id)

    line = line_of(PREDICT, as_json=False).decode()

    pattern = rf"{STAMP} INFO access: POST /predict/ 200 23 bytes 12\.346 ms{end}\n"
    assert re.fullmatch(pattern, line)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_a_hostile_path_stays_in_its_line(*, as_json: bool) -> None:
    line = line_of(Access("GET", "/a\n\x1b[31m\x9b\ud800", 404, 0, 0.0), as_json=as_json)

    assert line.count(b"\n") == 1
    assert b"\x1b" not in line
    assert line.isascii()


@pytest.mark.parametrize(
    ("access", "is_written"),
    [
        pytest.param(Access("GET", "/livez", 200, 5, 0.0), False, id="livez"),
        pytest.param(Access("GET", "/deep/down/readyz", 200, 5, 0.0), False, id="readyz-below"),
        pytest.param(Access("HEAD", "/p/ping/", 200, 5, 0.0), False, id="ping-with-prefix"),
        pytest.param(Access("GET", "/", 200, 5, 0.0), False, id="root"),
        pytest.param(Access("GET", "/readyz", 503, 9, 0.0), True, id="failing-probe"),
        pytest.param(Access("POST", "/ping", 200, 5, 0.0), True, id="other-method"),
        pytest.param(Access("GET", "/info/", 200, 5, 0.0), True, id="no-probe"),
    ],
)
def test_successful_probes_are_left_out(access: Access, *, is_written: bool) -> None:
    assert bool(line_of(access, as_json=True)) is is_written


def test_an_access_log_that_cannot_be_written_fails_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)

    AccessLog(as_json=True, write=partial(os.write, writer)).write(PREDICT)


@pytest.mark.parametrize(
    ("log_format", "on_terminal", "expected"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("text", False, False),
        ("json", True, True),
    ],
)
def test_auto_is_text_for_people_and_json_for_programs(
    log_format: str, *, on_terminal: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = StringIO()
    stream.isatty = lambda: on_terminal  # type: ignore[method-assign] # a terminal of our own
    monkeypatch.setattr(sys, "stderr", stream)

    assert logs.is_json(log_format) is expected


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("warning", ["WARNING", "ERROR"]),
        ("ALL", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("fatal", []),
    ],
)
def test_level_names_are_those_of_drum(
    level: str, shown: list[str], root: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("text", level)
    logger = logging.getLogger("some.module")

    for name in ("DEBUG", "INFO", "WARNING", "ERROR"):
        logger.log(logging.getLevelNamesMapping()[name], "message")

    assert [line.split()[1] for line in stream.getvalue().splitlines()] == shown
    assert len(root.handlers) == 1


@pytest.mark.usefixtures("root")
def test_announcements_are_shown_at_any_level(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("text", "critical")

    logs.ANNOUNCE.info("listening")

    assert stream.getvalue() == "listening\n"


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        (PARENT, True),
        (f" {PARENT} ", True),
        (PARENT.replace("00-4", "cc-4") + "-more", True),
        (f"{PARENT}-more", False),
        (PARENT.replace("00-4", "ff-4"), False),
        (PARENT.upper(), False),
        (PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), False),
        (PARENT.replace("00f067aa0ba902b7", "0" * 16), False),
        (PARENT[:-1], False),
        ("", False),
        ("x" * 10_000, False),
    ],
)
def test_traces_are_those_of_the_standard(header: str, *, is_known: bool) -> None:
    found = logs.trace_in(header)

    assert (found is not None) is is_known
    if found is not None:
        assert found == {"trace_id": PARENT[3:35], "span_id": PARENT[36:52]}


def test_lines_about_a_request_name_its_trace() -> None:
    logs.set_request_id("abc-1")
    token = logs.set_trace(logs.trace_in(PARENT))
    try:
        texts = (TextFormatter().format(record("a")), line_of(PREDICT, as_json=False).decode())
        events = (JsonFormatter().format(record("a")), line_of(PREDICT, as_json=True))
    finally:
        token.var.reset(token)

    trace = {"trace_id": PARENT[3:35], "span_id": PARENT[36:52]}
    for text in texts:
        named = f"trace_id={trace['trace_id']} span_id={trace['span_id']}"
        assert text.rstrip("\n").endswith(f"[request_id=abc-1 {named}]")
    for event in events:
        assert trace.items() <= json.loads(event).items()
    assert "trace_id" not in JsonFormatter().format(record("a"))
