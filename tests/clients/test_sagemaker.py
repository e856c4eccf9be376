"""SageMaker's Python SDK, and its toolkit as an oracle of bodies, against a real server."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.support.models import ONE_WORKER
from tests.support.sagemaker import CSV, JSON, LINES, MULTI, NPY, SIGN, SUM
from tests.support.serving import Server, serve

pytest.importorskip("sagemaker", reason="make clients installs it")

import numpy as np
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, NumpyDeserializer
from sagemaker.local.local_session import LocalSagemakerRuntimeClient
from sagemaker.predictor import Predictor
from sagemaker.serializers import (
    CSVSerializer,
    JSONLinesSerializer,
    JSONSerializer,
    NumpySerializer,
)
from sagemaker_inference import decoder, encoder

ROWS = [[1.5, 2.0], [3.0, 4.25]]
SUMS = [3.5, 7.25]
LINE = '{"features": [1.5, 2.0]}\n{"features": [3.0, 4.25]}\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that was started as a container is."""
    directory = SUM.write(tmp_path_factory.mktemp("model"))
    with serve(directory, *SUM.flags, *ONE_WORKER, env={"SAGEMAKER_BATCH": "true"}) as running:
        yield running


class _Session:
    """The part of a session that a predictor uses."""

    def __init__(self, server: Server) -> None:
        port = int(server.url.rpartition(":")[2])
        config = {"local": {"serving_port": port}}
        self.sagemaker_runtime_client = LocalSagemakerRuntimeClient(config)


def predict(server: Server, rows: Any, serializer: Any, deserializer: Any) -> Any:
    """Have a predictor of the SDK ask for predictions."""
    predictor = Predictor("any", _Session(server), serializer, deserializer)
    return predictor.predict(rows)


SERIALIZERS = [
    (CSVSerializer(), ROWS),
    (CSVSerializer(), np.array(ROWS)),
    (JSONSerializer(), ROWS),
    (JSONSerializer(), {"instances": ROWS}),
    (JSONSerializer(), {"instances": [{"features": row} for row in ROWS]}),
    (JSONLinesSerializer(), [{"features": row} for row in ROWS]),
    (NumpySerializer(), ROWS),
    (NumpySerializer(dtype="float32"), np.array(ROWS)),
]


@pytest.mark.parametrize(("serializer", "rows"), SERIALIZERS)
def test_every_serializer_is_read(server: Server, serializer: Any, rows: Any) -> None:
    found = predict(server, rows, serializer, JSONDeserializer())

    assert found == {"predictions": SUMS}


def test_every_deserializer_reads_the_answer(server: Server) -> None:
    numbers = predict(server, ROWS, NumpySerializer(), NumpyDeserializer())
    cells = predict(server, ROWS, CSVSerializer(), CSVDeserializer())

    assert numbers.tolist() == SUMS
    assert cells == [["3.5"], ["7.25"]]


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"1.5,2.0\n3,4.25\n", CSV),
        (b"1.5,2.0\n3,4.25", CSV),
        (b"1e3,-0.5\n.5,2.\n", CSV),
        (b"[[1.5, 2], [3, 4.25]]", JSON),
        (encoder.encode(np.array(ROWS), NPY), NPY),
        (encoder.encode(np.array(ROWS, order="F"), NPY), NPY),
        (encoder.encode(np.array(ROWS, dtype=">f4"), NPY), NPY),
    ],
)
def test_bodies_mean_what_the_toolkit_reads(server: Server, body: bytes, media_type: str) -> None:
    content = body if media_type == NPY else body.decode()
    expected = decoder.decode(content, media_type).sum(axis=1)

    reply = server.post("/invocations", body, media_type, **SIGN)

    assert reply.json() == {"predictions": expected.tolist()}


READERS: dict[str, Callable[[bytes], Any]] = {
    CSV: lambda body: decoder.decode(body.decode(), CSV),
    NPY: lambda body: np.load(BytesIO(body), allow_pickle=False),
}


@pytest.mark.parametrize("accept", [CSV, NPY])
def test_answers_are_what_the_toolkit_writes(server: Server, tmp_path: Path, accept: str) -> None:
    """Numbers of one model, and the classes of another."""
    with serve(MULTI.write(tmp_path), *MULTI.flags, *ONE_WORKER) as classes:
        chances = classes.post("/invocations", "1\n2\n", CSV, Accept=accept, **SIGN)
    sums = server.post("/invocations", "1.5,2\n3,4.25\n", CSV, Accept=accept, **SIGN)

    written = encoder.encode(np.array(SUMS), accept)
    assert sums.body == (written if isinstance(written, bytes) else written.encode())
    assert READERS[accept](chances.body).tolist() == [[0.8125, 0.0625, 0.0625, 0.0625]] * 2


def test_json_lines_come_back_line_by_line(server: Server) -> None:
    reply = server.post("/invocations", LINE, LINES, Accept=LINES)

    assert reply.body == b"3.5\n7.25\n"
