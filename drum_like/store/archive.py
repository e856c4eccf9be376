"""Zip files of model directories: their content, and how they are unpacked safely.

Every member is looked at before the first byte is written. Only regular files and directories with
plain relative names are taken.
"""

import os
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zlib import error as ZlibError  # noqa: N812 - it is a class

from drum_like.errors import ArchiveError
from drum_like.store.upload_file import storing, sync_folder, write_all

NOT_A_ZIP = "Not a valid ZIP file."
_LOCAL_HEADER = 30
_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_SMALL = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits on the content of a zip file.

    Attributes:
        members: Files and directories.
        bytes: Of all files, unpacked.
        ratio: Bytes unpacked for one byte packed, beyond the first MiB.
        name: Bytes of a member's whole name.
        part: Bytes of a part of it, between slashes.
    """

    members: int = 10_000
    bytes: int = 4 * 1024**3
    ratio: int = 100
    name: int = 1024
    part: int = 255


def file_names(path: Path, bounds: Bounds) -> tuple[str, ...]:
    """Return the names of the files in a zip that can be unpacked safely; unpacks nothing.

    Raises:
        ArchiveError: it is no zip, or it cannot.
    """
    with _opened(path) as archive:
        return tuple(member.filename for member in _checked(archive, bounds) if not member.is_dir())


def unpack(path: Path, folder: Path, bounds: Bounds) -> None:
    """Unpack a zip into an empty folder, or a new one; all of it is brought to the disk.

    If everything lies in one folder of the archive, that folder becomes `folder`.

    Raises:
        ArchiveError: it is no zip, cannot be unpacked safely, or is damaged.
        StoreError: the disk does not take it.
    """
    with _opened(path) as archive:
        members = [member for member in _checked(archive, bounds) if not member.is_dir()]
        top = _common_folder([member.filename for member in members])
        with storing():
            folder.mkdir(exist_ok=True)
        for member in members:
            target = folder / member.filename[len(top) :]
            with storing():
                target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source:
                _write(source, target)
        with storing():
            for made in (folder, *folder.rglob("*")):
                if made.is_dir():
                    sync_folder(made)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        damaged = "the zip file is damaged; pack it again" if zipfile.is_zipfile(path) else ""
        raise ArchiveError(damaged or NOT_A_ZIP) from error
    except (EOFError, ZlibError, NotImplementedError, ValueError, RuntimeError) as error:
        raise ArchiveError("the zip file is damaged; pack it again") from error


def _checked(archive: zipfile.ZipFile, bounds: Bounds) -> Sequence[zipfile.ZipInfo]:
    """Return the members of an archive, or refuse it because of one of them."""
    members = archive.infolist()
    if len(members) > bounds.members:
        raise ArchiveError(
            f"the zip file has {len(members)} members, and {bounds.members} are allowed"
        )
    _check_sizes(archive, members, bounds)
    taken: dict[str, bool] = {}
    for member in members:
        _check_kind(member)
        _check_name(member, bounds)
        _check_twins(member, taken)
    return members


def _check_sizes(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], bounds: Bounds
) -> None:
    """Refuse bombs: too much in all, packed too well, or one set of bytes used twice."""
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > bounds.bytes or unpacked > max(_SMALL, packed * bounds.ratio):
        raise ArchiveError(
            f"the zip file unpacks to {unpacked} bytes from {packed}; at most {bounds.bytes} bytes "
            f"and {bounds.ratio} for one are allowed"
        )
    start_of_directory: int = archive.start_dir
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise ArchiveError("members of the zip file overlap; pack it again")
        end = member.header_offset + _LOCAL_HEADER + member.compress_size
    if end > start_of_directory:
        raise ArchiveError("members of the zip file overlap its directory; pack it again")


def _check_kind(member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(
            f"{_shown(member)} in the zip file is no regular file; links and devices are refused"
        )
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"{_shown(member)} in the zip file is encrypted; pack it without")
    if member.compress_type not in _METHODS:
        raise ArchiveError(
            f"{_shown(member)} in the zip file is packed in a way that is not read; use deflate"
        )


def _check_name(member: zipfile.ZipInfo, bounds: Bounds) -> None:
    """Refuse names that leave the folder, on any system, or that no file system takes."""
    # As it is stored: zipfile itself cuts at a NUL.
    name = member.orig_filename
    parts = name.rstrip("/").split("/")
    unsafe = (
        name.startswith("/")
        or not name.isprintable()
        or any(character in name for character in "\\:")
        or any(part in ("", ".", "..") for part in parts)
    )
    long = len(name.encode("utf-8", "replace")) > bounds.name or any(
        len(part.encode("utf-8", "replace")) > bounds.part for part in parts
    )
    if unsafe or long:
        raise ArchiveError(
            f"{_shown(member)} in the zip file is no plain relative name; names without '..', "
            "backslashes, colons and control characters are unpacked"
        )


def _check_twins(member: zipfile.ZipInfo, taken: dict[str, bool]) -> None:
    """Refuse two members that some file system holds for one, or a file that is a folder, too."""
    key = unicodedata.normalize("NFC", member.filename.rstrip("/")).casefold()
    parents = [key[:at] for at, character in enumerate(key) if character == "/"]
    clash = key in taken and not (taken[key] and member.is_dir())
    if clash or any(taken.get(parent) is False for parent in parents):
        raise ArchiveError(f"{_shown(member)} is in the zip file twice")
    taken[key] = member.is_dir()
    for parent in parents:
        taken.setdefault(parent, True)


def _shown(member: zipfile.ZipInfo) -> str:
    return repr(member.filename[:100])


def _common_folder(names: Sequence[str]) -> str:
    """Return the folder that holds all names, with its slash; empty if there is none."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    only = tops.pop() if len(tops) == 1 else ""
    return f"{only}/" if only else ""


def _write(source: IO[bytes], target: Path) -> None:
    """Write a member to a new file; a damaged one is found by its check sum."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with storing():
        descriptor = os.open(target, flags, 0o644)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - of a descriptor
        while piece := source.read(_CHUNK):
            with storing():
                write_all(file, piece)
        with storing():
            os.fsync(file.fileno())
