"""Category columns that an XGBoost model knows only by their codes."""

import logging
from collections.abc import Sequence

from drum_like.api import Schema

logger = logging.getLogger(__name__)

_MOST_NAMES = 10


def warn_of_codes(schema: Schema, kinds: Sequence[str]) -> None:
    """Say which columns hold codes.

    Args:
        schema: The columns with the categories that are known.
        kinds: XGBoost's types of the columns; "c" is a category.
    """
    bare = [
        column.name[:100]
        for column, kind in zip(schema.columns, kinds, strict=False)
        if kind == "c" and column.kind == "number"
    ]
    if bare:
        logger.warning(
            "the XGBoost model does not hold the categories of %s: XGBoost before 3.1 stores none, "
            "and slices of a booster lose them. Cells there are codes: 0, 1, 2 and so on, in the "
            "order of the training's categories. To send the categories themselves, save the whole "
            "model with XGBoost 3.1 or later",
            ", ".join(map(repr, bare[:_MOST_NAMES])),
        )
