"""Reports of workers to their master."""

import signal

import pytest

from drum_like.errors import ArtifactError, SettingsError, TypeSchemaError
from drum_like.server.worker_status import (
    NOT_LOADED,
    STOPPED,
    Report,
    ReportPipe,
    State,
    death,
    failure,
    how_it_ended,
    is_from_outside,
)


def raised(error: Exception) -> Exception:
    """Return the exception with a traceback."""
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (ArtifactError("no artifact"), 4, "no artifact"),
        (SettingsError("wrong label"), 1, "wrong label"),
        (TypeSchemaError("contradiction"), 3, "contradiction"),
        (MemoryError("too big"), 4, "MemoryError: too big"),
    ],
)
def test_a_failure_says_why_where_and_how_to_leave(
    error: Exception, exit_code: int, message: str
) -> None:
    report = failure(raised(error))

    assert (report.state, report.exit_code, report.message) == (State.FAILED, exit_code, message)
    assert report.stacktrace.startswith("Traceback")


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (-signal.SIGSEGV, "was ended by SIGSEGV"),
        (-signal.SIGKILL, "was ended by SIGKILL (out of memory?)"),
        (-35, "was ended by signal 35"),
        (0, "left with exit code 0"),
        (3, "left with exit code 3"),
    ],
)
def test_the_end_of_a_process_in_words(exit_code: int, words: str) -> None:
    assert how_it_ended(exit_code) == words
    assert words in death(exit_code).message
    assert death(exit_code).exit_code == 4


@pytest.mark.parametrize(
    ("exit_code", "expected"),
    [
        (-signal.SIGKILL, True),
        (-signal.SIGTERM, True),
        (STOPPED, True),
        (-signal.SIGSEGV, False),
        (-signal.SIGABRT, False),
        (NOT_LOADED, False),
        (0, False),
    ],
)
def test_only_others_end_a_process_that_is_well(exit_code: int, *, expected: bool) -> None:
    assert is_from_outside(exit_code) == expected


def test_reports_come_in_order_and_once() -> None:
    pipe = ReportPipe()
    sent = [Report(State.LOADED, lines=("a", "ü\n")), Report(State.RETIRING)]

    for report in sent:
        pipe.send(report)
    received = list(pipe.received())

    assert received == sent
    assert list(pipe.received()) == []
    pipe.keep_reader()
    pipe.close()


def test_the_end_of_a_worker_is_no_report() -> None:
    pipe = ReportPipe()
    pipe.keep_reader()

    assert list(pipe.received()) == []
    pipe.close()


def test_a_report_that_nobody_reads_is_lost_quietly() -> None:
    pipe = ReportPipe()
    pipe.keep_writer()

    pipe.send(Report(State.RETIRING))
    pipe.keep_reader()
