"""The child: limits itself before it imports anything large, then tries the model."""

import json
import os
import resource
import signal
import sys
from importlib import import_module
from threading import Thread
from typing import Any

_MIB = 1024 * 1024
_ALONE_S = 10


def main() -> None:
    """Read a task from standard input, try the model, write the result to descriptor argv[1]."""
    task = json.loads(sys.stdin.readline())
    limit(task["limits"])
    # The parent ends a child whose time is over; these are for a parent that was killed.
    signal.alarm(task["limits"]["wall_s"] + _ALONE_S)
    Thread(target=_end_with, args=(_taken_input(),), name="parent", daemon=True).start()
    lines = import_module("drum_like.registry.sandbox.attempt").attempt(task)
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as answer:
        json.dump(lines, answer)
    # Threads of a framework, or of the model, may never end.
    os._exit(0)


def _taken_input() -> int:
    """Return the descriptor of standard input, and replace standard input by an empty one."""
    pipe = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    return pipe


def _end_with(pipe: int) -> None:
    """End this process when the other end of a pipe is closed."""
    while os.read(pipe, 1):
        pass
    os._exit(1)


def limit(limits: dict[str, Any]) -> None:
    """Set the limits of this process; they can only be lowered from here on."""
    wanted = {
        resource.RLIMIT_AS: limits["memory_mb"] * _MIB,
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_NOFILE: limits["descriptors"],
        resource.RLIMIT_FSIZE: limits["file_mb"] * _MIB,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        # Beyond the soft limit of CPU time comes a signal that tells, beyond the hard one SIGKILL.
        hard = value + 1 if kind == resource.RLIMIT_CPU else value
        highest = resource.getrlimit(kind)[1]
        most = hard if highest == resource.RLIM_INFINITY else min(hard, highest)
        resource.setrlimit(kind, (min(value, most), most))


if __name__ == "__main__":
    main()
