"""The columns of a LightGBM model: their names, and which were pandas categories in training.

The model lists the values of the pandas categories in the order of their columns, without names.
Apart from that it marks the columns that count as categorical. With `categorical_feature` left to
"auto" these are the pandas categories without an order; those with one count as numbers. With a
list they are the columns listed: integer codes of the user's own among them, and pandas categories
that were not listed count as numbers. The model does not tell which of the two it was.
"""

import math
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np

from drum_like.api import ArtifactError, Column, ColumnsError, ColumnsFrame, Names, Schema

Places = tuple[int, ...]
"""The columns of the stored categories, in ascending order."""

Fits = Callable[[int, int | None], bool]
"""Whether a column can be that of the stored categories of a place; None for no category."""

_ONE_KIND = (
    "train with pandas categories only and categorical_feature left to 'auto', or with integer "
    "codes only, or implement the score hook"
)

_COVERED = 0.9
"""The share of its values that a pandas category shows in training, from first to last.

Most show all of them: pandas makes categories of the values that it finds.
"""


def schema_of(booster: lgb.Booster, text: str) -> Schema:
    """Return the columns of a booster, by its object and its model as text."""
    names = booster.feature_name()
    named = names != [f"Column_{position}" for position in range(len(names))]
    categories = _categories_of(booster, text)
    columns = tuple(
        Column(name, "category", categories[position]) if position in categories else Column(name)
        for position, name in enumerate(names)
    )
    return UnderscoreSchema(columns) if named else Schema(columns, named=False)


class UnderscoreSchema(Schema):
    """Columns that may also be sent under the names that they had before LightGBM changed them."""

    __slots__ = ()

    def as_known(self, names: Names) -> Names:
        """Return names with the model's `a_b` for `a b`.

        Raises:
            ColumnsError: two names stand for the same column.
        """
        return names if self.known_names.issubset(names) else _with_underscores(names, self.names)


def _with_underscores(names: Names, wanted: Names) -> Names:
    """Return the payload's names with those of the model where blanks make the difference."""
    missing = set(wanted) - set(names)
    renamed: dict[str, str] = {}
    for name in dict.fromkeys(names):
        short = name.replace(" ", "_")
        if short not in missing or short == name:
            continue
        if short in renamed.values():
            other = next(old for old, new in renamed.items() if new == short)
            raise ColumnsError(
                f"columns {other[:100]!r} and {name[:100]!r} both stand for the model's "
                f"{short[:100]!r}; send one of them"
            )
        renamed[name] = short
    return tuple(renamed.get(name, name) for name in names)


def _categories_of(booster: lgb.Booster, text: str) -> dict[int, tuple[Any, ...]]:
    """Return the categories of the columns that were pandas categories in training.

    Raises:
        ArtifactError: they can be those of several columns, or of none.
    """
    stored = booster.pandas_categorical or []
    if not stored:
        return {}
    places = _Training(booster, stored, text).places()
    return dict(zip(places, map(tuple, stored), strict=True))


