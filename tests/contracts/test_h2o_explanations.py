"""The scorer of H2O MLOps: contributions and prediction intervals (rows D and E)."""

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.support.models import ONE_WORKER, Model, served
from tests.support.scorers import detail, flights, request_of, score
from tests.support.serving import Server

ORIGINAL = {"requestShapleyValueType": "ORIGINAL"}
TRANSFORMED = {"requestShapleyValueType": "TRANSFORMED"}
INTERVALS = {"requestPredictionIntervals": True}
RESIDUALS = [-9.0, 1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0]
ROWS = [("0.5", "1", "UA"), ("-1", "", "AA"), ("", "0", "HA"), ("2", "3", "")]


def bounded() -> Model:
    """Return `flights` with just enough residuals for 90 %."""
    model = flights()
    metadata = str(model.files["model-metadata.yaml"]) + (
        "prediction_intervals:\n  method: split_conformal\n  level: 0.9\n  residuals: r.csv\n"
    )
    lines = "\n".join(["residual", *map(str, RESIDUALS), ""])
    return Model({**model.files, "model-metadata.yaml": metadata, "r.csv": lines})


def classes(n_classes: int) -> Model:
    """Return a logistic regression on two components of three columns."""
    rng = np.random.default_rng(4)
    rows = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    target = np.digitize(rows["a"] + rows["b"], [0.0, 1.0][: n_classes - 1])
    names = np.array(["low", "mid", "top"])
    model = make_pipeline(StandardScaler(), PCA(2), LogisticRegression())
    return Model({"model.pkl": pickle.dumps(model.fit(rows, names[target]))})


scorer = served(bounded(), *ONE_WORKER)
binary = served(classes(2), *ONE_WORKER)
multiclass = served(
    classes(3), *ONE_WORKER, "--target-type", "multiclass", "--class-labels", "top", "low", "mid"
)

PLAIN = request_of(["a", "b", "c"], ("0.5", "-1", "2"), ("1", "1", "0"))


def flown(*rows: tuple[str, ...], **keys: Any) -> dict[str, Any]:
    return request_of(["delay", "stops", "carrier"], *rows, **keys)


def answer(server: Server, body: dict[str, Any], path: str = "/model/score") -> dict[str, Any]:
    reply = score(server, body, path)
    assert reply.status == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def totals(part: dict[str, Any]) -> list[list[float]]:
    """Return the sum of each row of each group."""
    groups = part["contributionGroups"]
    return [[sum(map(float, row)) for row in group["contributions"]] for group in groups]


def test_the_capabilities_are_announced(scorer: Server, binary: Server, multiclass: Server) -> None:
    """B02, B04: intervals first; only the columns after the components can be told apart."""
    found = [server.get("/model/capabilities").json() for server in (scorer, binary, multiclass)]

    every = ["SCORE_PREDICTION_INTERVAL", "CONTRIBUTION_ORIGINAL", "CONTRIBUTION_TRANSFORMED"]
    assert sorted(found[0]) == sorted(["SCORE", *every])
    assert found[1:] == [["SCORE", "CONTRIBUTION_TRANSFORMED"]] * 2


def test_info_says_what_is_told_and_how(scorer: Server, binary: Server) -> None:
    shown = scorer.get("/info/").json()["explanations"]

    assert shown == {
        "contributions": {
            "kinds": ["ORIGINAL", "TRANSFORMED"],
            "link": "identity",
            "relativeTo": "the average of the training rows",
        },
        "predictionIntervals": {"available": True, "method": "split_conformal", "level": 0.9},
    }
    refused = binary.get("/info/").json()["explanations"]["predictionIntervals"]
    assert refused["available"] is False
    assert "prediction_intervals" in refused["reason"]


@pytest.mark.parametrize("kind", [ORIGINAL, TRANSFORMED], ids=["original", "transformed"])
def test_contributions_of_numbers_add_up_to_the_score(scorer: Server, kind: Any) -> None:
    """E01, E02, E05, E08: also of rows with missing cells."""
    found = answer(scorer, flown(*ROWS, **kind))

    part = found["featureShapleyContributions"]
    names = ["contrib_delay", "contrib_stops", "contrib_carrier", "contrib_bias"]
    assert part["features"] == names
    (group,) = part["contributionGroups"]
    assert list(group) == ["contributions"]
    assert all(isinstance(cell, str) for row in group["contributions"] for cell in row)
    scores = [float(cell) for (cell,) in found["score"]]
    assert totals(part)[0] == pytest.approx(scores, rel=1e-4)


def test_contributions_to_two_classes_are_log_odds_of_the_last(binary: Server) -> None:
    """E06, E08."""
    found = answer(binary, PLAIN | TRANSFORMED)

    part = found["featureShapleyContributions"]
    assert part["features"] == ["contrib_pca0", "contrib_pca1", "contrib_bias"]
    (group,) = part["contributionGroups"]
    assert list(group) == ["contributions"]
    chances = [float(row[-1]) for row in found["score"]]
    assert [1 / (1 + math.exp(-total)) for total in totals(part)[0]] == pytest.approx(chances)


