"""Containers of a built image: started as engines start them, and asked."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.image.build import Built
from tests.image.dockerfile import ImageError, Process, User
from tests.image.roots import entering, furnish, lend, mount, mounted
from tests.support.http_calls import Reply, call
from tests.templates.directories import about, expected, leaves, sample

MODEL = Path("/opt/model")
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 60.0

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_SET_FLAGS, _UP = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP
_SHARED_MEMORY = 64 << 20
_PRIVILEGES = ("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs.

    Attributes:
        url: Where its port is.
        first: Its first process.
        started: The program that made its namespaces; it ends with the exit code of `first`.
    """

    url: str
    first: psutil.Process
    started: subprocess.Popen[bytes]

    def get(self, path: str) -> Reply:
        """GET a path."""
        return call(self.url, "GET", path)

    def is_ready(self) -> bool:
        """Whether its probe says that traffic may come."""
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False


def leave_network() -> None:
    """Give this process, and those that it starts, a network of its own with nothing but `lo`."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise ImageError(f"no network of its own: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))


@contextmanager
def running(
    built: Built, process: Process, user: User, model: Path, scratch: Path
) -> Iterator[Container]:
    """Start the process of an image.

    Its root is read-only; /tmp is its own, /dev/shm has 64 MB, and the model is in /opt/model,
    read-only.

    Args:
        built: The last stage.
        process: What it says about its process.
        user: Who runs it.
        model: A model directory.
        scratch: A folder for the root and the log.

    Yields:
        The container, once it is ready.

    Raises:
        ImageError: it ends, or is not ready in time; or a demand in the body is not met. With the
            log.
    """
    with mounted(built.layers, scratch / "root") as root, (scratch / "log").open("wb") as log:
        furnish(root, ())
        mount("-t", "tmpfs", "-o", "mode=1777,nosuid,nodev", "tmpfs", str(root / "tmp"))
        lend(model, root, MODEL)
        # Engines give a home to users without an entry in /etc/passwd.
        enter = entering(root, process.folder, {"HOME": "/", **process.variables})
        identity = ("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", *_PRIVILEGES)
        words = [*enter, *identity, *process.words]
        started = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            yield _ready(started, f"http://127.0.0.1:{process.port}")
        except (ImageError, OSError, psutil.Error, subprocess.TimeoutExpired) as error:
            said = (scratch / "log").read_text(errors="replace")
            raise ImageError(f"{error}; the log:\n{said}") from error
        finally:
            started.kill()  # its processes are killed with it
            psutil.wait_procs(psutil.Process().children(recursive=True), STOP_TIMEOUT_S)


def _ready(started: subprocess.Popen[bytes], url: str) -> Container:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and started.poll() is None:
        first = next(iter(psutil.Process(started.pid).children()), None)
        if first is not None and (container := Container(url, first, started)).is_ready():
            return container
        time.sleep(0.1)
    raise ImageError(f"it is not ready; exit code {started.poll()}")


def demand_place(container: Container, user: User) -> None:
    """Demand that a container is where it was put: user, read-only root, /dev/shm.

    Raises:
        ImageError: it is not.
    """
    root = Path("/proc", str(container.first.pid), "root")
    shared = os.statvfs(root / "dev/shm")
    found = {
        "user": container.first.uids().real,
        "group": container.first.gids().real,
        "read-only root": bool(os.statvfs(root).f_flag & os.ST_RDONLY),
        "read-only model": bool(os.statvfs(root / "opt/model").f_flag & os.ST_RDONLY),
        "writable /tmp": not os.statvfs(root / "tmp").f_flag & os.ST_RDONLY,
        "shared memory": shared.f_frsize * shared.f_blocks,
    }
    wanted = {
        "user": user.uid,
        "group": user.gid,
        "read-only root": True,
        "read-only model": True,
        "writable /tmp": True,
        "shared memory": _SHARED_MEMORY,
    }
    if found != wanted:
        raise ImageError(f"the container has {found}, not {wanted}")


def demand_answers(container: Container, model: Path) -> None:
    """Demand what probes and the rows of a template's sample are answered.

    Raises:
        ImageError: an answer is another one.
    """
    for path, word in {"/livez": b"Alive", "/readyz": b"Ready"}.items():
        reply = container.get(path)
        if (reply.status, reply.body) != (200, word):
            raise ImageError(f"{path} is answered {reply.status} {reply.body!r}")
    headers = {"Content-Type": "text/csv"}
    rows = sample(model).read_text("utf-8")
    reply = call(container.url, "POST", "/predict/", body=rows, headers=headers)
    if reply.status != 200 or leaves(reply.json()) != about(expected(model)):
        raise ImageError(f"/predict/ is answered {reply.status} {reply.text}")


def demand_end(container: Container) -> None:
    """Demand that a container ends by SIGTERM, with exit code 0.

    Raises:
        ImageError: it ends with another one.
    """
    container.first.send_signal(signal.SIGTERM)
    code = container.started.wait(STOP_TIMEOUT_S)
    if code:
        raise ImageError(f"exit code {code} after SIGTERM")