class _Training:
    """The traces of the training data in a model.

    Args:
        booster: The model.
        stored: The values of its pandas categories.
        text: The model as text, with one iteration or more.
    """

    def __init__(self, booster: lgb.Booster, stored: Sequence[Sequence[Any]], text: str) -> None:
        self._booster = booster
        self._stored = stored
        marked = re.search(r"^\[categorical_feature: ([\d,]*)\]$", text, re.MULTILINE)
        self._marked = {int(part) for part in (marked[1] if marked else "").split(",") if part}
        infos = re.search(r"^feature_infos=(.*)$", text, re.MULTILINE)
        self._infos = infos[1].split(" ") if infos else []
        # Files without the parameters of the training show the columns by their values.
        self._marked |= {at for at, info in enumerate(self._infos) if _codes(info)}
        self._texts = [not any(map(_may_be_number, values)) for values in stored]

    def places(self) -> Places:
        """Return the columns of the stored categories.

        They are those that "auto" marks, and those with an order; unless rows could be read in
        another way that goes with the training as well. Without any that "auto" marks they are
        the only ones that fit.

        Raises:
            ArtifactError: several ways fit, or none.
        """
        automatic = self._ways(self._fits_automatic)
        if len(automatic) > 1:
            raise self._order_error()
        if not automatic:
            return self._only()
        chosen = automatic[0]
        others = self._ways(self._rivals_of(chosen))
        if len(others) > 1:
            raise self._rival_error(chosen, others)
        return chosen

    def _only(self) -> Places:
        found = self._ways(self._fits)
        if len(found) != 1:
            raise ArtifactError(
                f"the LightGBM model stores the values of {len(self._stored)} pandas categories "
                f"but marks {len(self._marked)} columns as categorical, and its columns do not "
                f"show which of them they are; {_ONE_KIND}"
            )
        return found[0]

    def _ways(self, fits: Fits) -> list[Places]:
        """Return the ways to give the stored categories columns, at most two of them."""
        ways: dict[int, list[Places]] = {0: [()]}
        for at in range(len(self._infos)):
            longer: dict[int, list[Places]] = {}
            for used, found in ways.items():
                if used < len(self._stored) and fits(at, used):
                    longer.setdefault(used + 1, []).extend((*places, at) for places in found)
                if fits(at, None):
                    longer.setdefault(used, []).extend(found)
            ways = {used: found[:2] for used, found in longer.items()}
        return ways.get(len(self._stored), [])

    def _fits(self, at: int, place: int | None) -> bool:
        """Whether the values of a column in training can be codes of stored categories."""
        if place is None:
            return True
        info, count = self._infos[at], len(self._stored[place])
        if at in self._marked:
            return max(_codes(info), default=-1) < count
        span = _span(info)
        return info == "none" or (span is not None and span[1] < count and at in self._whole)

    def _fits_automatic(self, at: int, place: int | None) -> bool:
        return self._fits(at, place) and not (place is None and at in self._marked)

    def _rivals_of(self, chosen: Places) -> Fits:
        """Return whether a column may be another one than chosen, and no row would show that.

        A row shows it that holds text where a number was chosen. It is then refused, and so would
        all rows be: where the other column shows more of the texts than the one chosen, which
        lacks some, the model is refused instead.
        """

        def fits(at: int, place: int | None) -> bool:
            if place is None or at == chosen[place]:
                return True
            shown, other = self._coverage(chosen[place], place), self._coverage(at, place)
            if at not in chosen and self._texts[place]:
                return shown < min(_COVERED, other) and self._fits(at, place)
            shows = at in self._marked or other >= min(_COVERED, shown)
            return self._fits(at, place) and shows

        return fits

    def _coverage(self, at: int, place: int) -> float:
        """Return the share of stored categories that a column shows, from first to last.

        One without use may have had two values, one of them rare.
        """
        info = self._infos[at]
        codes = [code for code in _codes(info) if code >= 0] or _span(info) or (0, 1)
        return (max(codes) - min(codes) + 1) / len(self._stored[place])

    @cached_property
    def _whole(self) -> set[int]:
        """The columns whose splits lie between whole numbers."""
        text = self._booster.model_to_string(num_iteration=-1)
        columns = re.findall(r"^split_feature=(.*)$", text, re.MULTILINE)
        limits = re.findall(r"^threshold=(.*)$", text, re.MULTILINE)
        broken = {
            int(column)
            for tree in zip(columns, limits, strict=True)
            for column, limit in zip(*map(str.split, tree), strict=True)
            if _is_broken(2 * float(limit))
        }
        return set(range(len(self._infos))) - broken

    def _order_error(self) -> ArtifactError:
        return ArtifactError(
            f"the LightGBM model stores the values of {len(self._stored)} pandas categories but "
            f"marks {len(self._marked)} columns as categorical: the others have an order, and "
            "several columns of small whole numbers or truth values could be theirs; train with "
            "categories without an order (cat.as_unordered()), or implement the score hook"
        )

    def _rival_error(self, chosen: Places, others: Sequence[Places]) -> ArtifactError:
        names = self._booster.feature_name()
        columns = sorted({at for places in (chosen, *others) for at in places})
        named = ", ".join(repr(names[at][:100]) for at in columns[:5])
        return ArtifactError(
            f"the LightGBM model stores the values of {len(self._stored)} pandas categories, but "
            f"not their columns: these could be several of {named}, and rows would be read in "
            f"another way ({len(self._marked)} columns are marked as categorical); {_ONE_KIND}; "
            "categories without rows can be left out (cat.remove_unused_categories())"
        )


def _may_be_number(value: Any) -> bool:
    """Whether a column of numbers may take a value of a category."""
    try:
        ColumnsFrame(("category",), [np.array([value], dtype=object)]).matrix()
    except ColumnsError:
        return not isinstance(value, str)
    return True


def _is_broken(number: float) -> bool:
    """Whether a number is finite and not whole; infinite is the limit of "missing or not"."""
    return math.isfinite(number) and abs(number - round(number)) > 1e-9


def _span(info: str) -> tuple[int, int] | None:
    """Return the lowest and the highest value of a column of whole numbers from 0 on."""
    found = re.fullmatch(r"\[(\d+):(\d+)\]", info)
    return (int(found[1]), int(found[2])) if found else None


def _codes(info: str) -> list[int]:
    """Return the codes that a categorical column had in training, -1 for missing cells.

    Empty for a column of numbers, `[low:high]`, and for one without use, `none`.
    """
    return [int(part) for part in info.split(":")] if re.fullmatch(r"[-\d:]+", info) else []
