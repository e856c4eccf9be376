"""The scorer of H2O MLOps: requests, cells, answers (rows C)."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.models import ONE_WORKER, served
from tests.support.scorers import (
    FLIGHT,
    TYPED,
    UNTYPED,
    detail,
    flights,
    request_of,
    score,
    scores,
    seen,
)
from tests.support.serving import Server

FIELDS = ("delay", "stops", "carrier")

scorer = served(flights(), *ONE_WORKER)
typed = served(TYPED, *ONE_WORKER)
untyped = served(UNTYPED, *ONE_WORKER)


def flight(*cells: Any, **keys: Any) -> dict[str, Any]:
    """Return a request of one row."""
    return request_of(FIELDS, cells, **keys)


def distances(server: Server, *rows: tuple[Any, ...]) -> list[str | None]:
    """Return the one output of each row."""
    return [found for (found,) in scores(server, request_of(FIELDS, *rows))]


def test_a_row_is_scored_as_predict_scores_it(scorer: Server) -> None:
    """C01, C33, C34: the number reads back exactly, and nothing unasked is in the answer."""
    answer = score(scorer, FLIGHT).json()

    predicted = scorer.csv("delay,stops,carrier\n0.5,1,UA\n").json()["predictions"]
    assert answer.keys() == {"id", "fields", "score"}
    assert answer["fields"] == ["Distance"]
    assert [float(text) for text in answer["score"][0]] == predicted


def test_equal_rows_give_equal_scores(scorer: Server) -> None:
    """C02."""
    found = distances(scorer, *[("0.5", "1", "UA")] * 3)

    assert len(found) == 3
    assert len(set(found)) == 1


def test_rows_keep_their_order(scorer: Server) -> None:
    """C03."""
    rows = [("-1", "3", "AA"), ("0", "1", "HA"), ("2", "0", "UA")]

    assert distances(scorer, *rows) == distances(scorer, *rows[::-1])[::-1]
    assert len(set(distances(scorer, *rows))) == 3


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(request_of(FIELDS[::-1], ("UA", "1", "0.5")), id="permuted"),
        pytest.param(request_of((*FIELDS, "id"), ("0.5", "1", "UA", "x")), id="extra-column"),
        pytest.param(flight("0.5", "1", "UA", index=[0]), id="extra-key"),
        pytest.param(flight(0.5, 1, "UA"), id="numbers"),
        pytest.param(flight("+.5e0", " 1 ", "UA"), id="spellings"),
        pytest.param(flight("0.5", "1.0", "UA"), id="integral-decimal"),
        pytest.param(flight(0.5, 1.0, "UA"), id="integral-number"),
        pytest.param(flight("0.5", "1", "UA", idField="nope"), id="id-not-included"),
        pytest.param(
            flight(
                "0.5",
                "1",
                "UA",
                requestShapleyValueType="NONE",
                requestPredictionIntervals=False,
                includeFieldsInOutput=None,
                noFieldNamesInOutput=False,
            ),
            id="defaults-spelled-out",
        ),
    ],
)
def test_spellings_of_one_request_have_one_answer(scorer: Server, body: dict[str, Any]) -> None:
    """C04 to C06, C08, C13, C30, D05, E03."""
    assert score(scorer, body).json() == score(scorer, FLIGHT).json()


def test_no_rows_have_no_scores(scorer: Server) -> None:
    """C07."""
    answer = score(scorer, request_of(FIELDS, includeFieldsInOutput=["stops"])).json()

    assert (answer["fields"], answer["score"]) == (["stops", "Distance"], [])


@pytest.mark.parametrize("gap", ["", "NA", "NaN", "nan", "null", "None", None])
def test_missing_numbers_have_many_names(scorer: Server, gap: str | None) -> None:
    """C10, C11: as in a CSV file."""
    predicted = scorer.csv("delay,stops,carrier\n,1,UA\n0.5,,UA\n").json()["predictions"]

    found = distances(scorer, (gap, "1", "UA"), ("0.5", gap, "UA"))

    assert [float(str(text)) for text in found] == predicted


@pytest.mark.parametrize("gap", ["", None])
def test_missing_text_is_empty_or_null(scorer: Server, gap: str | None) -> None:
    """C10, C11."""
    predicted = scorer.csv("delay,stops,carrier\n0.5,1,\n").json()["predictions"]

    assert [float(str(text)) for text in distances(scorer, ("0.5", "1", gap))] == predicted


def test_booleans_are_numbers_in_a_column_of_numbers(scorer: Server) -> None:
    """C09."""
    spelled = [("true", "1", "UA"), ("TRUE", "1", "UA"), (True, 1, "UA"), ("1", "true", "UA")]

    assert len(set(distances(scorer, *spelled))) == 1


def test_bare_nan_and_infinity_are_read(scorer: Server) -> None:
    """C12."""
    rows = '[[NaN, 1, "UA"], [Infinity, 1, "UA"], [-Infinity, 1, "UA"]]'
    body = f'{{"fields": {json.dumps(FIELDS)}, "rows": {rows}}}'

    missing, *_ = scores(scorer, body)

    assert missing == [distances(scorer, ("", "1", "UA"))[0]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param([("abc", "1", "UA")], ("'delay'", "numbers", "row 0"), id="text"),
        pytest.param([("1", "1", "UA"), ("1_0", "1", "UA")], ("'delay'", "row 1"), id="underscore"),
        pytest.param([("\u0661", "1", "UA")], ("'delay'", "row 0"), id="other-digits"),
        pytest.param([("1,2", "1", "UA")], ("'delay'", "row 0"), id="comma"),
        pytest.param([("1,2", "", "UA"), ("3", "4", "UA")], ("'delay'",), id="comma-and-gap"),
        pytest.param([("1", "3.5", "UA")], ("'stops'", "whole", "row 0"), id="fraction"),
        pytest.param([("1", "9" * 19, "UA")], ("'stops'", "row 0"), id="too-large"),
        pytest.param([("1", "1", "UA"), ("1", "1", "ZZ")], ("'carrier'", "row 1"), id="category"),
        pytest.param([("1", "1", ["UA"])], ("row 0", "list"), id="list"),
        pytest.param([("1", "1", "UA"), ("1", {}, "UA")], ("row 1", "object"), id="object"),
        pytest.param([("1", "1", "UA", "x")], ("row 0", "4 cells"), id="long-row"),
        pytest.param([("1", "1", "UA"), ("1", "1")], ("row 1", "2 cells"), id="short-row"),
    ],
)
def test_cells_that_do_not_fit_are_named(
    scorer: Server, rows: list[Any], said: tuple[str, ...]
) -> None:
    """C14 to C17: rows count from 0, and no value is repeated."""
    text = detail(score(scorer, request_of(FIELDS, *rows)), 400)

    assert all(part in text for part in said), text
    assert not any(value in text for value in ("abc", "1_0", "ZZ", "999", "3.5"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(request_of(["delay", "carrier"], ("1", "UA")), "'stops'", id="column"),
        pytest.param(request_of([*FIELDS, "stops"], "11UA"), "'stops'", id="duplicate"),
        pytest.param({"rows": [["1", "1", "UA"]]}, "`fields`", id="no-fields"),
        pytest.param({"fields": list(FIELDS)}, "`rows`", id="no-rows"),
        pytest.param({"fields": [], "rows": []}, "`fields`", id="empty-fields"),
        pytest.param({"fields": [1, 2], "rows": []}, "`fields`", id="numbered-fields"),
        pytest.param({"fields": ["a"], "rows": ["x"]}, "row 0", id="row-of-text"),
        pytest.param({}, "`fields`", id="empty-object"),
        pytest.param("[]", "object", id="array"),
        pytest.param("", "JSON", id="empty"),
        pytest.param("{", "JSON", id="broken"),
        pytest.param("[" * 100_000, "JSON", id="deep"),
        pytest.param(flight("1", "1", "UA", includeFieldsInOutput=["nope"]), "'nope'", id="copy"),
        pytest.param(flight("1", "1", "UA", includeFieldsInOutput="stops"), "list", id="copy-text"),
        pytest.param(flight("1", "1", "UA", noFieldNamesInOutput="x"), "true or", id="flag"),
        pytest.param(flight("1", "1", "UA", idField=7), "`idField`", id="id"),
        pytest.param(flight("1", "1", "UA", requestShapleyValueType="BOTH"), "ORIG", id="both"),
        pytest.param(
            flight("1", "1", "UA", requestShapleyValueType="original"), "ORIG", id="lower-case"
        ),
        pytest.param(flight("1", "1", "UA", requestShapleyValueType=7), "ORIG", id="number"),
    ],
)
def test_requests_that_are_none_are_refused(scorer: Server, body: Any, said: str) -> None:
    """C18 to C21, C23, C27, E04."""
    assert said in detail(score(scorer, body), 400)


def test_a_body_of_another_type_is_415(scorer: Server) -> None:
    """C24."""
    reply = scorer.post("/model/score", json.dumps(FLIGHT), "text/plain")

    assert "application/json" in detail(reply, 415)


def test_intervals_that_a_model_does_not_have_are_refused(scorer: Server) -> None:
    """D04."""
    text = detail(score(scorer, FLIGHT | {"requestPredictionIntervals": True}), 400)

    assert text == "requestPredictionIntervals set to true, but model does not support it"


@pytest.mark.parametrize("kind", ["ORIGINAL", "TRANSFORMED"])
def test_contributions_that_a_model_does_not_have_are_refused(typed: Server, kind: str) -> None:
    """E12, E13."""
    body = request_of(["whole"], ["1"], requestShapleyValueType=kind)

    inline = detail(score(typed, body), 400)

    assert inline == f"Requested Shapley type {kind} not enabled for this scorer. Expected: NONE"
    detail(score(typed, body, "/model/contribution"), 501)


@pytest.mark.parametrize("kind", [None, "NONE", "BOTH"])
def test_contributions_alone_need_a_kind(scorer: Server, kind: str | None) -> None:
    """E11."""
    body = FLIGHT | {"requestShapleyValueType": kind}

    assert "ORIGINAL" in detail(score(scorer, body, "/dep/model/contribution"), 400)


def test_names_and_text_keep_their_characters(typed: Server) -> None:
    """C25."""
    body = request_of(["word", "größe"], ["Zürich ✈", "日本"], includeFieldsInOutput=["größe"])

    answer = score(typed, body).json()

    assert answer["fields"] == ["größe", "out"]
    assert answer["score"][0][0] == "日本"
    assert seen(typed, request_of(["word"], ["Zürich ✈"]))[1][4] == "'Zürich ✈'"


def test_copied_columns_come_first_as_they_were_sent(scorer: Server) -> None:
    """C26."""
    rows = '[[1.50, 2, "UA"], ["1.50", null, "UA"]]'
    names = '["stops", "delay"]'
    body = f'{{"fields":{json.dumps(FIELDS)},"rows":{rows},"includeFieldsInOutput":{names}}}'

    answer = score(scorer, body).json()

    assert answer["fields"] == ["delay", "stops", "Distance"]
    assert [row[:2] for row in answer["score"]] == [["1.50", "2"], ["1.50", None]]


def test_an_id_that_was_sent_is_copied(scorer: Server) -> None:
    """C28."""
    body = request_of(
        ("id", *FIELDS), ("r7", "1", "1", "UA"), idField="id", includeFieldsInOutput=["id"]
    )

    assert scores(scorer, body)[0][0] == "r7"


def test_an_id_that_was_not_sent_is_made(scorer: Server) -> None:
    """C29."""
    rows = [("1", "1", "UA")] * 2
    body = request_of(FIELDS, *rows, idField="id", includeFieldsInOutput=["id", "stops"])

    answer = score(scorer, body).json()

    assert answer["fields"] == ["stops", "id", "Distance"]
    ids = [row[1] for row in answer["score"]]
    assert [len(made) for made in ids] == [36, 36]
    assert ids[0] != ids[1]


def test_names_can_be_left_out(scorer: Server) -> None:
    """C31."""
    answer = score(scorer, FLIGHT | {"noFieldNamesInOutput": True}).json()

    assert answer.keys() == {"id", "score"}


def test_predictions_that_are_no_finite_numbers(steered: Server) -> None:
    """C32: strict JSON, null and the words of Java."""
    rows = [["missing"], ["plus"], ["minus"], ["int"]]

    found = scores(steered, request_of(["case"], *rows))

    assert found == [[None], ["Infinity"], ["-Infinity"], ["1.0"]]


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-320, 123456789.12345679, -0.0, 1e22])
def test_numbers_read_back_exactly(reg: Server, value: float) -> None:
    """C33."""
    ((text,),) = scores(reg, request_of(["a"], [repr(value)]))

    assert float(str(text)) == value
    assert not math.isnan(float(str(text)))


def test_batches_in_parallel_keep_their_order(scorer: Server) -> None:
    """C35."""
    rows = [(str(at % 97 / 10), str(at % 4), "UA") for at in range(1000)]
    body = request_of(("id", *FIELDS), *[(str(at), *row) for at, row in enumerate(rows)])
    body |= {"includeFieldsInOutput": ["id"]}
    alone = scores(scorer, body)

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: score(scorer, body), range(12)))

    assert [row[0] for row in alone] == [str(at) for at in range(1000)]
    assert [reply.status for reply in replies] == [200] * 12
    assert all(reply.json()["score"] == alone for reply in replies)


@pytest.mark.parametrize("case", ["value-error", "exit", "array", "five-rows"])
def test_a_model_that_fails_is_500(steered: Server, case: str) -> None:
    """C36, H01 to H03."""
    reply = score(steered, request_of(["case"], [case]))

    assert detail(reply, 500)
    assert reply.headers["x-request-id"]


def test_an_error_of_the_models_own_choice_keeps_its_status(steered: Server) -> None:
    assert detail(score(steered, request_of(["case"], ["teapot"])), 418) == "bad"


def test_classes_have_an_order_of_their_own(binary: Server, multiclass: Server) -> None:
    """Two classes are (negative, positive), more are as configured, whatever the model's order."""
    two = score(binary, request_of(["yes", "no"], ["0.25", "0.75"])).json()
    three = score(multiclass, request_of(["C", "A", "B"], ["0.5", "0.125", "0.375"])).json()

    assert (two["fields"], two["score"]) == (["target.no", "target.yes"], [["0.75", "0.25"]])
    assert three["fields"] == ["target.A", "target.B", "target.C"]
    assert three["score"] == [["0.125", "0.375", "0.5"]]


