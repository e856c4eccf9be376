"""Sparse columns as Matrix Market; apart from its caller, since scipy.io takes long to import."""

from io import BytesIO
from typing import Any

import pandas as pd
from scipy import sparse
from scipy.io import mmwrite

from drum_like.errors import TargetError


def matrix_market(data: pd.DataFrame) -> bytes:
    """Return sparse columns as scipy writes them, in the symmetric form where they are that.

    Raises:
        TargetError: they hold no numbers.
    """
    sink = BytesIO()
    columns: Any = data.sparse
    try:
        mmwrite(sink, sparse.coo_matrix(columns.to_coo()))
    except (TypeError, ValueError) as error:
        raise TargetError("the sparse columns of the transformed data hold no numbers") from error
    return sink.getvalue()
