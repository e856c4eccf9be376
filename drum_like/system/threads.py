"""How many workers and threads this machine, or this container, should run."""

from collections.abc import MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """How the CPUs are divided.

    Attributes:
        workers: Worker processes.
        native: Threads that a framework may use in one worker.
    """

    workers: int
    native: int

    @property
    def slots(self) -> int:
        """The most workers that ever live at one time: some leave while others come."""
        return 4 * self.workers + 16


def share(max_workers: int | None, cpus: int) -> Share:
    """Return one worker a CPU, unless a number was asked for, and what is left for frameworks."""
    workers = max_workers or cpus
    return Share(workers, max(1, cpus // workers))


def set_native_threads(environ: MutableMapping[str, str], native: int) -> bool:
    """Tell OpenMP and BLAS libraries how many threads to use; a user's own choice wins.

    To be called before any of them is loaded. Idle OpenMP threads must not spin: with more threads
    than free CPUs that costs a factor of 4 to 7.

    Returns:
        Whether the number was not the user's choice.
    """
    is_free = "OMP_NUM_THREADS" not in environ
    environ.setdefault("OMP_NUM_THREADS", str(native))
    environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return is_free
