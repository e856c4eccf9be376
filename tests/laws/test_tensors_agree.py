"""The same rows give the same bits as CSV and as tensors of the Open Inference Protocol."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.contracts.open_inference.infer_request import parse_infer_request
from drum_like.contracts.open_inference.rows import frame_of
from drum_like.http.json_body import JSON_LENGTH
from drum_like.http.requests import WHOLE
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from drum_like.types.payload import Limits, Payload
from tests.support.artifacts import (
    native_lightgbm,
    native_xgboost,
    onnx_classifier,
    sklearn_classifier,
)
from tests.support.models import Model, hooks
from tests.support.open_inference import LENGTH, Tensor, requested

LAW = settings(
    max_examples=int(os.environ.get("DRUM_LIKE_EXAMPLES", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
HOOK = hooks("""
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"] * 3 - data["b"] / 7})
""")
MODELS: dict[str, Callable[[], Model]] = {
    "xgboost": lambda: native_xgboost(".json").model,
    "lightgbm": lambda: native_lightgbm().model,
    "onnx": lambda: onnx_classifier(zipmap=False).model,
    "sklearn": lambda: sklearn_classifier().model,
    "hook": lambda: Model(HOOK, ("--target-type", "regression")),
}
NAMES = ("a", "b")
Rows = NDArray[Any]

numbers = st.floats(-1e6, 1e6, width=32).map(lambda number: number + 0.0)
whole = st.integers(-(2**31), 2**31 - 1)


def drawn(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Any]]]:
    return st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=4)


@pytest.fixture(scope="module", params=MODELS)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    model = MODELS[request.param]()
    folder = model.write(tmp_path_factory.mktemp(request.param))
    flags = ["server", "--code-dir", str(folder), *model.flags]
    return open_service(load(ServerSettings, flags, {}).model)


def by_csv(service: ModelService, rows: Rows) -> bytes:
    text = pd.DataFrame(rows, columns=list(NAMES)).to_csv(index=False)
    return service.predict(Payload(text.encode())).values.tobytes()


def by_tensors(service: ModelService, tensors: Sequence[Tensor]) -> bytes:
    body, length = requested(*tensors)
    environ = {WHOLE: body, "wsgi.input": io.BytesIO(body)}
    named = LENGTH.replace("-", "_")
    environ |= {JSON_LENGTH: length[named]} if named in length else {}
    frame = frame_of(parse_infer_request(Request(environ), Limits()), service.inputs)
    return service.predict(frame).values.tobytes()


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_numbers_behind_the_json_are_read_where_they_lie(datatype: str) -> None:
    """A matrix of them is made of the bytes of the body, without a copy in between."""
    body, length = requested(Tensor("x", datatype, np.ones((3, 2)), is_binary=True))
    environ = {WHOLE: body, JSON_LENGTH: length[LENGTH.replace("-", "_")]}

    values = parse_infer_request(Request(environ), Limits()).inputs[0].values

    assert np.shares_memory(values, np.frombuffer(body, np.uint8))


def forms(service: ModelService, rows: Rows, datatype: str) -> Iterator[list[Tensor]]:
    """Yield the ways to send rows: as one tensor, and a tensor a column, in any order by name."""

    def columns(binary: tuple[bool, ...]) -> list[Tensor]:
        made = [Tensor(name, datatype, rows[:, at], binary[at]) for at, name in enumerate(NAMES)]
        goes_by_name = service.inputs is None or service.inputs.named
        return made[::-1] if goes_by_name else made

    yield columns((True, True))
    yield columns((False, False))
    yield columns((True, False))
    if service.inputs is not None:  # a hook asks for names, which one tensor does not have
        yield [Tensor("x", datatype, rows, is_binary=True)]
        yield [Tensor("x", datatype, rows)]


@LAW
@given(rows=drawn(numbers), datatype=st.sampled_from(["FP64", "FP32"]))
def test_numbers_give_the_same_bits(service: Any, rows: Any, datatype: str) -> None:
    expected = by_csv(service, np.array(rows, np.float64))
    sent = np.array(rows, np.float32 if datatype == "FP32" else np.float64)

    for tensors in forms(service, sent, datatype):
        assert by_tensors(service, tensors) == expected


@LAW
@given(rows=drawn(whole), dtype=st.sampled_from([np.int32, np.int64]))
def test_whole_numbers_give_the_same_bits(service: Any, rows: Any, dtype: Any) -> None:
    expected = by_csv(service, np.array(rows, np.int64))

    for tensors in forms(service, np.array(rows, dtype), np.dtype(dtype).name.upper()):
        assert by_tensors(service, tensors) == expected
