"""The rules of every target type for a model's output."""

from typing import Any

import numpy as np
import pytest

from drum_like.errors import TargetError
from drum_like.inference import target_rules
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType
from tests.support.targets import BINARY, MULTICLASS, REGRESSION

LEGACY = Target(TargetType.BINARY, ("yes", "no"), legacy_order=True)
MULTILABEL = Target(TargetType.MULTILABEL, ("A", "B", "C"))


def test_one_column_becomes_a_vector() -> None:
    applied = target_rules.apply(Prediction(np.array([[1.0], [2.0]])), REGRESSION)

    assert applied.values.shape == (2,)


def test_two_columns_are_refused_where_one_is_due() -> None:
    with pytest.raises(TargetError, match="only 1 column"):
        target_rules.apply(Prediction(np.ones((3, 2))), REGRESSION)


def test_one_nameless_binary_column_is_the_positive_class() -> None:
    applied = target_rules.apply(Prediction(np.array([0.8, 0.3])), BINARY)

    assert applied.labels == ("no", "yes")
    np.testing.assert_allclose(applied.values, [[0.2, 0.8], [0.7, 0.3]])


def test_the_legacy_order_gives_one_column_to_the_negative_class() -> None:
    applied = target_rules.apply(Prediction(np.array([0.8])), LEGACY)

    assert applied.labels == ("yes", "no")
    np.testing.assert_allclose(applied.values, [[0.2, 0.8]])


def test_the_width_of_floats_is_kept() -> None:
    applied = target_rules.apply(Prediction(np.array([0.25, 0.5], dtype=np.float32)), BINARY)

    assert applied.values.dtype == np.float32


def test_known_classes_win_over_position() -> None:
    applied = target_rules.apply(Prediction(np.array([[0.8, 0.2]]), ("yes", "no")), BINARY)

    assert applied.labels == ("yes", "no")
    assert applied.values[0, 0] == 0.8


@pytest.mark.parametrize(
    ("values", "labels", "target", "text"),
    [
        ([[0.5, 0.6]], None, BINARY, "do not add up to 1. \n"),
        ([[np.nan, np.nan]], None, BINARY, "do not add up to 1"),
        ([[0.5], [np.nan]], None, BINARY, "do not add up to 1"),
        ([[np.nan, 1.0], [-0.1, 1.1]], None, BINARY, "negative values"),
        ([[np.nan, 0.0], [1.0, np.inf]], None, BINARY, "greater than 1"),
        ([[-0.1, 1.1]], None, BINARY, "negative values"),
        ([[1.0000000001, 0.0]], None, BINARY, "greater than 1"),
        ([["a", "b"]], None, BINARY, "'<' not supported between instances of 'str' and 'int'"),
        ([[None, {}]], None, BINARY, "are not numbers"),
        ([[0.5]], None, MULTICLASS, "there are 3 class labels"),
        ([[0.5, 0.5]], None, MULTICLASS, "Expected 3 columns, but received 2"),
        ([[0.9, 1.2, 0.1]], None, MULTILABEL, "greater than 1"),
        ([[[0.5]]], None, BINARY, "2 dimensional array, but we received a 3 dimensional array"),
        ([[0.5]], None, Target(TargetType.BINARY, ("yes",)), "more than one class label"),
    ],
)
def test_output_that_breaks_a_rule_is_refused(
    values: Any, labels: tuple[str, ...] | None, target: Target, text: str
) -> None:
    raw = Prediction(np.array(values), labels)

    with pytest.raises(TargetError) as caught:
        target_rules.apply(raw, target)

    assert text in str(caught.value)


def test_a_list_is_not_an_array() -> None:
    values: Any = [0.1, 0.2]

    with pytest.raises(TargetError, match="must return a np array, but received <class 'list'>"):
        target_rules.apply(Prediction(values), BINARY)


def test_sums_may_be_off_by_a_little() -> None:
    applied = target_rules.apply(Prediction(np.array([[0.5, 0.500009]])), BINARY)

    assert applied.labels == ("no", "yes")


def test_sums_may_not_be_off_by_more() -> None:
    with pytest.raises(TargetError):
        target_rules.apply(Prediction(np.array([[0.5, 0.50002]])), BINARY)


