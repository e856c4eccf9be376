"""MLflow's scoring protocol (rows M01 to M25 of its checklist), and its place on /invocations."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.http_calls import call
from tests.support.mlflow_models import BIN, JSON, MULTI, SPLIT, SUM, post
from tests.support.models import ONE_WORKER, READER, served
from tests.support.more_models import CHAT, UNSTRUCTURED
from tests.support.serving import Server, serve

SECRET = "open sesame"
EXACTLY_ONE = "exactly one of dataframe_split, dataframe_records, instances, inputs"

adding = served(SUM, *ONE_WORKER)
chosen = served(SUM, *ONE_WORKER, "--invocations-contract", "mlflow")
multi = served(MULTI, *ONE_WORKER)
binary = served(BIN, *ONE_WORKER)
reader = served(READER, *ONE_WORKER)
unstructured = served(UNSTRUCTURED, *ONE_WORKER)
chatting = served(CHAT, *ONE_WORKER)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("model"))
    with serve(directory, *SUM.flags, "--passphrase", SECRET, *ONE_WORKER) as running:
        yield running


def refused(server: Server, content: Any, **headers: str) -> str:
    """Return the message of an answer 400 in MLflow's form."""
    reply = post(server, content, **headers)
    assert reply.status == 400, reply.text
    assert reply.headers["Content-Type"] == JSON
    assert reply.headers["X-Scoring-Contract"] == "mlflow"
    told = reply.json()
    assert list(told) == ["error_code", "message"]
    assert told["error_code"] == "BAD_REQUEST"
    return str(told["message"])


@pytest.mark.parametrize("path", ["/ping", "/health", "/ping/", "/health/"])
def test_probes_are_answered(adding: Server, path: str) -> None:
    """M01."""
    assert adding.get(path).status == 200


def test_the_version_is_bare_text(adding: Server, locked: Server) -> None:
    """M02."""
    for server in (adding, locked):
        reply = server.get("/version")

        assert (reply.status, reply.headers["X-Scoring-Contract"]) == (200, "mlflow")
        assert reply.text == reply.headers["X-Drum-Like-Version"]


