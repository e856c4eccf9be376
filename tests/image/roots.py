"""Roots of file systems out of layers: mounted, written to, measured."""

import io
import os
import stat
import subprocess
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.image.dockerfile import ImageError

_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
_ENGINES_FILES = ("/etc/hosts", "/etc/resolv.conf")
"""Files that an engine lends to each of its containers."""

SHARED_MEMORY = "64m"
"""Size of /dev/shm, which is what engines give if they are not told another."""

GZIP_LEVEL = 6
"""Compression level of the layers that engines push."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Folders of which each covers those before it."""

    folders: tuple[Path, ...]

    def over(self, folder: Path) -> "Layers":
        """Return these layers under one more."""
        return Layers((*self.folders, folder))


@dataclass(frozen=True, slots=True)
class Size:
    """The bytes of a layer as a tar archive, and those of the archive in gzip."""

    plain: int
    compressed: int

    def __add__(self, other: "Size") -> "Size":
        """Return the size of both together."""
        return Size(self.plain + other.plain, self.compressed + other.compressed)


class _Measure(io.RawIOBase):
    """A file that keeps only its length, and the length in gzip."""

    def __init__(self) -> None:
        super().__init__()
        self._plain = self._compressed = 0
        self._gzip = zlib.compressobj(GZIP_LEVEL, wbits=31)

    def write(self, data: Any, /) -> int:
        taken = memoryview(data).nbytes
        self._plain += taken
        self._compressed += len(self._gzip.compress(data))
        return taken

    def size(self) -> Size:
        return Size(self._plain, self._compressed + len(self._gzip.flush()))


@contextmanager
def mounted(layers: Layers, place: Path, written: Path | None = None) -> Iterator[Path]:
    """Show layers as one root.

    Args:
        layers: Two or more; they are not changed.
        place: An empty folder, the root.
        written: The new layer that takes what is written; None for a root that is read-only.
    """
    options = ["index=off", "metacopy=off", "redirect_dir=off"]
    options.append("lowerdir=" + ":".join(map(str, reversed(layers.folders))))
    if written is not None:
        work = written.with_name(written.name + ".work")
        written.mkdir()
        written.chmod(0o755)  # whatever the umask: it is the root of others, too
        work.mkdir()
        options += [f"upperdir={written}", f"workdir={work}"]
    mount("-t", "overlay", "-o", ",".join(options), "overlay", str(place))
    try:
        yield place
    finally:
        mount("--recursive", str(place), program="umount")


def furnish(root: Path, lent: Iterable[Path]) -> None:
    """Mount what an engine gives to a container: devices, shared memory, names of hosts.

    Args:
        root: As `mounted` shows it; its end takes these mounts away, too.
        lent: More files and folders of this machine, read-only at the same place.
    """
    devices = root / "dev"
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(devices))
    for name in _DEVICES:
        (devices / name).touch()
        mount("--bind", f"/dev/{name}", str(devices / name))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (devices / name).symlink_to(f"/proc/self/fd/{number}")
    (devices / "fd").symlink_to("/proc/self/fd")
    (devices / "shm").mkdir()
    options = f"mode=1777,nosuid,nodev,noexec,size={SHARED_MEMORY}"
    mount("-t", "tmpfs", "-o", options, "shm", str(devices / "shm"))
    for path in (*map(Path, _ENGINES_FILES), *lent):
        lend(path, root, path)


def lend(source: Path, root: Path, target: Path) -> None:
    """Show a file or a folder of this machine in a root, read-only; the target has to be there."""
    place = root / target.relative_to("/")
    mount("--bind", str(source), str(place))
    mount("-o", "remount,ro,bind", str(place))


def mount(*words: str, program: str = "mount") -> None:
    """Run `mount`, or another program of its kind.

    Raises:
        ImageError: it fails; with its words.
    """
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"{program} {' '.join(words)}: {done.stderr.strip()}")


def entering(root: Path, folder: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words before those of a program that is process 1 in a root of its own.

    Args:
        root: As `furnish` leaves it.
        folder: Of the process.
        variables: Its environment; nothing is inherited.
    """
    spaces = ("--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child")
    given = (f"{name}={value}" for name, value in variables.items())
    proc = f"--mount-proc={root / 'proc'}"
    return ("unshare", *spaces, proc, "chroot", str(root), "env", "-i", "-C", folder, *given)


def size_of(layer: Path) -> Size:
    """Return the size of a layer: of the archive that an engine would push."""
    measure = _Measure()
    with tarfile.open(mode="w|", fileobj=measure, format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(layer.rglob("*")):
            archive_entry(archive, path, path.relative_to(layer))
    return measure.size()


def archive_entry(archive: tarfile.TarFile, path: Path, name: Path) -> None:
    """Add a file to a layer's archive; what hides a deleted file gets its name there."""
    state = path.lstat()
    if stat.S_ISCHR(state.st_mode) and state.st_rdev == 0:
        archive.addfile(tarfile.TarInfo(str(name.with_name(f".wh.{name.name}"))))
        return
    archive.add(path, str(name), recursive=False)
    if stat.S_ISDIR(state.st_mode) and "trusted.overlay.opaque" in os.listxattr(path):
        archive.addfile(tarfile.TarInfo(str(name / ".wh..wh..opq")))
