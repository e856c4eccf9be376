"""The code that Azure ML's studio shows for an endpoint; tests/parity asks Azure's own server."""

import json
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest

from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve
from tests.support.summing import SUM


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    with serve(directory, *SUM.flags, *ONE_WORKER) as server:
        yield server


def test_the_code_that_the_studio_shows(ours: Server) -> None:
    """As a user copies it: urllib, a bearer key, and the name of a deployment."""
    body = json.dumps({"input_data": {"columns": ["a", "b"], "index": [0], "data": [[1, 2]]}})
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": "Bearer key",
        "azureml-model-deployment": "blue",
    }
    request = urllib.request.Request(f"{ours.url}/score", body.encode(), headers)

    with urllib.request.urlopen(request) as response:
        assert json.loads(response.read()) == [3.0]


def test_the_studios_code_prints_what_is_wrong(ours: Server) -> None:
    request = urllib.request.Request(f"{ours.url}/score", b"{broken")

    with pytest.raises(HTTPError) as raised:
        urllib.request.urlopen(request)

    assert raised.value.code == 400
    assert "JSON" in json.loads(raised.value.read())["message"]
