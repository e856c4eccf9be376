"""boto3's runtime client of Amazon SageMaker against a real server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.models import ONE_WORKER
from tests.support.sagemaker import CSV, JSON, LINES, METADATA, SUM
from tests.support.serving import Server, serve

pytest.importorskip("boto3", reason="make clients installs it")

import boto3
from botocore.exceptions import ClientError


def client_of(server: Server) -> Any:
    """Return the client, with the address of a server and keys that nobody looks at."""
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=server.url,
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The client of a server with one model."""
    directory = SUM.write(tmp_path_factory.mktemp("model"))
    with serve(directory, *SUM.flags, *ONE_WORKER) as server:
        yield client_of(server)


def test_json_is_answered(client: Any) -> None:
    """S17."""
    body = json.dumps({"instances": [[1, 2], [3, 4]]})

    answer = client.invoke_endpoint(EndpointName="any", Body=body, ContentType=JSON)

    assert json.load(answer["Body"]) == {"predictions": [3.0, 7.0]}
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == (JSON, "AllTraffic")


@pytest.mark.parametrize(("accept", "expected"), [(CSV, b"3.0\n7.0\n"), (LINES, b"3.0\n7.0\n")])
def test_csv_has_no_header_row(client: Any, accept: str, expected: bytes) -> None:
    answer = client.invoke_endpoint(
        EndpointName="any", Body="1,2\n3,4\n", ContentType=CSV, Accept=accept
    )

    assert (answer["Body"].read(), answer["ContentType"]) == (expected, accept)


@pytest.mark.parametrize("body", ["1,2", "[1, 2]", '{"instances": [{"features": [1, 2]}]}'])
def test_a_body_without_a_type_is_read(client: Any, body: str) -> None:
    answer = client.invoke_endpoint(EndpointName="any", Body=body)

    assert json.load(answer["Body"]) == {"predictions": [3.0]}


def test_attributes_come_back(client: Any) -> None:
    """S20."""
    answer = client.invoke_endpoint(
        EndpointName="any", Body="1,2", ContentType=CSV, CustomAttributes="trace=1"
    )

    assert answer["CustomAttributes"] == "trace=1"


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [("{", JSON, 400), ("1,2\n3", CSV, 400), ("1 1:2", "text/libsvm", 415)],
)
def test_a_bad_body_is_a_model_error(client: Any, body: str, media_type: str, status: int) -> None:
    """S18."""
    for invoke in (client.invoke_endpoint, client.invoke_endpoint_with_response_stream):
        with pytest.raises(ClientError) as raised:
            invoke(EndpointName="any", Body=body, ContentType=media_type)

        answer = raised.value.response
        assert type(raised.value).__name__ == "ModelError"
        assert answer["OriginalStatusCode"] == status
        assert json.loads(answer["OriginalMessage"])["error_code"] == "BAD_REQUEST"


@pytest.mark.parametrize("n_rows", [1, 100_000])
def test_a_stream_is_the_answer_in_parts(client: Any, n_rows: int) -> None:
    """S19."""
    answer = client.invoke_endpoint_with_response_stream(
        EndpointName="any", Body="1,2\n" * n_rows, ContentType=CSV, Accept=CSV
    )
    found = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]

    assert b"".join(found) == b"3.0\n" * n_rows
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == (CSV, "AllTraffic")


def test_what_needs_a_queue_says_so(client: Any) -> None:
    with pytest.raises(ClientError, match="no queue"):
        client.invoke_endpoint_async(EndpointName="any", InputLocation="s3://bucket/key")


def test_a_target_model_is_one_that_is_loaded(tmp_path: Path) -> None:
    """S15; the platform itself loads models, which no client of AWS does."""
    SUM.plus(**{"model-metadata.yaml": METADATA}).write(tmp_path / "sum")
    flags = ("--multi-model", "--multi-model-dir", str(tmp_path), *ONE_WORKER)
    with serve(None, *flags) as server:
        many = client_of(server)
        server.post("/models", '{"model_name": "a/b.tar.gz", "url": "sum"}', JSON)
        call = {"EndpointName": "any", "Body": "1,2", "ContentType": CSV}

        answer = many.invoke_endpoint(**call, TargetModel="a/b.tar.gz")
        with pytest.raises(ClientError) as raised:
            many.invoke_endpoint(**call, TargetModel="other.tar.gz")

    assert json.load(answer["Body"]) == {"predictions": [3.0]}
    assert raised.value.response["OriginalStatusCode"] == 404
