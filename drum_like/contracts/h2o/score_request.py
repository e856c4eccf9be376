"""The body of a scoring request: read, checked, and nothing else."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from drum_like.codecs.json.document import check_size, read
from drum_like.errors import ColumnsError, PayloadError, SizeError
from drum_like.types.explanation import Kind
from drum_like.types.names import listed
from drum_like.types.payload import Limits

_KINDS = {**{kind.value: kind for kind in Kind}, "NONE": None}

_SCALARS = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """A request for scores.

    Attributes:
        fields: Names of the columns, all different, at least one.
        rows: As wide as `fields`; text, numbers, booleans and None.
        exactly: Returns the rows again, with all digits of their numbers.
        copied: Columns to repeat in the answer.
        id_field: Name of the column that identifies rows, None without one.
        names_in_answer: Whether the answer names its columns.
        contributions: Their kind, None if they are not asked for.
        intervals: Whether prediction intervals are asked for.
        media_fields: Columns whose cells name uploaded files, None if the body does not say.
    """

    fields: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    exactly: Callable[[], Sequence[Sequence[Any]]]
    copied: frozenset[str] = frozenset()
    id_field: str | None = None
    names_in_answer: bool = True
    contributions: Kind | None = None
    intervals: bool = False
    media_fields: frozenset[str] | None = None

    def column(self, name: str) -> list[Any]:
        """Return the cells of a column, with all digits of their numbers."""
        at = self.fields.index(name)
        cells = [row[at] for row in self.rows]
        return [row[at] for row in self.exactly()] if float in set(map(type, cells)) else cells


def parse_score_request(body: bytes, limits: Limits) -> ScoreRequest:
    """Return the request that a body holds.

    Unknown keys are ignored.

    Args:
        body: JSON; the tokens NaN, Infinity and -Infinity are numbers.
        limits: The most rows and fields.

    Raises:
        PayloadError: no JSON object, or a key of it stands there twice or holds a wrong value.
        ColumnsError: a row is not as wide as the fields, or a cell is no scalar.
        SizeError: more rows or fields than the limits.
    """
    check_size(body, limits)
    document = read(body)
    tree = _object(document.tree)
    fields = _fields(tree, limits)
    rows = _rows(tree)
    _check_rows(rows, len(fields))
    id_field = _optional(tree, "idField", str, "text")
    return ScoreRequest(
        fields=fields,
        rows=rows,
        exactly=cache(lambda: _rows(document.exactly())),
        copied=_copied(tree, fields, id_field),
        id_field=id_field,
        names_in_answer=not _optional(tree, "noFieldNamesInOutput", bool, "true or false"),
        contributions=_kind(tree),
        intervals=bool(_optional(tree, "requestPredictionIntervals", bool, "true or false")),
        media_fields=_media_fields(tree, fields),
    )


def _object(tree: Any) -> Mapping[str, Any]:
    if not isinstance(tree, dict):
        raise PayloadError('the body must be a JSON object: {"fields": [...], "rows": [[...]]}')
    return tree


def _fields(tree: Mapping[str, Any], limits: Limits) -> tuple[str, ...]:
    names = _names(tree, "fields")
    if not names:
        raise PayloadError("`fields` must be a list with the name of at least one column")
    if len(names) > limits.columns:
        raise SizeError(f"`fields` has {len(names)} names, the limit is {limits.columns}")
    if len(set(names)) != len(names):
        twice = [name for name, count in Counter(names).items() if count > 1]
        raise PayloadError(f"`fields` names columns more than once: {listed(twice)}")
    return names


def _names(tree: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of names, empty if it is absent or null."""
    found = tree.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise PayloadError(f"`{key}` must be a list of names")
    return tuple(found)


def _rows(tree: Mapping[str, Any]) -> list[list[Any]]:
    rows = tree.get("rows")
    if not isinstance(rows, list):
        raise PayloadError("`rows` must be a list of rows, each a list of cells")
    return rows


def _check_rows(rows: list[list[Any]], width: int) -> None:
    """Refuse rows that are not scalars, one a field.

    Raises:
        PayloadError: a row is no list.
        ColumnsError: a row has another width, or a cell is a list or an object.
    """
    for at, row in enumerate(rows):
        if type(row) is not list:
            raise PayloadError(f"row {at} of `rows` (counted from 0) is not a list of cells")
        if len(row) != width:
            raise ColumnsError(
                f"row {at} of `rows` (counted from 0) has {len(row)} cells, but there are "
                f"{width} fields; send one cell for each field"
            )
    kinds = frozenset(map(type, chain.from_iterable(rows)))
    if not kinds <= _SCALARS:
        at = next(at for at, row in enumerate(rows) if not _SCALARS.issuperset(map(type, row)))
        raise ColumnsError(
            f"row {at} of `rows` (counted from 0) holds a list or an object; a cell is text, a "
            "number, true, false or null"
        )


def _optional(tree: Mapping[str, Any], key: str, kind: type, expected: str) -> Any:
    """Return the value of a key, None if it is absent or null."""
    found = tree.get(key)
    if found is not None and type(found) is not kind:
        raise PayloadError(f"`{key}` must be {expected}")
    return found


def _kind(tree: Mapping[str, Any]) -> Kind | None:
    """Return the kind of contributions, None for NONE and without one."""
    found = tree.get("requestShapleyValueType")
    word = "NONE" if found is None else found
    if not isinstance(word, str) or word not in _KINDS:
        raise PayloadError(f"`requestShapleyValueType` must be one of {', '.join(_KINDS)}")
    return _KINDS[word]


def _copied(
    tree: Mapping[str, Any], fields: tuple[str, ...], id_field: str | None
) -> frozenset[str]:
    names = _names(tree, "includeFieldsInOutput")
    known = {*fields, id_field}  # a tuple would be searched from its start for each name
    unknown = [name for name in names if name not in known]
    if unknown:
        raise PayloadError(
            f"`includeFieldsInOutput` names columns that `fields` lacks: {listed(unknown)}"
        )
    return frozenset(names)


def _media_fields(tree: Mapping[str, Any], fields: tuple[str, ...]) -> frozenset[str] | None:
    """Return the columns that name files: both spellings of the key count."""
    if tree.get("media_fields") is None and tree.get("mediaFields") is None:
        return None
    names = _names(tree, "media_fields") + _names(tree, "mediaFields")
    known = frozenset(fields)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise PayloadError(f"`media_fields` names columns that `fields` lacks: {listed(unknown)}")
    return frozenset(names)
