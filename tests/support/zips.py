"""Zip files that no packer makes."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from drum_like.store.archive import NOT_A_ZIP

Make = Callable[[zipfile.ZipFile], None]


def zipped(*members: tuple[str, bytes]) -> bytes:
    """Return a zip with these files."""

    def make(archive: zipfile.ZipFile) -> None:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)

    return made(make)


def made(make: Make) -> bytes:
    """Return the zip that a function fills."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        make(archive)
    return buffer.getvalue()


def of_kind(kind: int) -> bytes:
    """Return a zip with a member that is a link or a device."""
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    return made(lambda archive: archive.writestr(member, "/etc/passwd"))


def bomb() -> bytes:
    """Return 100 MiB of zeros, packed."""
    zeros = bytes(100 << 20)
    return made(lambda archive: archive.writestr("zeros", zeros, zipfile.ZIP_DEFLATED))


def overlapping() -> bytes:
    """Return a zip whose directory names the same bytes twice."""
    whole = zipped(("a", b"x" * 1000), ("b", b"y" * 1000))
    at = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 1)
    return whole[: at + 42] + struct.pack("<I", 0) + whole[at + 46 :]


def encrypted() -> bytes:
    """Return a zip that says that its member is encrypted."""
    whole = bytearray(zipped(("a", b"x")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(signature) + offset] |= 1
    return bytes(whole)


def damaged() -> bytes:
    """Return a zip with a wrong byte in a member."""
    whole = bytearray(zipped(("a", b"x" * 1000)))
    whole[500] ^= 0xFF
    return bytes(whole)


def with_raw_name(name: bytes) -> bytes:
    """Return a zip with a name that zipfile itself would not write."""
    return zipped(("N" * len(name), b"x")).replace(b"N" * len(name), name)


def many() -> bytes:
    """Return a zip with more members than are allowed."""
    return zipped(*((str(number), b"") for number in range(10_001)))


BAD: dict[str, tuple[bytes, str]] = {
    "no zip": (b"this is no zip", NOT_A_ZIP),
    "nothing": (b"", NOT_A_ZIP),
    "cut off": (zipped(("a", b"x" * 1000))[:-40], NOT_A_ZIP),
    "parent": (zipped(("../a", b"x")), "no plain relative name"),
    "parent inside": (zipped(("a/../../b", b"x")), "no plain relative name"),
    "absolute": (zipped(("/etc/cron.d/a", b"x")), "no plain relative name"),
    "drive": (zipped(("C:a", b"x")), "no plain relative name"),
    "backslash": (with_raw_name(b"..\\a"), "no plain relative name"),
    "dot": (zipped(("./a", b"x")), "no plain relative name"),
    "two slashes": (zipped(("a//b", b"x")), "no plain relative name"),
    "nul": (with_raw_name(b"a\x00b"), "no plain relative name"),
    "line break": (zipped(("a\nb", b"x")), "no plain relative name"),
    "long name": (zipped(("a" * 300, b"x")), "no plain relative name"),
    "symbolic link": (of_kind(stat.S_IFLNK), "no regular file"),
    "device": (of_kind(stat.S_IFCHR), "no regular file"),
    "pipe": (of_kind(stat.S_IFIFO), "no regular file"),
    "same name in another case": (zipped(("a", b"x"), ("A", b"y")), "twice"),
    "file and folder": (zipped(("a", b"x"), ("a/b", b"y")), "twice"),
    "folder and file": (zipped(("a/b", b"y"), ("a", b"x")), "twice"),
    "bomb": (bomb(), "unpacks to 104857600 bytes"),
    "overlapping members": (overlapping(), "overlap"),
    "encrypted": (encrypted(), "encrypted"),
    "too many members": (many(), "10001 members"),
}
"""Zips that are refused by what they declare, with a part of the reason."""


def write(folder: Path, content: bytes) -> Path:
    """Write bytes to a file and return its path."""
    path = folder / "upload.zip"
    path.write_bytes(content)
    return path
