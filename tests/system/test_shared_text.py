"""A text that processes share: what one changes all read, also where some are killed."""

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from drum_like.system.shared_text import SharedText


def add_one(text: bytes) -> bytes:
    return str(int(text or b"0") + 1).encode()


def to(text: bytes) -> Callable[[bytes], bytes]:
    """Return the change to a text."""
    return lambda _: text


def in_child(work: Callable[[], None]) -> int:
    """Start a copy of this process that works and ends; return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def test_a_text_is_empty_and_then_as_it_was_changed() -> None:
    shared = SharedText()
    before = (shared.number(), shared.read())

    for text in (b"long" * 1000, b"", b"short", b"x" * 5000):
        shared.change(to(text))
        assert shared.read() == (shared.number(), text)

    assert (before, shared.number()) == ((0, (0, b"")), 4)


def test_no_change_of_many_is_lost() -> None:
    shared = SharedText()

    def work() -> None:
        for _ in range(200):
            shared.change(add_one)

    children = [in_child(work) for _ in range(3)]
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for child in children:
        os.waitpid(child, 0)

    assert shared.read() == (1000, b"1000")


def test_an_error_leaves_it_as_it_is() -> None:
    shared = SharedText()
    shared.change(to(b"good"))

    with pytest.raises(ValueError, match="invalid literal"):
        shared.change(add_one)

    assert shared.read() == (1, b"good")


def stuck_in_a_change(shared: SharedText) -> int:
    """Fork a process that stops in the middle of a change; return its id."""
    reading, writing = os.pipe()

    def stuck(_: bytes) -> bytes:
        os.write(writing, b"x")
        time.sleep(60)
        return b"bad"

    child = in_child(lambda: shared.change(stuck))
    os.read(reading, 1)
    return child


def test_who_is_killed_in_a_change_leaves_it_as_it_is() -> None:
    shared = SharedText()
    shared.change(to(b"good"))
    child = stuck_in_a_change(shared)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    shared.change(lambda text: text + b"!")
    assert shared.read() == (2, b"good!")


def test_it_is_read_while_another_process_changes_it() -> None:
    shared = SharedText()
    shared.change(to(b"good"))
    child = stuck_in_a_change(shared)
    found: list[tuple[int, bytes]] = []
    reader = threading.Thread(target=lambda: found.append(shared.read()), daemon=True)
    reader.start()
    reader.join(5)
    meanwhile = list(found)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    assert meanwhile == [(1, b"good")]


def test_a_reader_finds_whole_texts_while_others_change_them() -> None:
    shared = SharedText()
    texts = [b"%d" % digit * 10 ** (digit % 4) for digit in range(10)]
    shared.change(to(texts[0]))

    def work() -> None:
        for at in range(20_000):
            shared.change(to(texts[at % 10]))

    child = in_child(work)
    found, last = set(), 0
    while not os.waitpid(child, os.WNOHANG)[0]:
        number, text = shared.read()
        assert number >= last
        last = number
        found.add(text)

    assert found <= set(texts)
    assert len(found) > 1


def test_many_changes_take_no_more_room() -> None:
    shared = SharedText()
    for at in range(1000):
        shared.change(to(b"x" * (1000 + at % 7)))

    assert os.fstat(shared._fd).st_size < 10_000  # noqa: SLF001 - its size is not to be seen