def test_contributions_to_more_classes_are_margins_of_each(multiclass: Server) -> None:
    """E07: in the order of the outputs, the features once."""
    found = answer(multiclass, PLAIN | TRANSFORMED)

    part = found["featureShapleyContributions"]
    assert part["features"] == ["contrib_pca0", "contrib_pca1", "contrib_bias"]
    labels = [group["outputGroup"] for group in part["contributionGroups"]]
    assert labels == ["top", "low", "mid"]
    assert [f"target.{label}" for label in labels] == found["fields"]
    powers = np.exp(np.array(totals(part)).T)
    chances = powers / powers.sum(axis=1, keepdims=True)
    assert chances == pytest.approx(np.array(found["score"], dtype=float))


def test_contributions_alone_are_those_beside_the_score(scorer: Server) -> None:
    """E09, E10: keys of a whole request are ignored."""
    body = flown(*ROWS, **ORIGINAL)
    more = {"includeFieldsInOutput": ["stops"], "noFieldNamesInOutput": True, "idField": "x"}

    alone = answer(scorer, body, "/model/contribution")

    assert alone == answer(scorer, body)["featureShapleyContributions"]
    assert alone == answer(scorer, body | more, "/dep/model/contribution")
    assert alone == answer(scorer, body | INTERVALS, "/model/contribution")


@pytest.mark.parametrize("path", ["/model/score", "/model/contribution"])
def test_no_rows_have_features_and_no_contributions(
    scorer: Server, multiclass: Server, path: str
) -> None:
    """E14."""
    few = answer(scorer, flown(**ORIGINAL), path)
    many = answer(multiclass, request_of(["a", "b", "c"], **TRANSFORMED), path)

    one = few.get("featureShapleyContributions", few)
    assert len(one["features"]) == 4
    assert one["contributionGroups"] == [{"contributions": []}]
    groups = many.get("featureShapleyContributions", many)["contributionGroups"]
    assert groups == [
        {"outputGroup": label, "contributions": []} for label in ("top", "low", "mid")
    ]


def test_a_kind_that_only_others_have_is_400(binary: Server) -> None:
    """E12, E13."""
    body = PLAIN | ORIGINAL

    for path in ("/model/score", "/model/contribution"):
        text = detail(score(binary, body, path), 400)
        assert text == (
            "Requested Shapley type ORIGINAL not enabled for this scorer. Expected: TRANSFORMED"
        )


def test_intervals_stand_beside_unchanged_scores(scorer: Server) -> None:
    """D01, D02: q is the ninth of nine sizes, D06; the suffixes follow the target's name."""
    plain = answer(scorer, flown(*ROWS))

    found = answer(scorer, flown(*ROWS, **INTERVALS))

    part = found.pop("predictionIntervals")
    assert found == plain
    assert part["fields"] == ["Distance.lower", "Distance.upper"]
    for (value,), (lower, upper) in zip(plain["score"], part["rows"], strict=True):
        assert float(lower) == float(value) - 9
        assert float(upper) == float(value) + 9


def test_no_rows_have_the_names_of_the_bounds(scorer: Server) -> None:
    """D03."""
    found = answer(scorer, flown(**INTERVALS))

    assert found["predictionIntervals"] == {
        "fields": ["Distance.lower", "Distance.upper"],
        "rows": [],
    }


@pytest.mark.parametrize("server", ["binary", "multiclass"])
def test_classifiers_refuse_intervals(server: str, request: pytest.FixtureRequest) -> None:
    """B04, D04."""
    reply = score(request.getfixturevalue(server), PLAIN | INTERVALS)

    assert "does not support it" in detail(reply, 400)


def test_the_schema_lists_no_bounds(scorer: Server) -> None:
    """B09."""
    fields = scorer.get("/model/schema").json()["schema"]["outputFields"]

    assert [field["name"] for field in fields] == ["Distance"]


def test_everything_may_be_asked_for_at_once(scorer: Server) -> None:
    """E15: contributions, intervals and copied columns."""
    keys = {**ORIGINAL, **INTERVALS, "includeFieldsInOutput": ["carrier"]}

    found = answer(scorer, flown(*ROWS, **keys))

    parts = {"featureShapleyContributions", "predictionIntervals"}
    assert found.keys() == {"id", "fields", "score", *parts}
    assert found["fields"] == ["carrier", "Distance"]
    assert [row[0] for row in found["score"]] == ["UA", "AA", "HA", ""]
    assert len(found["predictionIntervals"]["rows"]) == 4
    assert len(found["featureShapleyContributions"]["contributionGroups"][0]["contributions"]) == 4


@pytest.mark.parametrize(
    ("cell", "said"), [("abc", "'delay'"), ("1_0", "row 0")], ids=["text", "underscore"]
)
def test_cells_that_do_not_fit_are_refused_alike(scorer: Server, cell: str, said: str) -> None:
    text = detail(score(scorer, flown((cell, "1", "UA"), **ORIGINAL), "/model/contribution"), 400)

    assert said in text
    assert cell not in text