def test_cells_reach_a_hook_as_their_types(typed: Server) -> None:
    fields = ["file", "day", "word", "flag", "real", "short", "whole", "loose", "extra"]
    row = ["aGVs\nbG8", "2018-01-01 10:00", "007", "false", "1", "-5", "9007199254740993", "1", "x"]

    dtypes, cells = seen(typed, request_of(fields, row))

    assert dtypes | {"word": "", "day": ""} == {
        "whole": "int64",
        "short": "int64",
        "real": "float64",
        "flag": "bool",
        "word": "",
        "day": "",
        "file": "object",
        "loose": "int64",
    }
    texts = ["'007'", "'2018-01-01 10:00'", "b'hello'"]
    assert cells == ["9007199254740993", "-5", "1.0", "False", *texts, "1"]


def test_columns_left_out_are_missing_where_the_metadata_allows(typed: Server) -> None:
    """C18."""
    dtypes, cells = seen(typed, request_of(["whole"], ["1"]))

    assert dtypes["real"] == "float64"
    assert cells[:4] == ["1", "nan", "nan", "nan"]


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        pytest.param("whole", "1.5", id="fraction"),
        pytest.param("whole", "9223372036854775808", id="beyond-64-bits"),
        pytest.param("short", "2147483648", id="beyond-32-bits"),
        pytest.param("short", 2147483648, id="number-beyond-32-bits"),
        pytest.param("flag", "2", id="two"),
        pytest.param("flag", "yes", id="yes"),
        pytest.param("day", "yesterday", id="day"),
        pytest.param("file", "a", id="bad-base64"),
        pytest.param("file", "%%%%", id="no-base64"),
    ],
)
def test_cells_of_a_wrong_type_are_refused(typed: Server, field: str, cell: Any) -> None:
    """C14, F12."""
    text = detail(score(typed, request_of([field], [cell])), 400)

    assert f"'{field}'" in text
    assert "row 0" in text


