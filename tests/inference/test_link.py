"""Links: from margins to probabilities, row by row."""

from typing import Any

import numpy as np
import pytest

from drum_like.api import Link, Prediction, Target, TargetType
from drum_like.errors import TargetError
from drum_like.inference.link import Conversion
from tests.support.targets import BINARY

MANY = Target(TargetType.MULTICLASS, ("a", "b", "c"))


def margins(n_outputs: int, dtype: Any = np.float64) -> Any:
    return (np.random.default_rng(0).normal(size=(1000, n_outputs)) * 20).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("conversion", "n_outputs", "target"),
    [
        (Conversion(Link.LOGIT), 1, BINARY),
        (Conversion(Link.SOFTMAX), 2, BINARY),
        (Conversion(Link.SOFTMAX), 3, MANY),
        (Conversion(Link.LOGIT, normalize=True), 3, MANY),
    ],
)
def test_row_gives_the_same_bits_in_any_batch(
    conversion: Conversion, n_outputs: int, target: Target, dtype: Any
) -> None:
    raw = margins(n_outputs, dtype)
    whole = conversion.apply(Prediction(raw), target).values

    assert whole.dtype == dtype
    for n_rows, at in [(1, 0), (1, 999), (2, 3), (7, 500), (64, 64)]:
        part = conversion.apply(Prediction(raw[at : at + n_rows]), target).values
        assert part.tobytes() == whole[at : at + n_rows].tobytes()


def test_known_classes_get_both_columns_of_one_margin() -> None:
    found = Conversion(Link.LOGIT).apply(Prediction(np.array([0.0, -800.0, 800.0]), (0, 1)), BINARY)

    assert found.labels == (0, 1)
    assert found.values.tolist() == [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]


def test_missing_margins_stay_missing() -> None:
    found = Conversion(Link.SOFTMAX).apply(Prediction(np.array([[np.nan, 1.0, 2.0]])), MANY)

    assert np.isnan(found.values).all()


@pytest.mark.parametrize(
    ("link", "n_outputs", "text"),
    [(Link.LOGIT, 2, "'link: softmax'"), (Link.SOFTMAX, 1, "'link: logit'")],
)
def test_link_of_another_width_names_the_right_one(link: Link, n_outputs: int, text: str) -> None:
    with pytest.raises(TargetError, match=text):
        Conversion(link).apply(Prediction(margins(n_outputs)), BINARY)


def test_output_that_is_no_numbers_has_no_link() -> None:
    with pytest.raises(TargetError, match="not numbers"):
        Conversion(Link.LOGIT).apply(Prediction(np.array(["a"], dtype=object)), BINARY)
