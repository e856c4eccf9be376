"""The number of heaps that the threads of a process have."""

import ctypes
import subprocess
import sys
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

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="another allocator than glibc's"
)


def heaps(**environ: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environ, capture_output=True, text=True, check=True
    )
    return done.stderr.count("Arena ")


def test_a_file_system_in_memory_is_told_from_a_disk() -> None:
    mounted = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}

    for place in ("/", "/dev/shm"):
        if place in mounted:
            assert is_memory(Path(place, "not", "there")) == (mounted[place] == "tmpfs")


def test_threads_share_two_heaps() -> None:
    assert heaps() == 2


def test_the_number_of_the_user_stays() -> None:
    assert heaps(MALLOC_ARENA_MAX="5") == 5
