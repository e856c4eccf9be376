"""Names of categories as XGBoost stores them, and the rest of those that it cut.

XGBoost 3.1 to 3.3 count the characters of names from pandas, but store their bytes: with letters
beyond ASCII the boundaries are in the wrong places, and the end of the last names is lost
(https://github.com/dmlc/xgboost/pull/12371, fixed in 3.4). What is left tells the length of each
name and most of its characters. Codes in the trees are not concerned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from drum_like.api import ColumnsError, Frame, Names, Schema

FIXED_IN = (3, 4)
"""The version of XGBoost that stores all names whole."""

Version = tuple[int, ...]

_ANY = (0, 0x10FFFF)

_BOUNDS = (0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF)
"""The lowest and the highest bytes that can go on a character, whatever it began with."""

_LOST = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Name:
    """Name that may have lost characters.

    Attributes:
        ranges: For each character the lowest and the highest code point that it can be.
    """

    ranges: tuple[tuple[int, int], ...]

    @property
    def whole(self) -> bool:
        """Whether no character is lost."""
        return all(low == high for low, high in self.ranges)

    @property
    def text(self) -> str:
        """The name, with a replacement character for each one lost."""
        return "".join(chr(low) if low == high else _LOST for low, high in self.ranges)

    def can_be(self, text: str) -> bool:
        """Return whether a text agrees with what is known of the name."""
        return len(text) == len(self.ranges) and all(
            low <= ord(letter) <= high
            for (low, high), letter in zip(self.ranges, text, strict=True)
        )

    def meets(self, other: "Name") -> bool:
        """Return whether there is a text that both names can be."""
        return len(self.ranges) == len(other.ranges) and all(
            max(one[0], two[0]) <= min(one[1], two[1])
            for one, two in zip(self.ranges, other.ranges, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Possible reading of the stored bytes.

    Attributes:
        names: Every name, in the order of the codes.
    """

    names: tuple[Name, ...]

    @property
    def whole(self) -> bool:
        """Whether no character of any name is lost."""
        return all(name.whole for name in self.names)


def decode_names(offsets: Sequence[int], stored: bytes, version: Version) -> tuple[Reading, ...]:
    """Return the possible readings of stored names: one, or two if either may hold.

    Args:
        offsets: Where the names begin, and at last where they end.
        stored: The bytes of all names, one behind the other.
        version: The version of XGBoost that stored them.
    """
    plain = _by_bytes(offsets, stored)
    if plain is not None and (stored.isascii() or version >= FIXED_IN):
        return (plain,)
    by_letters = _by_characters(offsets, stored)
    return tuple(reading for reading in (plain, by_letters) if reading is not None)


def are_distinct(found: Sequence[Reading]) -> bool:
    """Return whether every text that training can have held means one category only.

    A text that is a whole name means that, even if a cut one could be it: names of a column differ.
    """
    cut_meet = any(
        one.meets(other)
        for reading in found
        for one, other in combinations([name for name in reading.names if not name.whole], 2)
    )
    readings_differ = any(
        one_at != other_at and one.meets(other)
        for first, second in combinations(found, 2)
        for one_at, one in enumerate(first.names)
        for other_at, other in enumerate(second.names)
    )
    return not cut_meet and not readings_differ


def find_code(text: str, found: Sequence[Reading]) -> int | None:
    """Return the code of a text, None if it is no category."""
    for reading in found:
        for whole in (True, False):
            for at, name in enumerate(reading.names):
                if name.whole is whole and name.can_be(text):
                    return at
    return None


def _by_bytes(offsets: Sequence[int], stored: bytes) -> Reading | None:
    """Return names as they stand between the offsets, None if that is no text."""
    try:
        texts = [stored[start:end].decode() for start, end in pairwise(offsets)]
    except UnicodeDecodeError:
        return None
    return Reading(tuple(Name(tuple((ord(c), ord(c)) for c in text)) for text in texts))


def _by_characters(offsets: Sequence[int], stored: bytes) -> Reading | None:
    """Return names whose lengths are in characters, None if that is no text."""
    letters = _characters(stored)
    if letters is None:
        return None
    lost = offsets[-1] - len(letters)
    known = (*letters, *([_ANY] * lost))
    return Reading(tuple(Name(known[start:end]) for start, end in pairwise(offsets)))


def _characters(stored: bytes) -> list[tuple[int, int]] | None:
    """Return the range of each character of UTF-8 text; the last character may be cut."""
    for tail in range(min(4, len(stored) + 1)):
        end = len(stored) - tail
        try:
            found = [(ord(c), ord(c)) for c in stored[:end].decode()]
        except UnicodeDecodeError:
            continue
        return [*found, _cut_character(stored[end:])] if tail else found
    return None


def _cut_character(start: bytes) -> tuple[int, int]:
    """Return the code points whose UTF-8 begins with these bytes, which are not all of it."""
    more = _n_bytes(start[0]) - len(start)
    codes = (_code_point(start + bytes(rest)) for rest in product(_BOUNDS, repeat=more))
    known = [code for code in codes if code is not None]
    return (min(known), max(known)) if known else _ANY


def _n_bytes(lead: int) -> int:
    return 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _code_point(character: bytes) -> int | None:
    try:
        return ord(character.decode())
    except UnicodeDecodeError:
        return None


@dataclass(frozen=True, slots=True)
class CutSchema(Schema):
    """Schema with columns whose category names XGBoost has cut.

    Attributes:
        cut: The positions of those columns, and what their stored names can mean. Their cells are
            read as text.
    """

    cut: tuple[tuple[int, tuple[Reading, ...]], ...] = ()

    def conform(self, frame: Frame) -> Frame:
        """Return the rows with the model's columns, cells of cut names as categories.

        Raises:
            ColumnsError: as Schema.
        """
        return _RecognisedFrame(Schema.conform(self, frame), self)


class _RecognisedFrame(Frame):
    """Rows whose cells of text have become categories."""

    def __init__(self, source: Frame, schema: CutSchema) -> None:
        self._source = source
        self._schema = schema

    @property
    def n_rows(self) -> int:
        return self._source.n_rows

    @property
    def columns(self) -> Names | None:
        return self._source.columns

    @property
    def n_columns(self) -> int:
        return self._source.n_columns

    def _to_pandas(self) -> pd.DataFrame:
        data = self._source.pandas
        parts = {at: data.iloc[:, at] for at in range(data.shape[1])}
        for at, found in self._schema.cut:
            parts[at] = self._recognised(at, found)
        return pd.DataFrame(parts, index=data.index).set_axis(data.columns, axis="columns")

    def _recognised(self, at: int, found: tuple[Reading, ...]) -> Any:
        cells = self._source.pandas.iloc[:, at].astype(object)
        missing = cells.isna()
        known = {text: find_code(str(text), found) for text in cells[~missing].unique()}
        codes = np.array(
            [-1 if gone else known[cell] for cell, gone in zip(cells, missing, strict=True)],
            dtype=object,
        )
        unseen = np.array([code is None for code in codes], dtype=bool)
        if unseen.any() and not self._schema.unseen_is_missing:
            row = int(np.argmax(unseen))
            raise ColumnsError(
                f"column {self._schema.names[at][:100]!r} holds in row {row + 1} a category that "
                f"the model was not trained on (it knows {len(found[0].names)}); set "
                "unseen_categories: missing in model-metadata.yaml to treat such cells as missing",
                row,
            )
        codes[unseen] = -1
        names = pd.Index([name.text for name in found[-1].names])
        return pd.Series(pd.Categorical.from_codes(codes.astype(np.int64), names), cells.index)