@pytest.mark.parametrize(
    ("cells", "dtype", "first"),
    [
        pytest.param(["1", "2"], "int64", "1", id="whole"),
        pytest.param(["1", ""], "float64", "1.0", id="gap"),
        pytest.param(["1.5", "NA"], "float64", "1.5", id="fraction"),
        pytest.param(["true", "false"], "bool", "True", id="words"),
        pytest.param([True, False], "bool", "True", id="booleans"),
        pytest.param([1, 2.5], "float64", "1.0", id="numbers"),
        pytest.param(["1", "x"], "text", "'1'", id="text"),
        pytest.param(["007", "x"], "text", "'007'", id="leading-zeros"),
        pytest.param(["NA", "x"], "text", "nan", id="word-for-missing-in-text"),
        pytest.param(["true", "NA"], "object", "True", id="word-for-missing-beside-words"),
        pytest.param([True, 1], "text", "'True'", id="boolean-and-number"),
        pytest.param(["", None], "float64", "nan", id="nothing"),
        pytest.param(["4000000000.0"], "float64", "4000000000.0", id="whole-fraction"),
        pytest.param([4000000000.0], "float64", "4000000000.0", id="whole-fraction-as-number"),
        pytest.param(["1e16", "2e16"], "float64", "1e+16", id="whole-with-exponent"),
        pytest.param([1e300, 0.5], "float64", "1e+300", id="large"),
        pytest.param([1700000000123456789, None], "float64", "1.7000000001234568e+18", id="ns-gap"),
        pytest.param(["18446744073709551615"], "uint64", "18446744073709551615", id="unsigned"),
        pytest.param([" NA", "x"], "text", "' NA'", id="blank-before-word"),
        pytest.param(['a"b,c', "x\ny"], "text", "'a\"b,c'", id="quote-and-comma"),
    ],
)
def test_columns_of_no_known_type_are_what_csv_makes_of_them(
    untyped: Server, cells: list[Any], dtype: str, first: str
) -> None:
    """And the column of ids does not reach the model."""
    body = request_of(["id", "x"], *[["r", cell] for cell in cells], idField="id")

    dtypes, row = seen(untyped, body)

    text = {"str": "text", "object": "text"}
    assert text.get(dtypes["x"], dtypes["x"]) == text.get(dtype, dtype)
    assert row == [first]
    assert list(dtypes) == ["x"]
