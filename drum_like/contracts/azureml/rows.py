"""The rows of a scoring request: in the body, or in the query of its URL.

Source of the forms: Azure Machine Learning's documentation of online endpoints, whose scoring
scripts read `data`, and whose deployments of MLflow's models read `input_data`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from werkzeug.datastructures import MultiDict

from drum_like.codecs.json import forms
from drum_like.codecs.json.document import Document, loads_exactly, read
from drum_like.errors import PayloadError
from drum_like.http.json_body import check_depth
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits

INPUT_DATA = "input_data"
DATA = "data"
_OTHERS = frozenset({DATA, "dataframe_split", "dataframe_records", "instances", "inputs"})


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a request.

    Attributes:
        frame: The rows; None for none.
        is_bare: Whether the answer is the list of predictions alone.
    """

    frame: Frame | None
    is_bare: bool


def rows_of(document: Document, limits: Limits) -> Rows:
    """Return the rows of a JSON value.

    Args:
        document: The value.
        limits: On the rows, columns and cells that it stands for.

    Raises:
        PayloadError: it is of no form, or of several.
        ColumnsError: a cell is a list or an object.
        SizeError: it stands for more than the limits allow.
    """
    tree = document.tree
    if not isinstance(tree, dict):
        return Rows(None if tree == [] else forms.frame_of(document, limits), is_bare=False)
    if INPUT_DATA not in tree:
        if not isinstance(tree.get(DATA, []), list):
            raise PayloadError(f"`{DATA}` must be a list with one item for each row")
        empty = tree.get(DATA) == []
        return Rows(None if empty else forms.frame_of(document, limits), is_bare=False)
    if not _OTHERS.isdisjoint(tree):
        raise PayloadError(f"the body holds rows in several forms; send `{INPUT_DATA}` alone")
    return Rows(_input_data(forms.rows_at(document, INPUT_DATA), limits), is_bare=True)


def _input_data(document: Document, limits: Limits) -> Frame | None:
    """Return the rows of a list, of columns beside their data, or of lists by column."""
    tree = document.tree
    if tree == [] or (isinstance(tree, dict) and tree.get(DATA) == []):
        return None
    if isinstance(tree, dict) and isinstance(tree.get(DATA), list) and "columns" in tree:
        return forms.from_split(document, limits)
    return forms.from_inputs(document, limits)


def of_query(query: MultiDict[str, str], most_levels: int) -> Document:
    """Return the fields of a query as an object: JSON where they are JSON, else text.

    Args:
        query: The fields; the values of a name that is given several times are a list.
        most_levels: Levels of lists and objects in JSON.

    Raises:
        BadRequest: JSON is nested deeper.
    """
    for text in chain.from_iterable(query.listvalues()):
        check_depth(text.encode(), most_levels)

    def tree(parse: Callable[[bytes], Any]) -> dict[str, Any]:
        return {name: _field(texts, parse) for name, texts in query.lists()}

    return Document(tree(lambda text: read(text).tree), lambda: tree(loads_exactly))


def _field(texts: list[str], parse: Callable[[bytes], Any]) -> Any:
    values = [_value(text, parse) for text in texts]
    return values if len(values) > 1 else values[0]


def _value(text: str, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(text.encode())
    except PayloadError:
        return text
