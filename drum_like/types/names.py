"""Names of columns in messages, and the errors of columns that do not fit a model."""

from collections.abc import Sequence

from drum_like.errors import ColumnsError

Names = tuple[str, ...]

NAMES_IN_MESSAGE = 10
"""Columns that a message names before it says how many more there are."""


def width_error(expected: int, found: int) -> ColumnsError:
    """Say that data without usable names has the wrong number of columns."""
    return ColumnsError(
        f"the model takes {expected} columns by position, but the payload has {found}; "
        f"send exactly the {expected} columns that the model was trained on"
    )


def nameless_error() -> ColumnsError:
    """Say that a model knows its columns by names that the data do not have."""
    return ColumnsError(
        "the model knows its columns by name, but a matrix has none; send the names, one a line, "
        "as the file part X.colnames (or --sparse-column-file)"
    )


def orderless_error(expected: Sequence[str]) -> ColumnsError:
    """Say that a model takes its columns by position, and rows name theirs in several orders."""
    return ColumnsError(
        f"the model takes its {len(expected)} columns by position, but the rows name their cells "
        "in several orders, or leave some out; send each row as a list, with the names "
        f"{listed(expected)}, or with the same names in the same order"
    )


def missing_error(missing: Sequence[str], found: Sequence[str]) -> ColumnsError:
    """Say which columns the model needs and the payload lacks."""
    hint = ""
    if len(found) == 1 and any(mark in found[0] for mark in ";\t|"):
        hint = "; the header has no comma: is another separator in use?"
    return ColumnsError(
        f"missing columns: {listed(missing)}; the model needs them by name, "
        f"the payload has {len(found)} columns{hint}"
    )


def listed(names: Sequence[str]) -> str:
    """Return names for a message: quoted, the first ten of them, the count of the rest."""
    shown = ", ".join(repr(name[:100]) for name in names[:NAMES_IN_MESSAGE])
    rest = len(names) - NAMES_IN_MESSAGE
    return f"{shown} and {rest} more" if rest > 0 else shown
