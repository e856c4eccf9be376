"""Runs the steps of deploy/Dockerfile without a container engine, and asks what they make.

python -m tests.image     exits with 1 if a step or a demand fails, with 77 where it cannot run

The steps run as they are written, each in a root of its own, the image's containers as an engine
starts them; then the size of each layer is printed. It needs root, namespaces, overlay mounts and
debootstrap. Mounts are in namespaces that end with it, however it ends; its folder below
build/image is deleted when it ends, or by the next run if it was killed.
"""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

import psutil

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "image"
CANNOT_RUN = 77
END_TIMEOUT_S = 60.0

_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_PROGRAMS = ("chroot", "debootstrap", "mount", "setpriv", "umount", "unshare")
_LOCK = "lock"
_TRIAL = (
    'cd "$1" && mkdir lower upper work root && mount -t overlay '
    "-o lowerdir=lower,upperdir=upper,workdir=work overlay root"
)


def why_not() -> str:
    """Return the reason why the image cannot be built here, "" if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounts and namespaces need root on Linux"
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        return f"these programs are missing: {', '.join(missing)}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        trial = [*_NAMESPACES, "sh", "-ec", _TRIAL, "sh", folder]
        done = subprocess.run(trial, capture_output=True, text=True, check=False)
    return f"overlay mounts in namespaces fail: {done.stderr.strip()}" if done.returncode else ""


def sweep() -> None:
    """Delete the folders of runs that were killed; those that go on hold their locks."""
    for path in FOLDER.glob(f"*/{_LOCK}"):
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(path.parent)


def run(scratch: str) -> int:
    """Do the work in namespaces of its own, and return its exit code; nothing of it goes on."""
    work = [sys.executable, "-m", "tests.image.inside", scratch]
    words = ["setpriv", "--pdeathsig", "KILL", *_NAMESPACES, *work]
    # A signal from the terminal is for this process alone, which ends the other ones.
    with subprocess.Popen(words, cwd=ROOT, start_new_session=True) as process:
        try:
            return process.wait()
        except BaseException:
            below = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            psutil.wait_procs(below, END_TIMEOUT_S)
            raise


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> int:
    """Build and ask the image; return the exit code."""
    description = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m tests.image", description=__doc__, formatter_class=description
    )
    parser.parse_args()
    if reason := why_not():
        sys.stdout.write(f"SKIPPED: the image is not built: {reason}\n")
        return CANNOT_RUN
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    sweep()
    with (
        tempfile.TemporaryDirectory(dir=FOLDER) as scratch,
        Path(scratch, _LOCK).open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run(scratch)


if __name__ == "__main__":
    sys.exit(main())
