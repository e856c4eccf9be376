"""Predictions of a model for the rows of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import TargetError
from drum_like.system.lazy import pd
from drum_like.types.target import Label


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions for all rows of a frame.

    Attributes:
        values: (n_rows,) or (n_rows, n_outputs); floats of the model's own width, or objects
            (text, lists, None) for target types that are not numbers. NaN is a missing value.
        labels: Of the columns of `values`, None if the model does not know them.
        extra: Further columns of a score hook's frame, with that frame's index; None without.
    """

    values: NDArray[Any]
    labels: tuple[Label, ...] | None = None
    extra: pd.DataFrame | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows predicted."""
        return int(self.values.shape[0])

    @property
    def column(self) -> NDArray[Any]:
        """The (n_rows,) values of a prediction with one output."""
        return self.values if self.values.ndim == 1 else self.values[:, 0]

    @staticmethod
    def empty(n_outputs: int, labels: tuple[Label, ...] | None = None) -> Prediction:
        """Return the prediction for no rows, with the labels of its columns if there are some."""
        return Prediction(np.empty((0, n_outputs), dtype=np.float64), labels)

    @staticmethod
    def joined(blocks: Sequence[Prediction]) -> Prediction:
        """Return the predictions of blocks of rows as those of all rows; blocks have no extras."""
        if len(blocks) == 1:
            return blocks[0]
        return Prediction(np.concatenate([block.values for block in blocks]), blocks[0].labels)

    def split(self, sizes: Sequence[int]) -> list[Prediction]:
        """Return the predictions for parts of the rows.

        Args:
            sizes: The rows of each part.

        Raises:
            TargetError: there is not one prediction a row, or more than predictions.
        """
        values: Any = self.values
        is_whole = isinstance(values, np.ndarray) and values.ndim and self.extra is None
        if not is_whole or len(values) != sum(sizes):
            raise TargetError("the model does not return one prediction a row, and nothing else")
        ends = accumulate(sizes, initial=0)
        return [replace(self, values=values[one:other]) for one, other in pairwise(ends)]
