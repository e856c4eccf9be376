"""Where a store is."""

from dataclasses import dataclass
from pathlib import Path

DATABASE = "store.db"
"""The database file of a store that has no server."""

MOVES = "moves"
"""The file that says to the processes of a store that something has changed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is.

    Attributes:
        root: The directory of its files; made when it is missing.
        url: Of a PostgreSQL server; None for a database file in the directory.
    """

    root: Path
    url: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether a store was made there, as far as its directory shows."""
        return (self.root / "blobs").is_dir()
