"""A wall clock of servers that tests set; the monotonic clock goes on as it is."""

from collections.abc import Mapping
from pathlib import Path

import pytest

_LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


class Clock:
    """The wall clock of processes that are started with an environment.

    Args:
        folder: A directory of this clock alone.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "offset"
        self.set(0)

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of processes that go by this clock; skips where no library makes one."""
        found = [path for one in _LIBRARIES for path in Path("/").glob(one[1:])]
        if not found:
            pytest.skip("libfaketime is not installed (apt-get install libfaketime)")
        return {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, offset_s: int) -> None:
        """Set the clock this many seconds before or after that of the machine."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset_s:+d}\n")
        new.replace(self._file)