@pytest.mark.parametrize(
    ("content", "predictions"),
    [
        pytest.param({"dataframe_split": SPLIT}, [3.0, 7.0], id="M03"),
        pytest.param({"dataframe_split": {**SPLIT, "index": [10, 20]}}, [3.0, 7.0], id="M04"),
        pytest.param({"dataframe_split": {**SPLIT, "data": []}}, [], id="no-row"),
        pytest.param({"dataframe_records": []}, [], id="no-record"),
        pytest.param({"instances": []}, [], id="no-instance"),
        pytest.param({"inputs": []}, [], id="no-input"),
        pytest.param(
            {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}, [3.0, 7.0], id="M07"
        ),
        pytest.param({"instances": [[1, 2], [3, 4]]}, [3.0, 7.0], id="M09-lists"),
        pytest.param({"instances": [{"a": 1, "b": 2}]}, [3.0], id="M09-objects"),
        pytest.param({"instances": [1, 2]}, [1.0, 2.0], id="cells"),
        pytest.param({"instances": {"a": [1, 3], "b": [2, 4]}}, [3.0, 7.0], id="columns"),
        pytest.param({"inputs": [[1, 2]]}, [3.0], id="M10-lists"),
        pytest.param({"inputs": {"a": [1], "b": [2]}}, [3.0], id="M10-columns"),
        pytest.param({"inputs": {"a": 1, "b": 2}}, [3.0], id="M10-one-row"),
        pytest.param({"inputs": [{"a": 1, "b": 2}]}, [3.0], id="X21-no-tensor"),
        pytest.param({"dataframe_split": SPLIT, "params": {"foo": 1}}, [3.0, 7.0], id="M15"),
        pytest.param({"dataframe_split": SPLIT, "params": None}, [3.0, 7.0], id="no-params"),
        pytest.param({"dataframe_split": SPLIT, "foo": 1}, [3.0, 7.0], id="other-keys"),
        pytest.param({"dataframe_split": SPLIT, "model_id": "x"}, [3.0, 7.0], id="X20"),
        pytest.param({"inputs": [[1, 2]], "model_id": "x"}, [3.0], id="X20-inputs"),
        pytest.param('\ufeff{"instances": [[1, 2]]}', [3.0], id="byte-order-mark"),
        pytest.param('{"instances": [[0.1, 0.2]]}', [0.1 + 0.2], id="fractions"),
        pytest.param({"instances": [{"a": 1, "b": 2}, {"a": 3}]}, [3.0, None], id="M23"),
        pytest.param('{"instances": [[NaN, 2], [1, 2]]}', [None, 3.0], id="M14"),
        pytest.param('{"instances": [[Infinity, 2]]}', [None], id="infinite"),
    ],
)
def test_rows_are_scored_in_all_forms(
    adding: Server, content: Any, predictions: list[float]
) -> None:
    reply = post(adding, content)

    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == JSON
    assert reply.headers["X-Scoring-Contract"] == "mlflow"
    assert reply.json() == {"predictions": predictions}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param({"dataframe_split": {**SPLIT, "foo": 1}}, "nothing else", id="M05"),
        pytest.param({"dataframe_split": {"columns": ["a"]}}, "`data`", id="M06"),
        pytest.param({"dataframe_split": [[1]]}, "`data`", id="M06-list"),
        pytest.param({"dataframe_split": []}, "`data`", id="M06-empty-list"),
        pytest.param({"dataframe_split": None}, "`data`", id="null"),
        pytest.param({"dataframe_split": {**SPLIT, "index": [1]}}, "`index`", id="short-index"),
        pytest.param(
            {"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "once", id="twins"
        ),
        pytest.param({"dataframe_records": {"a": 1}}, "list of objects", id="M08"),
        pytest.param({"dataframe_records": [{"a": 1}, [1]]}, "number 1 ", id="mixed"),
        pytest.param({"instances": [[1, 2], [3]]}, "number 1 (counted from 0)", id="ragged"),
        pytest.param({"instances": [[[1]]]}, "row 0 (counted from 0)", id="nested"),
        pytest.param({"instances": 3}, "list", id="no-list"),
        pytest.param({"inputs": {"a": [1, 2], "b": [1]}}, "one length", id="uneven"),
        pytest.param({"instances": [[1]], "inputs": [[1]]}, EXACTLY_ONE, id="M11"),
        pytest.param(
            {"dataframe_split": SPLIT, "dataframe_records": []}, EXACTLY_ONE, id="M11-frames"
        ),
        pytest.param({}, EXACTLY_ONE, id="M12-empty"),
        pytest.param({"foo": 1}, EXACTLY_ONE, id="M12-other"),
        pytest.param("3", "no JSON object", id="M12-number"),
        pytest.param("null", "no JSON object", id="null-alone"),
        pytest.param("{bad", "no JSON object", id="M13"),
        pytest.param('{"instances": [[1]]} x', "no JSON object", id="M13-behind"),
        pytest.param("", "empty", id="M13-empty"),
        pytest.param(" \n", "empty", id="M13-blank"),
        pytest.param({"messages": []}, EXACTLY_ONE, id="messages"),
        pytest.param({"prompt": "x"}, EXACTLY_ONE, id="prompt"),
        pytest.param('{"instances": [[1]], "instances": [[2]]}', "more than once", id="repeated"),
        pytest.param('{"instances": [{"a": "\\ud800"}]}', "surrogate", id="half-character"),
        pytest.param({"instances": [{"fail": 1}]}, "boom", id="M20"),
    ],
)
def test_a_wrong_body_is_refused(adding: Server, content: Any, text: str) -> None:
    message = refused(adding, content)

    assert text in message
    assert "Traceback" not in message


def test_a_failure_of_the_model_is_logged(adding: Server) -> None:
    refused(adding, {"instances": [{"fail": 2}]})

    assert "boom" in adding.log()


