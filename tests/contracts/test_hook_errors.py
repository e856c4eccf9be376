"""Exceptions of hooks and of built-in predictors (rows E-01 to E-12)."""

from collections.abc import Iterator

import pytest

from tests.support.artifacts import FAILING_ESTIMATOR
from tests.support.models import ONE_WORKER, STEERED, Model, hooks, served
from tests.support.serving import Server

SCORE_FAILED = "ERROR: Model 'score' hook failed to make predictions. Exception: "

STRICT_SCORE = Model(
    hooks("def score(data, model):\n    return data\n"), ("--target-type", "regression")
)

strict_score = served(STRICT_SCORE, *ONE_WORKER)
failing_estimator = served(FAILING_ESTIMATOR, *ONE_WORKER)
hidden = served(STEERED, *ONE_WORKER, "--hide-errors")


@pytest.fixture(autouse=True)
def _still_serving(steered: Server) -> Iterator[None]:
    """E-12: whatever happened before, the next good request succeeds in the same worker."""
    before = worker(steered)
    yield
    assert worker(steered) == before


def worker(server: Server) -> float:
    reply = server.csv("case\npid\n")
    assert reply.status == 200
    return float(reply.json()["predictions"][0])


@pytest.mark.parametrize("case", ["value-error", "from-itself"])
def test_an_exception_of_score_is_quoted(steered: Server, case: str) -> None:
    """E-01; also of one that is its own cause."""
    reply = steered.csv(f"case\n{case}\n")

    assert (reply.status, reply.json()) == (500, {"message": SCORE_FAILED + "ValueError('boom')"})
    assert reply.headers["X-Drum-User-Http-Error"] is None


def test_a_long_exception_is_cut(steered: Server) -> None:
    """The text of custom.py is repeated up to about 1 kB."""
    reply = steered.csv("case\nlong-error\n")

    assert reply.status == 500
    assert reply.message.startswith(SCORE_FAILED + "ValueError('boom")
    assert len(reply.message) < 1200


@pytest.mark.parametrize(
    ("case", "status"),
    [pytest.param("teapot", 418, id="E-02"), pytest.param("custom", 400, id="E-03")],
)
def test_custom_py_may_choose_the_status(steered: Server, case: str, status: int) -> None:
    reply = steered.csv(f"case\n{case}\n")

    assert (reply.status, reply.json()) == (status, {"message": "bad"})
    assert reply.headers["X-Drum-User-Http-Error"] == "true"


def test_an_http_exception_of_score_is_only_an_exception(steered: Server) -> None:
    """E-04."""
    reply = steered.csv("case\nnot-found\n")

    assert reply.status == 500
    assert reply.message == SCORE_FAILED + "<NotFound '404: Not Found'>"


def test_an_exception_of_transform_is_quoted(steered: Server) -> None:
    """E-05."""
    reply = steered.csv("case\ntransform\n")

    expected = (
        "ERROR: Model 'transform hook' failed to transform dataset. Exception: ValueError('boom')"
    )
    assert (reply.status, reply.json()) == (500, {"message": expected})


def test_an_exception_of_a_framework_is_not_quoted(failing_estimator: Server) -> None:
    """E-06: the class is named, the text stays in the log."""
    reply = failing_estimator.csv("a\n1\n")

    assert reply.status == 500
    assert reply.message.startswith("ERROR: Failure when making predictions.")
    assert "ArithmeticError" in reply.message
    assert "canary-4711" not in reply.text
    assert "canary-4711" in failing_estimator.log()


def test_an_exception_of_an_unstructured_hook_is_bare(unstructured: Server) -> None:
    """E-07."""
    reply = unstructured.post("/predictUnstructured/?form=value-error", "x")

    assert (reply.status, reply.json()) == (500, {"message": "ERROR: boom"})


def test_a_bad_request_of_an_unstructured_hook(unstructured: Server) -> None:
    """E-08."""
    reply = unstructured.post("/predictUnstructured/?form=bad-request", "x")

    assert (reply.status, reply.json()) == (400, {"error": "d"})


@pytest.mark.parametrize("case", ["exit", "interrupt"])
def test_a_hook_cannot_end_the_worker(steered: Server, case: str) -> None:
    """E-09 by difference D20."""
    reply = steered.csv(f"case\n{case}\n")

    assert reply.status == 500
    assert reply.message.startswith("ERROR: ")
    assert reply.headers["X-Drum-Version"] == "1.18.1"


def test_score_must_take_keyword_arguments(strict_score: Server) -> None:
    """E-11."""
    reply = strict_score.csv("a\n1\n")

    assert reply.status == 500
    assert "unexpected keyword argument 'binary_data'" in reply.message


def test_texts_of_custom_py_can_be_hidden(hidden: Server) -> None:
    """--hide-errors."""
    reply = hidden.csv("case\nvalue-error\n")

    assert reply.status == 500
    assert "boom" not in reply.text
