"""The forms in which JSON holds rows, read into frames, and the codecs of JSON and JSON Lines.

Rows are objects that name their cells, or lists of cells in the order of the model's columns. They
stand alone or below `instances`, `dataframe_records` or `data`; `dataframe_split` holds names once;
`inputs` holds columns by name, or rows. One object without such a key is one row.

Source of the forms: MLflow's, KServe's and Vertex AI's documentation.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from drum_like.codecs.json.document import Document, check_size, read, read_lines, utf8
from drum_like.codecs.json.frame import JsonFrame, numbers_in
from drum_like.errors import ColumnsError, PayloadError
from drum_like.types.codec import Codec
from drum_like.types.frame import Frame, Matrix
from drum_like.types.names import Names, listed
from drum_like.types.payload import Limits, Payload
from drum_like.types.readers import Cells

_CELLS = frozenset({str, int, float, bool, type(None), bytes})
_MANY = 8
"""Rows from which on one call of Arrow costs less than two walks through the cells."""

_SPLIT_KEYS = frozenset({"columns", "index", "data"})

_EXPECTED = 'send rows as [{...}, ...], or {"dataframe_split": {"columns": [...], "data": [[...]]}}'


def frame_of(document: Document, limits: Limits) -> JsonFrame:
    """Return the rows of a JSON value in any form.

    Args:
        document: The value.
        limits: On the rows, columns and cells that it stands for.

    Raises:
        PayloadError: it is of no form, or of several.
        ColumnsError: a cell is a list or an object.
        SizeError: it stands for more than the limits allow.
    """
    tree = document.tree
    if isinstance(tree, list):
        if tree and not isinstance(tree[0], dict | list):
            raise PayloadError(f"a list of cells is no list of rows; {_EXPECTED}")
        return from_rows(document, limits)
    if not isinstance(tree, dict):
        raise PayloadError(f"the body is JSON, but neither a list nor an object; {_EXPECTED}")
    # A column may well be called `data` or `inputs`: its cell holds no rows.
    keys = [key for key in _FORMS if isinstance(tree.get(key), list | dict) or tree == {key: None}]
    if len(keys) > 1:
        raise PayloadError(
            f"the body holds rows in several forms, {listed(keys)}; send one of them"
        )
    if not keys:
        return from_rows(document.map(lambda one: [one]), limits)
    if isinstance(tree.get("columns"), list):
        if keys != ["data"]:
            raise PayloadError(f"`columns` stands beside `data` only, not beside `{keys[0]}`")
        parts = document.map(lambda one: {key: one[key] for key in one if key in _SPLIT_KEYS})
        return from_split(parts, limits)
    return _FORMS[keys[0]](document.at(keys[0]), limits)


def rows_at(document: Document, key: str) -> Document:
    """Return the rows below a key of an object, beside which no names of columns stand.

    Raises:
        PayloadError: names stand beside lists of cells, which would be taken by position.
    """
    tree, rows = document.tree, document.tree[key]
    if isinstance(tree.get("columns"), list) and isinstance(rows, list) and list in map(type, rows):
        raise PayloadError(
            f"`columns` does not name the cells below `{key}`, which are taken in the order of the "
            'model; leave it out, or send {"dataframe_split": {"columns": [...], "data": [[...]]}}'
        )
    return document.at(key)


def from_rows(document: Document, limits: Limits) -> JsonFrame:
    """Return rows: objects that name their cells, lists of cells, or one cell each.

    Cells that a row leaves out while others name them are missing.

    Raises:
        PayloadError: the value is no list of rows, or they are of several kinds or widths.
        ColumnsError: a cell is a list or an object, or no row has a cell.
        SizeError: there are too many rows, columns or cells.
    """
    rows = document.tree
    if not isinstance(rows, list):
        raise PayloadError("rows must be a list of objects or of lists")
    if not rows:
        raise PayloadError("the list of rows is empty; send at least one row")
    limits.check_rows(len(rows))
    kinds = frozenset(map(type, rows))
    if kinds == {dict}:
        return _named(document, limits)
    if kinds == {list}:
        return _nameless(document, None, limits)
    if kinds <= _CELLS:
        return JsonFrame(None, lambda: [rows], lambda: [document.exactly()])
    at = next(at for at, row in enumerate(rows) if type(row) is not type(rows[0]))
    raise PayloadError(
        f"rows must be all objects or all lists, but number {at} (counted from 0) is of another "
        "kind than the first"
    )


def from_split(document: Document, limits: Limits) -> JsonFrame:
    """Return the rows of `{"columns": [...], "data": [[...], ...]}`; without columns by position.

    Raises:
        PayloadError: the value is not of this form.
        ColumnsError: a cell is a list or an object.
        SizeError: there are too many rows or columns.
    """
    tree = document.tree
    rows = tree.get("data") if isinstance(tree, dict) else None
    if not isinstance(rows, list) or not tree.keys() <= _SPLIT_KEYS:
        raise PayloadError(
            "`dataframe_split` must be an object with `data`, a list of rows, and `columns`, the "
            "names; `index` may stand beside them, and nothing else"
        )
    names = None if tree.get("columns") is None else _column_names(tree["columns"])
    if isinstance(tree.get("index"), list) and len(tree["index"]) != len(rows):
        raise PayloadError(f"`index` has {len(tree['index'])} entries for {len(rows)} rows")
    if not rows and names is None:
        raise PayloadError("`data` holds no row; send at least one")
    limits.check_rows(len(rows))
    return _nameless(document.at("data"), names, limits)


def from_inputs(document: Document, limits: Limits) -> JsonFrame:
    """Return rows, or the columns of `{"age": [35, 61], "region": ["metro", "rural"]}`.

    An object of single cells is one row.

    Raises:
        PayloadError: the value is not of this form.
        ColumnsError: a cell is a list or an object.
        SizeError: there are too many rows, columns or cells.
    """
    tree = document.tree
    if not isinstance(tree, dict):
        return from_rows(document, limits)
    lists = [isinstance(value, list) for value in tree.values()]
    if not any(lists):
        return from_rows(document.map(lambda one: [one]), limits)
    limits.check_columns(len(tree))
    columns = list(tree.values())
    if not all(lists) or len(set(map(len, columns))) != 1:
        raise PayloadError("columns by name must be lists of one length")
    limits.check_rows(len(columns[0]))
    return _checked(
        JsonFrame(tuple(tree), lambda: columns, lambda: list(document.exactly().values()))
    )


def _named(document: Document, limits: Limits) -> JsonFrame:
    rows = document.tree
    names = tuple(rows[0])
    alike = list(map(tuple, rows)).count(names) == len(rows)
    if not alike:
        names = tuple(dict.fromkeys(chain.from_iterable(rows)))
    if not names:
        raise ColumnsError("the rows name no column; name those of the model")
    limits.check_columns(len(names))
    limits.check_filled(len(rows), len(names), sum(map(len, rows)))
    columns = partial(_columns, names=names, alike=alike)
    plain = _plain([row.values() for row in rows], len(names)) if alike else None
    frame = JsonFrame(
        names,
        lambda: columns(rows),
        lambda: columns(document.exactly()),
        has_one_order=alike,
        plain=plain,
    )
    return _checked(frame)


def _columns(rows: Sequence[Any], names: Names, *, alike: bool) -> Sequence[Cells]:
    if alike:
        return list(zip(*[row.values() for row in rows], strict=True))
    return [[row.get(name) for row in rows] for name in names]


def _nameless(document: Document, names: Names | None, limits: Limits) -> JsonFrame:
    """Return rows that are lists, with the names of their columns if these are known."""
    rows = document.tree
    n_columns = _width(rows) if names is None else len(names)
    limits.check_columns(n_columns)
    for at, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != n_columns:
            said = f"has {len(row)}" if isinstance(row, list) else "is not a list of them"
            raise PayloadError(
                f"each row must hold {n_columns} cells, but number {at} (counted from 0) {said}"
            )

    def columns(rows: Sequence[Any]) -> Sequence[Cells]:
        return list(zip(*rows, strict=True)) or [()] * n_columns

    plain = _plain(rows, n_columns)
    exactly = lambda: columns(document.exactly())  # noqa: E731
    return _checked(JsonFrame(names, lambda: columns(rows), exactly, plain=plain))


def _plain(rows: Sequence[Iterable[Any]], n_columns: int) -> Matrix | None:
    """Return rows of one width whose cells are all numbers, (n_rows, n_columns); None for others.

    Few rows are None, too: two walks through their cells cost less than one call of Arrow.
    """
    if len(rows) < _MANY:
        return None
    found = numbers_in(list(chain.from_iterable(rows)))
    return None if found is None or not n_columns else found.reshape(len(rows), n_columns)


def _width(rows: Sequence[Any]) -> int:
    n_columns = len(rows[0]) if isinstance(rows[0], list) else 0
    if n_columns == 0:
        raise ColumnsError("the first row is no list of cells; send those of the model's columns")
    return n_columns


def _column_names(found: Any) -> Names:
    if not isinstance(found, list) or not found or not all(type(x) in (str, int) for x in found):
        raise PayloadError("`columns` must be a list of names, at least one")
    names = tuple(map(str, found))
    if len(set(names)) != len(names):
        raise PayloadError("`columns` names a column more than once; send each name once")
    return names


def _checked(frame: JsonFrame) -> JsonFrame:
    """Return rows none of whose cells holds others; the error names the row of one."""
    if frame.kinds <= _CELLS:
        return frame
    columns = map(frame.cells, range(frame.n_columns))
    wrong = next(cells for cells in columns if not _CELLS.issuperset(map(type, cells)))
    at = next(at for at, cell in enumerate(wrong) if type(cell) not in _CELLS)
    raise ColumnsError(
        f"row {at} (counted from 0) holds a list or an object where a cell should be; a cell is "
        "text, a number, true, false or null"
    )


_FORMS: dict[str, Callable[[Document, Limits], JsonFrame]] = {
    "dataframe_split": from_split,
    "dataframe_records": from_rows,
    "instances": from_rows,
    "inputs": from_inputs,
    "data": from_rows,
}


def decode(payload: Payload) -> Frame:
    """Return the rows of a JSON body; raises as `frame_of`, and CharsetError."""
    text = utf8(payload.body, payload.charset)
    check_size(text, payload.limits)
    return frame_of(read(text), payload.limits).named(payload.columns)


def decode_lines(payload: Payload) -> Frame:
    """Return the rows of JSON Lines, one a line; raises as `from_rows`, and CharsetError."""
    text = utf8(payload.body, payload.charset)
    check_size(text, payload.limits)
    lines = read_lines(text)
    if lines.tree and not isinstance(lines.tree[0], dict | list):
        raise PayloadError("each line of JSON Lines must be a row: an object, or a list of cells")
    return from_rows(lines, payload.limits).named(payload.columns)


JSON = Codec(("application/json",), (".json", ".JSON"), decode)
_LINES = ("jsonlines", "x-jsonlines", "jsonl", "x-ndjson", "ndjson")
LINES = Codec(
    tuple(f"application/{name}" for name in _LINES),
    (".jsonl", ".JSONL", ".ndjson", ".NDJSON"),
    decode_lines,
)