def test_a_failure_of_the_model_is_500_in_a_container_of_sagemaker(tmp_path: Path) -> None:
    with serve(SUM.write(tmp_path), *SUM.flags, "--sagemaker", *ONE_WORKER) as server:
        reply = post(server, {"dataframe_records": [{"fail": 1}]})

    assert (reply.status, reply.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert reply.headers["X-Scoring-Contract"] == "mlflow"


@pytest.mark.parametrize(
    ("accept", "media_type", "body"),
    [
        ("text/csv", "text/csv", "3.0\n7.0\n"),
        ("application/jsonlines", "application/jsonlines", "3.0\n7.0\n"),
        ("text/html, */*;q=0.8", JSON, '{"predictions":[3.0,7.0]}'),
        ("nonsense", JSON, '{"predictions":[3.0,7.0]}'),
    ],
)
def test_the_answer_has_the_form_that_accept_names(
    adding: Server, accept: str, media_type: str, body: str
) -> None:
    """X15 and X16."""
    reply = post(adding, {"dataframe_split": SPLIT}, Accept=accept)

    assert (reply.headers["Content-Type"], reply.text) == (media_type, body)


def test_an_answer_that_custom_code_asked_for_is_its_own(adding: Server) -> None:
    reply = post(adding, {"instances": [{"teapot": 1}]})

    assert (reply.status, reply.json()) == (418, {"message": "short and stout"})
    assert reply.headers["X-Drum-User-Http-Error"] == "true"


@pytest.mark.parametrize("media_type", ["application/vnd.apache.parquet", "application/x-parquet"])
def test_parquet_is_read_in_its_form(adding: Server, media_type: str) -> None:
    """M19."""
    body = io.BytesIO()
    pd.DataFrame({"a": [1.0, 3.0], "b": [2, 4]}).to_parquet(body)

    good = adding.post("/invocations", body.getvalue(), media_type)
    cut = adding.post("/invocations", body.getvalue()[:50], media_type)

    assert good.json() == {"predictions": [3.0, 7.0]}
    assert (cut.status, cut.json()["error_code"]) == (400, "BAD_REQUEST")
    assert {good.headers["X-Scoring-Contract"], cut.headers["X-Scoring-Contract"]} == {"mlflow"}


def test_compressed_bodies_are_read(adding: Server) -> None:
    """X17."""
    body = gzip.compress(b'{"instances": [[1, 2]]}')

    rows = gzip.compress(b"a,b\n1,2\n")

    for packed, media_type in ((body, JSON), (rows, "text/csv")):
        read = adding.post("/invocations", packed, media_type, Content_Encoding="gzip")
        unread = adding.post("/invocations", packed, media_type, Content_Encoding="br")

        assert (read.json(), unread.status) == ({"predictions": [3.0]}, 415)


@pytest.mark.parametrize(
    ("params", "predictions"),
    [
        pytest.param(None, None, id="usual"),
        pytest.param({"predict_method": "predict_proba"}, None, id="probabilities"),
        pytest.param({"predict_method": None}, None, id="null"),
        pytest.param({"predict_method": "predict"}, ["b", "d", "a"], id="M16"),
    ],
)
def test_params_choose_between_labels_and_probabilities(
    multi: Server, params: Any, predictions: list[str] | None
) -> None:
    # d, b, c and a: of the two likeliest labels of row 1 the first is said.
    rows = [[0.1, 0.7, 0.2, 0.0], [0.4, 0.2, 0.4, 0.0], [0.0, 0.0, 0.0, 1.0]]

    reply = post(multi, {"instances": rows, "params": params})

    assert reply.status == 200, reply.text
    labelled = [dict(zip("dbca", row, strict=True)) for row in rows]
    assert reply.json()["predictions"] == (predictions or labelled)


def test_labels_have_the_type_that_they_spell(binary: Server) -> None:
    rows = {"dataframe_split": {"columns": ["p", "q"], "data": [[0.9, 0.1], [0.5, 0.5]]}}

    usual = post(binary, rows).json()
    labels = post(binary, {**rows, "params": {"predict_method": "predict"}}).json()

    assert usual == {"predictions": [{"0": 0.1, "1": 0.9}, {"0": 0.5, "1": 0.5}]}  # M24
    assert labels == {"predictions": [1, 0]}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ([1], "`params` must be an object"),
        ({"predict_method": "nonsense"}, "predict or predict_proba"),
        ({"predict_method": 3}, "predict or predict_proba"),
        ({"predict_method": ["predict"]}, "predict or predict_proba"),
        ({"predict_method": "predict_proba"}, "no probabilities"),
    ],
)
def test_params_that_cannot_be_are_refused(adding: Server, params: Any, text: str) -> None:
    reply = post(adding, {"instances": [[1]], "params": params})

    assert (reply.status, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert text in reply.json()["message"]


@pytest.mark.parametrize(
    "media_type", ["text/csv", "text/csv; charset=utf-8", "TEXT/CSV;charset=UTF-8"]
)
def test_csv_has_a_header(adding: Server, chosen: Server, media_type: str) -> None:
    """M17: in DRUM's contract, or in this one where it is chosen."""
    for server, contract in ((adding, "drum"), (chosen, "mlflow")):
        reply = server.post("/invocations", "a,b\n1,2\n3,4\n", media_type)

        assert reply.json() == {"predictions": [3.0, 7.0]}
        assert reply.headers["X-Scoring-Contract"] == contract


@pytest.mark.parametrize(
    "media_type", ["text/csv; charset=nonsense", "application/json; charset=x"]
)
def test_an_unknown_charset_is_refused(adding: Server, chosen: Server, media_type: str) -> None:
    """M18."""
    for server in (adding, chosen):
        assert server.post("/invocations", '{"instances": [[1]]}', media_type).status == 415


@pytest.mark.parametrize(
    "media_type",
    [
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/vnd.x+json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/octet-stream",
        None,
    ],
)
def test_json_is_known_by_its_type_or_its_beginning(adding: Server, media_type: str | None) -> None:
    """M21 and X06."""
    good = adding.post("/invocations", json.dumps({"dataframe_split": SPLIT}), media_type)
    broken = adding.post("/invocations", "{bad", media_type)

    assert good.json() == {"predictions": [3.0, 7.0]}
    assert (broken.status, broken.json()["error_code"]) == (400, "BAD_REQUEST")


def test_json_of_another_charset_is_read(adding: Server) -> None:
    body = '{"dataframe_records": [{"ä": 1, "b": 2}]}'
    for charset in ("utf-16", "latin-1", "windows-1252"):
        media_type = f"application/json; charset={charset}"
        reply = adding.post("/invocations", body.encode(charset), media_type)

        assert reply.json() == {"predictions": [3.0]}, charset


def test_only_post_is_answered(adding: Server) -> None:
    """M25."""
    assert adding.get("/invocations").status == 405
    reply = call(adding.url, "POST", "/version", body="{}")
    assert (reply.status, reply.json()["error_code"]) == (405, "BAD_REQUEST")


@pytest.mark.parametrize("choice", ["header", "option"])
def test_who_chooses_mlflow_has_its_errors_for_all_bodies(
    adding: Server, chosen: Server, choice: str
) -> None:
    """X12: an unread type is told in plain text."""
    headers = {"X_Scoring_Contract": "mlflow"} if choice == "header" else {}
    server = adding if choice == "header" else chosen
    xml = server.post("/invocations", "<a/>", "text/xml", **headers)
    csv = server.post("/invocations", "a,b\n1,2,3\n", "text/csv", **headers)

    assert (xml.status, xml.headers.get_content_type()) == (415, "text/plain")
    assert (csv.status, csv.json()["error_code"]) == (400, "BAD_REQUEST")
    assert {xml.headers["X-Scoring-Contract"], csv.headers["X-Scoring-Contract"]} == {"mlflow"}


@pytest.mark.parametrize("content", [{"foo": 1}, "{bad", "3"])
def test_a_hook_that_reads_bodies_gets_json_that_has_no_form(reader: Server, content: Any) -> None:
    """X08 and C1."""
    reply = post(reader, content)

    assert (reply.status, reply.headers["X-Scoring-Contract"]) == (200, "drum")


def test_a_form_goes_before_such_a_hook_unless_drum_is_chosen(reader: Server) -> None:
    """X10."""
    content = {"instances": [{"a": 1}]}

    form = post(reader, content)
    hook = post(reader, content, X_Scoring_Contract="drum")

    assert form.headers["X-Scoring-Contract"] == "mlflow"
    assert "DataFrame" not in hook.json()["predictions"][0]
    assert "instances" in hook.json()["predictions"][0]


@pytest.mark.parametrize("content", [{"instances": [[1]]}, {"foo": 1}, "{bad"])
def test_a_model_of_no_rows_is_drums_business(unstructured: Server, content: Any) -> None:
    """X22."""
    reply = post(unstructured, content)

    assert reply.status == 422
    assert reply.message.startswith("ERROR: This model has target type 'unstructured', use the ")


def test_it_is_told_to_those_who_choose_mlflow_too(unstructured: Server) -> None:
    reply = post(unstructured, {"instances": [[1]]}, X_Scoring_Contract="mlflow")

    assert (reply.status, list(reply.json())) == (422, ["message"])


def test_a_prompt_is_for_the_chat_hook(chatting: Server) -> None:
    said = {"messages": [{"role": "user", "content": "hello"}], "model": "x"}

    here = post(chatting, said)
    there = post(chatting, said, "/v1/chat/completions")

    assert here.status == there.status == 200, here.text
    assert here.json().keys() == there.json().keys()
    assert here.headers["X-Scoring-Contract"] == "mlflow"


def test_a_model_that_did_not_load_is_told_as_drum_does(tmp_path: Path) -> None:
    """X23."""
    (tmp_path / "custom.py").write_text("raise ValueError('at import')\n")
    flags = ("--target-type", "regression", "--with-error-server", *ONE_WORKER)
    with serve(tmp_path, *flags) as server:
        for content in ({"instances": [[1]]}, {"foo": 1}, "{bad", ""):
            reply = post(server, content)

            assert (reply.status, list(reply.json())) == (513, ["message"]), reply.text
        assert server.get("/version").status == 200


def test_routes_stand_below_the_prefix(tmp_path: Path) -> None:
    """X24."""
    with serve(SUM.write(tmp_path), *SUM.flags, "--url-prefix", "/m", *ONE_WORKER) as server:
        assert post(server, {"instances": [[1, 2]]}, "/m/invocations").json() == {
            "predictions": [3.0]
        }
        assert server.get("/m/version").status == 200
        assert server.get("/version").status == 404


def test_limits_hold(tmp_path: Path) -> None:
    """X18: in the form of the contract."""
    limits = ("--max-columns", "3", "--max-rows", "5", "--max-json-depth", "6")
    with serve(SUM.write(tmp_path), *SUM.flags, *limits, *ONE_WORKER) as server:
        bodies = (
            ({"instances": [[1, 2, 3, 4]]}, 413),
            ({"dataframe_split": {"columns": list("abcd"), "data": []}}, 413),
            ({"inputs": {name: [1] for name in "abcd"}}, 413),
            ({"dataframe_records": [{"a": 1}] * 6}, 413),
            ({"instances": [[[[[[1]]]]]]}, 400),
        )
        for content, status in bodies:
            reply = post(server, content)

            assert (reply.status, reply.json()["error_code"]) == (status, "BAD_REQUEST"), content


def test_a_stranger_is_refused_in_its_form(locked: Server) -> None:
    for content in ({"instances": [[1]]}, "{bad"):
        reply = post(locked, content)

        assert (reply.status, reply.json()["error_code"]) == (401, "UNAUTHENTICATED")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_contract_can_be_left_out(tmp_path: Path) -> None:
    flags = (*SUM.flags, "--contracts", "probes,drum", *ONE_WORKER)
    with serve(SUM.write(tmp_path), *flags) as server:
        assert server.get("/version").status == 404
        assert post(server, "{bad").status == 422
        assert post(server, {"foo": 1}).headers["X-Scoring-Contract"] == "drum"
