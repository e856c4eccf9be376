"""Work that is done again and again in a thread, beside what a test does."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def repeated(action: Callable[[], object], each_s: float) -> Iterator[None]:
    """Do something at a steady rate until the block ends, first when one pause is over.

    Raises:
        Exception: the action has raised it; nothing was done after that.
    """
    ending = threading.Event()

    def run() -> None:
        due = time.monotonic() + each_s
        while not ending.wait(max(0.0, due - time.monotonic())):
            due += each_s
            action()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            ending.set()
        running.result()
