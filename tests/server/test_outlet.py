"""Outlets, with readers that read late, never, or no more."""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_like.server.outlet import FOR_RECORDS, ROOM, Outlet
from drum_like.system.instruments import SERIES

LINE = b"x" * 199 + b"\n"
MANY = 2 * ROOM // len(LINE)
"""More lines than a pipe and an outlet hold together."""


def note(n_lines: int) -> bytes:
    return f"dropped {n_lines}\n".encode()


@pytest.fixture(name="pipe")
def made_pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(writer)


def flooded(descriptor: int) -> Outlet:
    """Return an outlet that was given more lines than it holds."""
    outlet = Outlet(descriptor, note)
    for _ in range(MANY):
        outlet.write(LINE)
    return outlet


def read_to_note(reader: int, other: bytes = LINE) -> tuple[list[bytes], int]:
    """Return the lines, and the number in the note, when that and one other line have come."""
    lines, n_dropped = [], 0
    with os.fdopen(reader, "rb") as stream:
        for line in stream:
            if line.startswith(b"dropped"):
                n_dropped = int(line.split()[1])
            else:
                lines.append(line)
            if n_dropped and other in lines:
                break
    return lines, n_dropped


def test_what_fits_is_there_when_write_returns(pipe: tuple[int, int]) -> None:
    reader, writer = pipe

    Outlet(writer, note).write(LINE)

    assert os.read(reader, 1000) == LINE
    os.close(reader)


def test_a_reader_that_comes_late_gets_whole_lines_and_learns_how_many_were_dropped(
    pipe: tuple[int, int],
) -> None:
    reader, writer = pipe

    key, before = ("drum_like_log_lines_dropped", "output"), SERIES.totals()
    flooded(writer)
    lines, n_dropped = read_to_note(reader)

    assert SERIES.totals()[key][0] - before.get(key, [0])[0] == n_dropped
    assert set(lines) == {LINE}
    assert len(lines) + n_dropped == MANY
    assert len(lines) * len(LINE) > ROOM


def test_a_socket_that_nobody_reads_holds_nobody_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        flooded(ours.fileno())

        assert theirs.recv(len(LINE), socket.MSG_WAITALL) == LINE


def test_the_pipe_of_others_waits_as_before(pipe: tuple[int, int]) -> None:
    reader, writer = pipe

    Outlet(writer, note)

    assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK
    os.close(reader)


def test_lines_without_a_reader_are_lost_without_an_error(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, note)
    os.close(reader)

    assert outlet.write(LINE) == len(LINE)


def test_a_descriptor_that_can_only_wait_gets_a_thread_that_waits(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY)
    os.close(first)
    outlet = Outlet(writer, note)  # it cannot be opened anew without a reader
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)

    for _ in range(MANY):
        outlet.write(LINE)
    lines, n_dropped = read_to_note(reader)

    assert len(lines) + n_dropped == MANY
    os.close(writer)


def test_a_child_writes_what_it_was_given_and_nothing_of_its_parents(
    pipe: tuple[int, int],
) -> None:
    reader, writer = pipe
    outlet = flooded(writer)

    child = os.fork()
    if not child:
        outlet.write(b"from the child\n")
        while any(thread.name == "log" for thread in threading.enumerate()):
            time.sleep(0.01)
        os._exit(0)
    lines, n_dropped = read_to_note(reader, b"from the child\n")

    os.waitpid(child, 0)
    assert lines.count(b"from the child\n") == 1
    assert len(lines) - 1 + n_dropped == MANY


def test_a_record_begins_a_line_whatever_was_printed_before(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, note)

    outlet.write(b"first\nhal")
    outlet.record(b"record\n")
    outlet.write(b"f\n")

    assert os.read(reader, 1000) == b"first\nrecord\nhalf\n"
    os.close(reader)


def test_a_line_that_a_pipe_does_not_take_at_once_becomes_several(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer, note)

    outlet.write(b"x" * 10_000)
    outlet.write(b"\n\n")

    lines = os.read(reader, 20_000).split(b"\n")
    assert [len(line) for line in lines] == [4095, 4095, 1810, 0, 0]
    os.close(reader)


def test_records_are_kept_where_what_was_printed_takes_all_room(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = flooded(writer)

    n_records = FOR_RECORDS // 200 - 1
    for _ in range(n_records):
        outlet.record(b"r" * 199 + b"\n")
    outlet.record(b"end\n")
    lines, n_dropped = read_to_note(reader, b"end\n")

    assert n_dropped > 0
    assert lines.count(b"r" * 199 + b"\n") == n_records
