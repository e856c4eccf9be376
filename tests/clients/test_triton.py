"""A real server called by Triton's client, blocking and asynchronous."""

import asyncio
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.models import hooks
from tests.support.serving import Server, serve

pytest.importorskip("tritonclient", reason="make clients installs it")

import tritonclient.http as triton
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

ROOT = Path(__file__).parents[2]
TUMOURS = ROOT / "model_templates" / "xgboost_binary"
MODEL = "tumours"
ECHO = """
import pandas as pd

def score(data, model, **kwargs):
    texts = data.astype(str).agg("|".join, axis=1)
    return pd.DataFrame({"out": texts})
"""
ONE_WORKER = ("--max-workers", "1")
DTYPES = {"FP64": np.float64, "FP32": np.float32, "FP16": np.float16, "INT64": np.int64}
FORMS = list(product((True, False), repeat=2))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(TUMOURS, "--model-name", MODEL, *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("m") / "echo"
    folder.mkdir()
    for name, content in hooks(ECHO).items():
        (folder / name).write_text(str(content), encoding="utf-8")
    flags = ("--target-type", "textgeneration", *ONE_WORKER)
    with serve(folder, *flags, env={"TARGET_NAME": "out"}) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as made:
        yield made


def rows() -> NDArray[np.float64]:
    """Return the rows of the template's sample."""
    return np.loadtxt(TUMOURS / "sample.csv", delimiter=",", skiprows=1)


def tensor(
    values: NDArray[Any], datatype: str, *, binary: bool = True, name: str = "input-0"
) -> Any:
    """Return an input of the client."""
    made = triton.InferInput(name, values.shape, datatype)
    return made.set_data_from_numpy(values, binary_data=binary)


def by_csv(server: Server) -> list[list[float]]:
    """Return the probabilities that DRUM's route gives."""
    answers = server.csv((TUMOURS / "sample.csv").read_text("utf-8")).json()["predictions"]
    return [[answer["benign"], answer["malignant"]] for answer in answers]


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1")
    assert not client.is_model_ready("nobody")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata, config = client.get_model_metadata(MODEL), client.get_model_config(MODEL, "1")
    assert [one["name"] for one in metadata["outputs"]] == ["predict", "predict_proba"]
    assert config["input"] == [{"name": "input-0", "data_type": "TYPE_FP64", "dims": [-1, 30]}]


@pytest.mark.parametrize(("sent", "wanted"), FORMS)
def test_both_forms_of_tensors_give_the_bits_of_csv(
    server: Server, client: Any, *, sent: bool, wanted: bool
) -> None:
    names = ("predict", "predict_proba")
    outputs = [triton.InferRequestedOutput(name, binary_data=wanted) for name in names]

    answer = client.infer(
        MODEL, [tensor(rows(), "FP64", binary=sent)], outputs=outputs, request_id="7"
    )

    assert answer.get_response()["id"] == "7"
    assert answer.as_numpy("predict_proba").tolist() == by_csv(server)
    labels = [one.decode() if isinstance(one, bytes) else one for one in answer.as_numpy("predict")]
    assert labels == ["malignant" if no < yes else "benign" for no, yes in by_csv(server)]


@pytest.mark.parametrize("datatype", DTYPES)
def test_narrow_tensors_are_the_numbers_that_they_hold(client: Any, datatype: str) -> None:
    narrow = rows().astype(DTYPES[datatype])

    answer = client.infer(MODEL, [tensor(narrow, datatype)])
    wide = client.infer(MODEL, [tensor(narrow.astype(np.float64), "FP64")])

    assert answer.as_numpy("predict_proba").tolist() == wide.as_numpy("predict_proba").tolist()


def test_columns_are_tensors_of_their_names(server: Server, client: Any) -> None:
    names = (TUMOURS / "sample.csv").read_text("utf-8").partition("\n")[0].split(",")
    columns = [
        tensor(rows()[:, at].copy(), "FP64", name=name, binary=bool(at % 2))
        for at, name in enumerate(names)
    ]

    answer = client.infer(MODEL, columns[::-1])

    assert answer.as_numpy("predict_proba").tolist() == by_csv(server)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_bodies_may_be_compressed(server: Server, client: Any, coding: str) -> None:
    codings = {
        "request_compression_algorithm": coding,
        "response_compression_algorithm": coding,
    }

    answer = client.infer(MODEL, [tensor(rows(), "FP64")], **codings)

    assert answer.as_numpy("predict_proba").tolist() == by_csv(server)


@pytest.mark.parametrize("binary", [True, False])
def test_texts_and_large_integers_arrive_whole(echo: Server, *, binary: bool) -> None:
    texts = np.array(["zwei Wörter", "", "007"], dtype=object)
    numbers = np.array([2**53 + 1, -(2**63), 0], dtype=np.int64)
    larger = np.array([2**64 - 1, 2**63, 0], dtype=np.uint64)
    sent = {"t": (texts, "BYTES"), "n": (numbers, "INT64"), "u": (larger, "UINT64")}

    with triton.InferenceServerClient(echo.url.removeprefix("http://")) as client:
        inputs = [tensor(one, kind, binary=binary, name=name) for name, (one, kind) in sent.items()]
        answer = client.infer("echo", inputs).as_numpy("predict")

    assert [text.decode() for text in answer] == [
        f"{text}|{number}|{large}"
        for text, number, large in zip(texts, numbers, larger, strict=True)
    ]


def test_requests_run_side_by_side(server: Server) -> None:
    url = server.url.removeprefix("http://")
    with triton.InferenceServerClient(url, concurrency=4) as client:
        waiting = [client.async_infer(MODEL, [tensor(rows(), "FP64")]) for _ in range(8)]
        answers = [one.get_result().as_numpy("predict_proba").tolist() for one in waiting]

    assert answers == [by_csv(server)] * 8


def test_the_asynchronous_client_gets_the_same(server: Server) -> None:
    async def ask() -> list[Any]:
        async with aio.InferenceServerClient(server.url.removeprefix("http://")) as client:
            assert await client.is_server_live()
            assert await client.is_model_ready(MODEL)
            answer = await client.infer(MODEL, [tensor(rows(), "FP64", binary=False)])
            found: list[Any] = answer.as_numpy("predict_proba").tolist()
            return found

    assert asyncio.run(ask()) == by_csv(server)


def test_the_repository_is_listed_and_loaded(client: Any) -> None:
    known = {"name": MODEL, "version": "1", "state": "READY", "reason": ""}

    client.load_model(MODEL)

    assert client.get_model_repository_index() == [known]
    with pytest.raises(InferenceServerException, match=r"\[501\] models are not unloaded"):
        client.unload_model(MODEL)
    with pytest.raises(InferenceServerException, match=r"\[400\] models are loaded as they are"):
        client.load_model(MODEL, config="{}")


def test_requests_are_counted(client: Any) -> None:
    before = client.get_inference_statistics(MODEL)["model_stats"][0]

    client.infer(MODEL, [tensor(rows(), "FP64")])

    after = client.get_inference_statistics()["model_stats"][0]
    assert after["execution_count"] == before["execution_count"] + 1
    assert after["inference_count"] == before["inference_count"] + len(rows())


def test_an_unknown_output_is_refused(client: Any) -> None:
    outputs = [triton.InferRequestedOutput("nothing")]

    with pytest.raises(InferenceServerException, match="Unexpected inference output 'nothing'"):
        client.infer(MODEL, [tensor(rows(), "FP64")], outputs=outputs)


def test_an_unknown_model_is_refused(client: Any) -> None:
    with pytest.raises(InferenceServerException, match=re.escape("[404] ")):
        client.infer("nobody", [tensor(rows(), "FP64")])


def test_shared_memory_is_refused(client: Any) -> None:
    shared = triton.InferInput("input-0", [1, 30], "FP64").set_shared_memory("region", 240)

    with pytest.raises(InferenceServerException, match=r"\[501\] shared memory is not served"):
        client.register_system_shared_memory("region", "/region", 240)
    with pytest.raises(InferenceServerException, match=r"\[501\] shared memory is not served"):
        client.get_cuda_shared_memory_status()
    with pytest.raises(InferenceServerException, match=r"\[400\] shared memory is not served"):
        client.infer(MODEL, [shared])
