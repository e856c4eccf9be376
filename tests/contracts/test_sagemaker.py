"""SageMaker's container: its replies by Accept, its errors, batch transform, boto3's routes."""

import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.http_calls import call
from tests.support.models import ONE_WORKER, READER, served
from tests.support.more_models import UNSTRUCTURED
from tests.support.ports import free_port
from tests.support.sagemaker import (
    BIN,
    CSV,
    JSON,
    LINES,
    METADATA,
    MULTI,
    SIGN,
    SUM,
    post,
    predictions,
    refused,
    signed,
)
from tests.support.serving import COMMAND, Server, environment, run, serve, stop
from tests.support.waiting import until_answered

total = served(SUM, *ONE_WORKER)
multi = served(MULTI, *ONE_WORKER)
binary = served(BIN, *ONE_WORKER)
unstructured = served(UNSTRUCTURED, *ONE_WORKER)
reader = served(READER, *ONE_WORKER)

short = served(
    BIN,
    *ONE_WORKER,
    env={"SAGEMAKER_CSV_BINARY": "positive", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": CSV},
)


def test_csv_comes_back_where_it_is_asked_for(total: Server) -> None:
    """S07."""
    reply = signed(total, "1,2\n3,4\n", accept=CSV)

    assert (reply.status, reply.body) == (200, b"3.0\n7.0\n")
    assert reply.headers["Content-Type"] == CSV


def test_classes_come_in_their_order(multi: Server, binary: Server) -> None:
    """S23."""
    reply = signed(multi, "1\n2\n3\n", accept=CSV)

    assert reply.body == b"0.8125,0.0625,0.0625,0.0625\n" * 3
    assert signed(binary, "1", accept=CSV).body == b"0.25,0.75\n"
    lines = signed(multi, "1\n2\n", accept=LINES).body.splitlines()
    assert [json.loads(line) for line in lines] == predictions(signed(multi, "1\n2\n"))


def test_the_operator_chooses_the_form(short: Server) -> None:
    """One probability a row, and CSV for all who accept anything."""
    assert signed(short, "1\n2\n").body == b"0.75\n0.75\n"
    assert signed(short, "1", accept="*/*").body == b"0.75\n"
    assert predictions(signed(short, "1", accept=JSON)) == [{"1": 0.75, "0": 0.25}]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/html,*/*;q=0.8", JSON),
        ("application/xml", JSON),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("application/xml, application/jsonlines;q=0.5, text/csv", LINES),
        ("application/json, text/csv", JSON),
        ("text/csv;q=0, application/jsonlines", LINES),
        ("text/csv; Q=0.00;x=1, application/jsonlines; q = 0", JSON),
        ("text/csv;q=0.01, application/jsonlines", CSV),
    ],
)
def test_the_first_form_that_is_written_counts(total: Server, accept: str, expected: str) -> None:
    reply = signed(total, "1,2", accept=accept)

    assert (reply.status, reply.headers["Content-Type"]) == (200, expected)


def test_a_missing_number_is_no_blank_line(total: Server) -> None:
    assert signed(total, "1\n\n3", accept=CSV).body == b'1.0\n""\n3.0\n'
    assert signed(total, "1\n\n3", accept=LINES).body == b"1.0\nnull\n3.0\n"
    assert predictions(signed(total, "1\n\n3")) == [1.0, None, 3.0]


def test_attributes_are_echoed(total: Server) -> None:
    """S20."""
    good = post(total, "1,2", CSV, X_Amzn_SageMaker_Custom_Attributes="trace=1")
    bad = post(total, "1,2\n3", CSV, X_Amzn_SageMaker_Custom_Attributes="trace=2")

    assert good.headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=1"
    assert bad.headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=2"
    assert "X-Amzn-SageMaker-Custom-Attributes" not in signed(total, "1,2").headers


def test_execution_parameters(total: Server) -> None:
    """S14."""
    reply = total.get("/execution-parameters")

    assert reply.json() == {
        "MaxConcurrentTransforms": 8,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


def test_a_model_of_another_kind_is_refused_as_drum_does(unstructured: Server) -> None:
    reply = signed(unstructured, "[[1]]", JSON)

    assert reply.status == 422
    assert list(reply.json()) == ["message"]


def test_a_hook_reads_what_is_no_json_of_rows(reader: Server) -> None:
    """X10: known envelopes first, and all other bodies to the hook."""
    assert predictions(signed(reader, "1,2", CSV)) == ["b'1,2'"]
    assert predictions(signed(reader, "\x00", "image/png")) == ["b'\\x00'"]


def test_errors_of_the_model_are_seen_by_alarms(steered: Server) -> None:
    body = "case\n{}\n"
    failed = signed(steered, body.format("value-error"), "text/csv; header=present")
    asked = signed(steered, body.format("teapot"), "text/csv; header=present")

    assert refused(failed, 500)
    assert failed.json()["error_code"] == "INTERNAL_ERROR"
    assert (asked.status, asked.json()) == (418, {"message": "bad"})


def test_who_chooses_the_contract_is_answered_by_it(total: Server) -> None:
    chosen = {"X_Scoring_Contract": "sagemaker"}

    assert predictions(post(total, "1,2", CSV, **chosen)) == [3.0]
    split = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}
    assert predictions(post(total, split, JSON, **chosen)) == [3.0]
    refused(post(total, "", CSV, **chosen))
    refused(post(total, "{", JSON, **chosen))


@pytest.mark.parametrize("path", ["invocations", "invocations/"])
@pytest.mark.parametrize("media_type", [CSV, None, "application/octet-stream"])
def test_boto3s_route_reads_as_invocations(
    total: Server, path: str, media_type: str | None
) -> None:
    body = "1,2\n3,4\n" if media_type == CSV else "[[1, 2], [3, 4]]"

    reply = total.post(f"/endpoints/any-name/{path}", body, media_type)

    assert predictions(reply) == [3.0, 7.0]
    assert reply.headers["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"


def test_boto3s_route_answers_errors_as_model_errors(total: Server) -> None:
    """S18."""
    reply = total.post("/endpoints/e/invocations", "{", JSON)

    content = reply.json()
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert list(content) == ["Message", "OriginalStatusCode", "OriginalMessage", "LogStreamArn"]
    assert content["OriginalStatusCode"] == 400
    assert json.loads(content["OriginalMessage"])["error_code"] == "BAD_REQUEST"


def test_boto3s_other_routes(total: Server) -> None:
    """Routes for calls that are not done here say so, in the form of AWS."""
    later = total.post("/endpoints/e/async-invocations", "")
    unknown = total.post("/endpoints/e/unknown", "")

    assert (later.status, list(later.json())) == (501, ["Message"])
    assert (unknown.status, list(unknown.json())) == (404, ["Message"])


def test_a_stream_holds_the_answer_in_parts(total: Server) -> None:
    """S19; tests/clients has it read by botocore."""
    rows = "\n".join("1,2" for _ in range(100_000))

    reply = total.post(
        "/endpoints/e/invocations-response-stream", rows, CSV, X_Amzn_SageMaker_Accept=CSV
    )

    assert reply.headers["Content-Type"] == "application/vnd.amazon.eventstream"
    assert reply.headers["X-Amzn-SageMaker-Content-Type"] == CSV
    assert reply.body.count(b"PayloadPart") == 4
    bad = total.post("/endpoints/e/invocations-response-stream", "1,2\n3", CSV)
    assert bad.status == 424


def test_serve_starts_a_container(tmp_path: Path) -> None:
    """S01, on a port and below a directory of our own; tests/live has it at /opt/ml/model."""
    directory = SUM.write(tmp_path / "model")
    (directory / "model-metadata.yaml").write_text(METADATA)
    port = free_port()
    env = {"SAGEMAKER_BASE_DIR": str(tmp_path), "SAGEMAKER_BIND_TO_PORT": str(port)}

    with subprocess.Popen(
        (*COMMAND, "serve"), env=environment(env), stderr=subprocess.DEVNULL
    ) as process:
        try:
            url = until_answered(f"http://127.0.0.1:{port}", process)
            sockets = psutil.Process(process.pid).net_connections("tcp")
            healthy = call(url, "GET", "/ping")
            reply = call(
                url, "POST", "/invocations", body="1,2", headers={"Content-Type": "text/csv"}
            )
        finally:
            code = stop(process)

    assert ("0.0.0.0", port) in {one.laddr for one in sockets if one.status == "LISTEN"}
    assert (healthy.status, predictions(reply), code) == (200, [3.0], 0)


def test_training_is_refused() -> None:
    """S22."""
    done = run("train")

    assert done.returncode == 1
    assert "train" in done.stderr


def test_a_broken_model_is_not_healthy(tmp_path: Path) -> None:
    """S02."""
    (tmp_path / "custom.py").write_text("raise ValueError\n")

    with serve(tmp_path, "--target-type", "regression", "--with-error-server") as server:
        assert server.get("/ping").status == 513
        reply = post(server, "1,2", CSV, **SIGN)
    assert (reply.status, list(reply.json())) == (513, ["message"])


def test_a_container_that_is_told_to_stop_answers_first(tmp_path: Path) -> None:
    """S21."""
    env = {"SAGEMAKER_BATCH": "true"}
    with serve(SUM.write(tmp_path), *SUM.flags, *ONE_WORKER, env=env) as server:
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(post, server, "slow\n1\n", "text/csv; header=present")
            until = time.monotonic() + 20
            while not (tmp_path / "sleeps").exists() and time.monotonic() < until:
                time.sleep(0.02)
            server.process.send_signal(signal.SIGTERM)
            reply = slow.result(30)
        code = server.process.wait(30)

    assert (predictions(reply), code) == ([1.0], 0)


@pytest.mark.parametrize(
    ("word", "variable", "health"),
    [("serve", "SAGEMAKER_BIND_TO_PORT", "/ping"), ("server", "AIP_HTTP_PORT", "/alive")],
)
def test_a_container_is_not_healthy_while_its_model_loads(
    tmp_path: Path, word: str, variable: str, health: str
) -> None:
    """S02, and V06 of Vertex AI: no answer comes, which is not 200 within two seconds."""
    lazy = SUM.plus(custom_py=_LAZY + str(SUM.files["custom.py"])).write(tmp_path)
    port = free_port()
    command = (*COMMAND, word, "--code-dir", str(lazy), *SUM.flags, *ONE_WORKER)
    env = environment({variable: str(port), "AIP_HEALTH_ROUTE": "/alive"})

    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 20
        while not (tmp_path / "loading").exists() and time.monotonic() < until:
            time.sleep(0.02)
        with pytest.raises(TimeoutError):
            call(f"http://127.0.0.1:{port}", "GET", health, timeout_s=2)
        (tmp_path / "loading").unlink()
        healthy = call(f"http://127.0.0.1:{port}", "GET", health)
        assert stop(process) == 0
    assert healthy.status == 200


_LAZY = """
import time
from pathlib import Path

mark = Path(__file__).with_name("loading")
mark.touch()
while mark.exists():
    time.sleep(0.02)
"""


SPLIT = {"columns": ["a", "b"], "data": [[1, 2]]}


@pytest.mark.parametrize(
    ("body", "sign", "contract"),
    [
        ({"instances": [[1, 2]]}, {}, "mlflow"),
        ({"instances": [[1, 2]]}, SIGN, "sagemaker"),
        ({"instances": [{"features": [1, 2]}]}, {}, "sagemaker"),
        ({"dataframe_split": SPLIT}, SIGN, "mlflow"),
        ({"dataframe_split": SPLIT, "instances": [[1, 2]]}, SIGN, "mlflow"),
        ({"inputs": [[1, 2]]}, SIGN, "mlflow"),
        ({"model_id": "m", "instances": [{"a": 1}]}, SIGN, "ecosystem"),
        ({"input_data": [[1, 2]]}, SIGN, "azureml"),
        ([[1, 2]], {}, "sagemaker"),
    ],
)
def test_the_keys_of_others_stay_theirs(
    total: Server, body: Any, sign: dict[str, str], contract: str
) -> None:
    assert post(total, body, JSON, **sign).headers["X-Scoring-Contract"] == contract
