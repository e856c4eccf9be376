"""A process that uploads a version, and is killed at a named point of the upload.

`python -m tests.faults.crashing ROOT URL|- POINT`. Nothing in the program is replaced: the process
watches which functions it calls, and kills itself at the one that the point names.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from drum_like.store.entities import NewVersion, Status
from tests.support.registries import constant, eventually, opened

NAME, VALUE = "m", 2


@dataclass(frozen=True, slots=True)
class Point:
    """A moment just before a function is called, or just after it has returned.

    Attributes:
        function: Its qualified name if it is of C, else its name.
        within: Qualified names of functions that are being called at that moment.
        is_after: Whether it has returned.
        is_checked: Whether the uploader waits for the check of the model.
    """

    function: str
    within: tuple[str, ...]
    is_after: bool = False
    is_checked: bool = False


_WRITING = "Database.write"
_COMMIT = "do_commit"
"""The function of SQLAlchemy that commits, on each database."""

POINTS: Mapping[str, Point] = {
    "received": Point("FileIO.write", ("Incoming.write",)),
    "half-written": Point("FileIO.write", ("Incoming.write",), is_after=True),
    "written": Point("fsync", ("Incoming.received",)),
    "synced": Point("fsync", ("Incoming.received",), is_after=True),
    "tried": Point("replace", ("Uploads.accept_checked", "Files.publish"), is_checked=True),
    "to-be-renamed": Point("replace", ("Files.publish",)),
    "renamed": Point("replace", ("Files.publish",), is_after=True),
    "folder-synced": Point("fsync", ("Files.publish", "sync_folder"), is_after=True),
    "recorded": Point(_COMMIT, ("Versions.add", _WRITING)),
    "committed": Point(_COMMIT, ("Versions.add", _WRITING), is_after=True),
    "claimed": Point(_COMMIT, ("Checks.claim", _WRITING), is_after=True),
    "checked": Point(_COMMIT, ("Checks.finish", _WRITING)),
    "promoted": Point(_COMMIT, ("Checks.finish", _WRITING), is_after=True),
    "promoted-at-once": Point(_COMMIT, ("Versions.add", _WRITING), is_after=True, is_checked=True),
}
"""In the order of an upload: its file, its row, its check; and of one that is checked first."""


def main(root: str, url: str, name: str) -> None:
    """Upload a version; print a line at the end, which a process that is killed does not reach."""
    point = POINTS[name]
    others: dict[str, Any] = {} if url == "-" else {"database_url": url}
    armed = threading.Event()

    def watch(frame: FrameType, event: str, about: Any) -> None:
        if armed.is_set() and _is_met(point, frame, event, about):
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)
    sys.setprofile(watch)
    with opened(Path(root), alive=True, **others) as here:
        armed.set()
        upload = here.upload if point.is_checked else here.upload_unchecked
        made = upload(NewVersion(1, NAME, "model.onnx"), constant(VALUE))
        eventually(lambda: here.registry.store.versions.get(made.id).status is Status.READY)
    sys.stdout.write("not ended\n")


def _is_met(point: Point, frame: FrameType, event: str, about: Any) -> bool:
    if event.endswith("return") is not point.is_after or event == "c_exception":
        return False
    name = about.__qualname__ if event.startswith("c_") else frame.f_code.co_name
    return name == point.function and set(point.within) <= set(_callers(frame))


def _callers(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_qualname
        frame = frame.f_back


if __name__ == "__main__":
    main(*sys.argv[1:])
