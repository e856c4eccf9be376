"""The memory of a server: the heaps of its threads, and objects that stay."""

import ctypes
import gc
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

import psutil

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_CHOICES = {
    _ARENA_MAX: ("MALLOC_ARENA_MAX", 2),
    _MMAP_THRESHOLD: ("MALLOC_MMAP_THRESHOLD_", 32 << 20),
    _TRIM_THRESHOLD: ("MALLOC_TRIM_THRESHOLD_", 64 << 20),
}

_ARROW_POOL = ("ARROW_DEFAULT_MEMORY_POOL", "system")

_OWN_PAGES_FROM = 1 << 17

_IN_MEMORY = ("tmpfs", "ramfs")


def keep_few_heaps(environ: MutableMapping[str, str]) -> None:
    """Let threads, and Arrow, take memory from two heaps; a user's choice wins.

    By default glibc gives each thread a heap of its own, and each keeps the memory that the largest
    requests needed: a worker of eight threads that has served CSV of 6 MB holds 185 MB, with two
    heaps 115 to 135. Eight clients with 1,000 rows each get 2 to 4 % fewer answers than with a heap
    a thread. One heap takes 2 % less to 8 % more CPU time than two for CSV: `make memory`.

    The thresholds are the highest that glibc comes to by itself where large blocks are freed; with
    them 10,000 rows to a hook cost 100 page faults, not 800.

    Arrow has an allocator of its own, mimalloc, with a heap a thread. It asks for huge pages: a
    heap grows by 2 MiB for a few kilobytes, hours after the start, too. Its users report crashes
    where threads come and go. With the heaps of the process a worker that has served CSV of 1,000
    rows holds 108 MB, not 174, of 10,000 rows 197, not 298, and takes 0.94 to 1.02 of the CPU time:
    `make memory`.

    To be called before there are threads, and before Arrow is imported. Without mallopt only Arrow
    is told.

    Source: mallopt(3); Arrow's environment variables; apache/arrow issues 50471 and 50908.
    """
    environ.setdefault(*_ARROW_POOL)
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is None:
        return
    for parameter, (variable, value) in _CHOICES.items():
        if variable not in environ:
            change(parameter, value)


@contextmanager
def own_pages() -> Iterator[None]:
    """Give blocks of 128 KiB and more that are taken meanwhile pages of their own.

    The system gets these back as soon as they are free. A heap keeps up to 64 MiB at its end, and a
    thread's even where it is trimmed. Free room in the heap is used first. A user's choice wins.
    """
    change = getattr(ctypes.pythonapi, "mallopt", None)
    variable, usual = _CHOICES[_MMAP_THRESHOLD]
    # The C library has read it there.
    if change is None or variable in os.environ:  # noqa: TID251
        yield
        return
    change(_MMAP_THRESHOLD, _OWN_PAGES_FROM)
    try:
        yield
    finally:
        change(_MMAP_THRESHOLD, usual)


def is_memory(folder: Path) -> bool:
    """Return whether the files of a folder are in memory, not on a disk; False if unknown."""
    mounted = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    resolved = folder.resolve()
    kinds = (mounted.get(str(path)) for path in (resolved, *resolved.parents))
    # There may be none: the root of a chroot need not be mounted.
    return next(filter(None, kinds), None) in _IN_MEMORY


def give_back() -> None:
    """Give free memory of the heaps back to the system; do nothing where there is no malloc_trim.

    Source: malloc_trim(3).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_objects() -> None:
    """Exempt all present objects from garbage collection: they stay as long as the process.

    To look at a framework's modules and a model over and over took a twentieth of the time of
    requests to a scikit-learn pipeline.
    """
    gc.collect()
    gc.freeze()


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(psutil.Process().memory_info().rss)
