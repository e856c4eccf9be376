"""Score hooks' DataFrames: which columns are predictions, which are extra."""

import numpy as np
import pandas as pd
import pytest

from drum_like.errors import TargetError
from drum_like.inference import hook_output
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType
from tests.support.targets import BINARY, REGRESSION, TEXT


def test_one_column_of_any_name_is_the_prediction() -> None:
    prediction = hook_output.read(pd.DataFrame({"zzz": [1, 2]}), REGRESSION)

    assert prediction.values.tolist() == [[1], [2]]
    assert prediction.extra is None


def test_columns_beside_predictions_are_extra_and_keep_their_index() -> None:
    frame = pd.DataFrame({"e": [1, 2], "Predictions": [0.5, 0.6]}, index=[5, 7])

    prediction = hook_output.read(frame, REGRESSION)

    assert prediction.values.ravel().tolist() == [0.5, 0.6]
    assert prediction.extra is not None
    assert list(prediction.extra.index) == [5, 7]
    assert list(prediction.extra.columns) == ["e"]


def test_labels_are_found_by_exact_name_beside_extra_columns() -> None:
    frame = pd.DataFrame({"no": [0.2], "x": ["t"], "yes": [0.8]})

    prediction = hook_output.read(frame, BINARY)

    assert prediction.labels == ("no", "yes")
    assert prediction.extra is not None
    assert prediction.extra.to_numpy().tolist() == [["t"]]


@pytest.mark.parametrize(
    ("frame", "target", "text"),
    [
        (pd.DataFrame({"a": [1], "b": [2]}), REGRESSION, "\"['Predictions'] not found in axis\""),
        (pd.DataFrame({"a": [1], "b": [2]}), TEXT, "\"['out'] not found in axis\""),
        (
            pd.DataFrame({"no": [1], "b": [2], "c": [3]}),
            BINARY,
            "\"['yes'] not found in axis\"",
        ),
        (np.zeros(2), REGRESSION, "score must return a dataframe, but received <class 'numpy."),
    ],
    ids=["regression", "text", "binary", "array"],
)
def test_what_is_missing_is_named(frame: object, target: Target, text: str) -> None:
    with pytest.raises(TargetError) as caught:
        hook_output.read(frame, target)

    assert text in str(caught.value)


def test_a_quoted_target_name_finds_the_bare_column() -> None:
    target = Target(TargetType.TEXT_GENERATION, name='"out"')
    frame = pd.DataFrame({"out": ["text"], "other": [1]})

    prediction = hook_output.read(frame, target)

    assert prediction.values.tolist() == [["text"]]


def test_two_columns_named_predictions_stay_two() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["Predictions", "Predictions"])

    prediction = hook_output.read(frame, REGRESSION)

    assert prediction.values.shape == (1, 2)
    assert prediction.extra is None


def test_post_process_gets_labelled_columns_and_returns_them() -> None:
    labelled = Prediction(np.array([[0.2, 0.8]]), ("no", "yes"))

    frame = hook_output.frame_of(labelled)
    back = hook_output.read_post_processed(frame, BINARY)

    assert list(frame.columns) == ["no", "yes"]
    assert back.labels == ("no", "yes")


def test_post_process_has_to_return_a_frame() -> None:
    with pytest.raises(TargetError, match="must be a dataframe, not a <class"):
        hook_output.read_post_processed(np.zeros(1), REGRESSION)
