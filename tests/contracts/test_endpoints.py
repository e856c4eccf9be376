"""The wrong endpoint for a target type (rows Q-31 to Q-36)."""

import pytest

from tests.support.serving import Server

ROWS = "a\n1\n2\n"
_UNSTRUCTURED_ROUTES = "use the /predictUnstructured/ or /predictionsUnstructured/ endpoint."


@pytest.mark.parametrize(
    ("fixture", "path", "message"),
    [
        pytest.param(
            "transform",
            "/predict/",
            "This model has target type 'transform', use the /transform/ endpoint.",
            id="Q-31",
        ),
        pytest.param(
            "unstructured",
            "/predict/",
            f"This model has target type 'unstructured', {_UNSTRUCTURED_ROUTES}",
            id="Q-32",
        ),
        pytest.param(
            "reg",
            "/transform/",
            "This model has target type TargetType.REGRESSION, use the /predict/ endpoint.",
            id="Q-33",
        ),
        pytest.param(
            "reg",
            "/predictUnstructured/",
            "This model has target type TargetType.REGRESSION, use either /predict/ or "
            "/predictions/ endpoint.",
            id="Q-34",
        ),
        pytest.param(
            "unstructured",
            "/transform/",
            "This model has target type TargetType.UNSTRUCTURED, use the /predictUnstructured/ "
            "endpoint.",
            id="Q-35",
        ),
    ],
)
@pytest.mark.parametrize("body", [ROWS, ""], ids=["rows", "empty"])
def test_the_wrong_endpoint_names_the_right_one(
    request: pytest.FixtureRequest, fixture: str, path: str, message: str, body: str
) -> None:
    """Refuse every body on the route of another target type."""
    reply = request.getfixturevalue(fixture).csv(body, path)

    assert (reply.status, reply.json()) == (422, {"message": f"ERROR: {message}"})


def test_unstructured_calls_of_a_text_model_are_sent_elsewhere(text: Server) -> None:
    """Q-36 by difference D21."""
    reply = text.csv(ROWS, "/predictUnstructured/")

    assert reply.status == 422
    assert "/predict/" in reply.message
