"""Outputs that break the rules of their target type (rows V-01 to V-24)."""

from dataclasses import replace

import pytest

from tests.support.models import (
    BINARY,
    ONE_WORKER,
    Model,
    served,
)
from tests.support.serving import Server

INDEX = "Index({}, dtype='str')"
NOT_ONE = "Your prediction probabilities do not add up to 1. \n"
GREATER = "Your prediction probabilities have values greater than 1"
NEGATIVE = "Your prediction probabilities have negative values"

COLLIDING = replace(
    BINARY,
    flags=(
        *("--target-type", "binary"),
        *("--positive-class-label", "off", "--negative-class-label", "no"),
    ),
)
POST_PROCESSED = Model(
    {
        "custom.py": str(BINARY.files["custom.py"])
        + """
def post_process(predictions, model):
    first = predictions["yes"].iloc[0]
    if first == 0.25:
        return predictions.to_numpy()
    if first == 0.125:
        return predictions * 0.5
    return predictions.div(predictions.sum(axis=1), axis=0)
"""
    },
    BINARY.flags,
)

colliding = served(COLLIDING, *ONE_WORKER)
post_processed = served(POST_PROCESSED, *ONE_WORKER)


def error(server: Server, rows: str) -> str:
    """Return the text behind `ERROR: ` of a refused output, after the body's shape is checked."""
    reply = server.csv(rows)
    assert reply.status == 500, reply.text
    assert list(reply.json()) == ["message"]
    assert reply.message.startswith("ERROR: ")
    return reply.message.removeprefix("ERROR: ")


@pytest.mark.parametrize(
    ("case", "text"),
    [
        pytest.param(
            "array",
            "score must return a dataframe, but received <class 'numpy.ndarray'>",
            id="V-01",
        ),
        pytest.param("ab", "\"['Predictions'] not found in axis\"", id="V-02"),
        pytest.param(
            "twice",
            "Regression, Text Generation, Agentic Workflow and anomaly predictions must contain "
            "only 1 column. Your predictions have 2 columns",
            id="V-04",
        ),
    ],
)
def test_one_column_named_predictions_is_due(steered: Server, case: str, text: str) -> None:
    assert error(steered, f"case\n{case}\n") == text


def test_a_single_column_may_have_any_name(steered: Server) -> None:
    """V-03."""
    assert steered.csv("case\nzzz\n").json() == {"predictions": [1.0]}


def test_the_target_column_of_a_text_model_is_due(text: Server) -> None:
    """V-05."""
    assert error(text, "a,b\nx,y\n") == "\"['out'] not found in axis\""


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        pytest.param(
            "a,b\n0.5,0.5\n",
            "Expected predictions to have columns ['yes', 'no'], but encountered "
            + INDEX.format("['a', 'b']"),
            id="V-06",
        ),
        pytest.param("no,b,c\n0.5,0.5,1\n", "\"['yes'] not found in axis\"", id="V-07"),
        pytest.param("a,b,c\n0.5,0.5,1\n", "\"['no', 'yes'] not found in axis\"", id="V-07-both"),
        pytest.param("yes,no\n0.5,0.6\n", NOT_ONE + "That is so in row 1", id="V-11"),
        pytest.param(
            "yes,no\n0.5,0.5\n0.2,0.7\n", NOT_ONE + "That is so in row 2", id="V-11-bad-row"
        ),
        pytest.param("yes,no\n-0.1,1.1\n", NEGATIVE, id="V-13"),
        pytest.param("yes,no\n1.0000000001,0\n", GREATER, id="V-14"),
        pytest.param(
            "yes,no\nx,y\n", "'<' not supported between instances of 'str' and 'int'", id="V-15"
        ),
    ],
)
def test_binary_output_is_checked(binary: Server, rows: str, text: str) -> None:
    assert error(binary, rows) == text


@pytest.mark.parametrize(
    "header", ["YES,No", "True,False", "1,0", "1.0,0.0", "on,off", "t,n", " Yes,NO "]
)
def test_labels_match_by_meaning(binary: Server, header: str) -> None:
    """V-08, V-09."""
    reply = binary.csv(f"{header}\n0.75,0.25\n")

    assert reply.json() == {"predictions": [{"yes": 0.75, "no": 0.25}]}


def test_one_binary_column_is_not_enough(binary: Server) -> None:
    """V-10."""
    text = error(binary, "yes\n0.5\n")

    assert text.startswith("Expected predictions to have columns ['yes', 'no']")


def test_sums_may_be_off_by_a_little(binary: Server) -> None:
    """V-12."""
    assert binary.csv("yes,no\n0.5,0.500009\n").status == 200
    assert error(binary, "yes,no\n0.5,0.50002\n").startswith(NOT_ONE)


def test_missing_probabilities_do_not_add_up(binary: Server) -> None:
    """V-16."""
    assert error(binary, "yes,no\nnan,nan\n").startswith(NOT_ONE)


def test_a_multiclass_column_is_missing(multiclass: Server) -> None:
    """V-17."""
    expected = "Expected predictions to have columns ['A', 'B', 'C'], but encountered "

    assert error(multiclass, "A,B\n0.5,0.5\n") == expected + INDEX.format("['A', 'B']")


def test_labels_that_mean_the_same_collide(colliding: Server) -> None:
    """V-18, where they are not the same text."""
    text = error(colliding, "0,False\n0.5,0.5\n")

    assert text == "DataFrame columns must be unique for orient='records'."


def test_labels_that_mean_the_same_go_by_their_text(colliding: Server) -> None:
    """D79."""
    expected = [{"off": 0.25, "no": 0.75}]

    assert colliding.csv("off,no\n0.25,0.75\n").json()["predictions"] == expected
    assert colliding.csv("no,off\n0.75,0.25\n").json()["predictions"] == expected


def test_post_process_must_return_a_frame(post_processed: Server) -> None:
    """V-21."""
    text = error(post_processed, "yes,no\n0.25,0.75\n")

    expected = "Output of post_process hook must be a dataframe, not a <class 'numpy.ndarray'>"
    assert text == expected


def test_probabilities_are_checked_before_post_process(post_processed: Server) -> None:
    """V-22."""
    assert error(post_processed, "yes,no\n0.5,0.6\n") == NOT_ONE + "That is so in row 1"


def test_probabilities_are_checked_after_post_process(post_processed: Server) -> None:
    """V-23."""
    text = error(post_processed, "yes,no\n0.125,0.875\n")

    assert text == NOT_ONE + "That is so in row 1"


def test_post_process_may_change_nothing(post_processed: Server) -> None:
    reply = post_processed.csv("yes,no\n0.75,0.25\n")

    assert reply.json() == {"predictions": [{"yes": 0.75, "no": 0.25}]}


def test_multilabel_values_are_at_most_one(multilabel: Server) -> None:
    """V-24."""
    assert error(multilabel, "A,B,C\n1.2,0.5,0.5\n") == GREATER
