"""The one column of a graph with one input."""

from __future__ import annotations

from dataclasses import dataclass

from drum_like.api import Names, Schema


@dataclass(frozen=True, slots=True)
class OneColumn(Schema):
    """A column by position: of any name, or of none.

    Attributes:
        alias: The name of the input, which records may call the column by.
    """

    alias: str = ""

    def as_known(self, names: Names) -> Names:
        """Return names with the position for the input's name."""
        (position,) = self.names
        if position in names:
            return names
        return tuple(position if name == self.alias else name for name in names)
