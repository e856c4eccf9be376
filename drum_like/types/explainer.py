"""What a plugin tells about how the output of its model is divided among columns."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drum_like.types.frame import Frame, Names
from drum_like.types.links import Link
from drum_like.types.target import Label


@dataclass(frozen=True, slots=True)
class Shares:
    """The output of a model for some rows, divided.

    Attributes:
        values: (n_groups, n_rows, n_features + 1), the bias last.
        margins: (n_groups, n_rows); what each row has to add up to, computed by the framework on
            its own.
    """

    values: NDArray[np.floating]
    margins: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Divides the output of a model, on its link scale, among columns.

    Attributes:
        features: Names of the columns that the final estimator sees.
        sources: For each of them the column of the schema that it is made of, by position; None
            if one is made of several, or that is not known.
        link: From the scale to predictions. LOGIT has one group, that of the second class.
        classes: The labels of the predictor's predictions; None where it does not know them.
        tolerance: How far sums may be from margins, for a margin of 1 or smaller; relative beyond.
        reference: What contributions are relative to, in words.
        explain: From a frame that conforms to the schema, with at least one row, to its shares.
    """

    features: Names
    sources: tuple[int, ...] | None
    link: Link
    classes: tuple[Label, ...] | None
    tolerance: float
    reference: str
    explain: Callable[[Frame], Shares]