def test_multilabel_probabilities_need_no_sum() -> None:
    applied = target_rules.apply(Prediction(np.array([[0.9, 0.8, 0.1]])), MULTILABEL)

    assert applied.labels == ("A", "B", "C")


def test_booleans_and_integers_are_probabilities_too() -> None:
    applied = target_rules.apply(Prediction(np.array([[True, False]])), BINARY)

    np.testing.assert_array_equal(applied.values, [[1.0, 0.0]])


def test_row_counts_are_compared_for_numbers_and_classes() -> None:
    with pytest.raises(TargetError, match="returned 1 predictions for 2 rows"):
        target_rules.check_rows(Prediction(np.ones(1)), 2, REGRESSION)


def test_row_counts_are_free_for_text() -> None:
    target = Target(TargetType.TEXT_GENERATION)

    target_rules.check_rows(Prediction(np.ones(1)), 2, target)


@pytest.mark.parametrize(
    ("row", "dtype", "is_taken"),
    [
        ([0.2, 0.3, 0.501], np.float16, True),
        ([0.2, 0.3, 0.51], np.float16, False),
        ([0.2, 0.3, 0.501], np.float32, False),
        ([0.2, 0.3, 0.50000006], np.float32, True),
        ([-2.4e-7, 0.0, 1.0000002], np.float32, True),
        ([-2e-6, 0.0, 1.000002], np.float32, False),
        ([0.0, 0.0, 1.0000000000000002], np.float64, True),
        ([0.0, 0.0, 1.00000000000001], np.float64, False),
    ],
)
@pytest.mark.parametrize("n_rows", [1, 100])
def test_probabilities_are_as_exact_as_their_type(
    row: list[float], dtype: type[np.floating[Any]], n_rows: int, *, is_taken: bool
) -> None:
    raw = Prediction(np.array([row] * n_rows, dtype))
    if is_taken:
        assert target_rules.apply(raw, MULTICLASS).values.dtype == dtype
        return
    with pytest.raises(TargetError):
        target_rules.apply(raw, MULTICLASS)


@pytest.mark.parametrize("n_rows", [1, 100])
@pytest.mark.parametrize(
    ("row", "right"),
    [
        pytest.param([0.4, 0.6], True, id="chances"),
        pytest.param([0.4, 0.60001], True, id="nearly-one"),
        pytest.param([0.4, 0.6000100095], True, id="at-the-tolerance"),
        pytest.param([0.4, 0.60002], False, id="too-much"),
        pytest.param([-0.1, 1.1], False, id="outside"),
        pytest.param([np.nan, 1.0], False, id="missing"),
    ],
)
def test_few_and_many_rows_are_held_to_one_rule(
    row: list[float], n_rows: int, *, right: bool
) -> None:
    raw = Prediction(np.tile(row, (n_rows, 1)))

    if right:
        assert target_rules.apply(raw, BINARY).n_rows == n_rows
    else:
        with pytest.raises(TargetError, match="Your prediction probabilities"):
            target_rules.apply(raw, BINARY)


def test_rows_off_are_named_without_their_values() -> None:
    chances = np.tile([0.25, 0.75], (20, 1))
    chances[2:10, 0] = 0.125

    with pytest.raises(TargetError) as caught:
        target_rules.apply(Prediction(chances), BINARY)

    assert str(caught.value) == (
        "Your prediction probabilities do not add up to 1. \n"
        "That is so in rows 3, 4, 5, 6, 7 and 3 more"
    )


def test_a_missing_probability_is_said() -> None:
    chances = np.tile([0.25, 0.75], (50, 1))
    chances[41, 1] = np.nan

    with pytest.raises(TargetError, match="row 42; in row 42 a probability is missing"):
        target_rules.apply(Prediction(chances), BINARY)


def test_a_missing_number_is_a_number() -> None:
    values = np.array([1.0, np.nan])

    assert np.isnan(target_rules.apply(Prediction(values), REGRESSION).values[1])


def test_one_label_is_enough_for_multilabel() -> None:
    applied = target_rules.apply(
        Prediction(np.array([[0.5]])), Target(TargetType.MULTILABEL, ("A",))
    )

    assert applied.labels == ("A",)
