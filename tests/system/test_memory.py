"""The heaps that the threads of a process, and Arrow, take memory from."""

import ctypes
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from drum_like.system.memory import is_memory

SCRIPT = """
import ctypes, os
from threading import Barrier, Thread
from drum_like.system.memory import keep_few_heaps

def work():
    together.wait()
    bytes(100_000)
    together.wait()

keep_few_heaps(os.environ)
together = Barrier(6)
threads = [Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""

ARROW = """
import os, re
from pathlib import Path
from threading import Thread
from drum_like.system.memory import keep_few_heaps

keep_few_heaps(os.environ)
import pyarrow as pa

def work():
    for _ in range(100):
        pa.allocate_buffer(300_000)

threads = [Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
found = re.search(r"AnonHugePages:\\s+(\\d+)", Path("/proc/self/smaps_rollup").read_text())
print(found[1] if found else 0, pa.default_memory_pool().backend_name)
"""

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
ARE_ASKED_FOR = HUGE_PAGES.exists() and "[madvise]" in HUGE_PAGES.read_text()

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="another allocator than glibc's"
)


def heaps(**environ: str) -> int:
    return run(SCRIPT, environ).stderr.count("Arena ")


def run(script: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )


def test_a_file_system_in_memory_is_told_from_a_disk() -> None:
    mounted = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}

    for place in ("/", "/dev/shm"):
        if place in mounted:
            assert is_memory(Path(place, "not", "there")) == (mounted[place] == "tmpfs")


def test_threads_share_two_heaps() -> None:
    assert heaps() == 2


def test_the_number_of_the_user_stays() -> None:
    assert heaps(MALLOC_ARENA_MAX="5") == 5


@pytest.mark.skipif(not ARE_ASKED_FOR, reason="the system gives huge pages to all, or to nobody")
def test_arrow_takes_no_huge_pages_for_small_things() -> None:
    assert run(ARROW, {}).stdout.split()[0] == "0"


def test_arrow_takes_memory_from_the_heaps_of_the_process() -> None:
    assert run(ARROW, {}).stdout.split()[1] == "system"


def test_the_users_choice_for_arrow_stays() -> None:
    environ = {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}

    assert run(ARROW, environ).stdout.split()[1] == "mimalloc"
