"""MLServer's codecs as a client; tests/parity sends requests to MLServer itself."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.http_calls import call
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

pytest.importorskip("mlserver", reason="make clients installs it")

import joblib
import pandas as pd
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.types import InferenceResponse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

JSON = {"Content-Type": "application/json"}
INFER = "/v2/models/m/infer"
NAMES = ["a", "b", "c"]


def rows() -> pd.DataFrame:
    """Return rows to train with and to ask about."""
    return pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a model."""
    made = tmp_path_factory.mktemp("m")
    target = np.where(rows()["a"] + rows()["b"] * rows()["c"] > 0.2, "yes", "no")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows(), target)
    joblib.dump(model, made / "model.joblib")
    return made


@pytest.fixture(scope="module")
def ours(folder: Path) -> Iterator[Server]:
    with serve(folder, "--model-name", "m", *ONE_WORKER) as server:
        yield server


@pytest.mark.parametrize("form", ["matrix", "frame"])
def test_its_codecs_are_a_client(ours: Server, folder: Path, form: str) -> None:
    data = rows().head(5)
    encoded = (
        NumpyRequestCodec.encode_request(data.to_numpy())
        if form == "matrix"
        else PandasCodec.encode_request(data)
    )

    body = encoded.model_dump_json(exclude_none=True)
    reply = call(ours.url, "POST", INFER, body=body, headers=JSON)

    labels, chances = InferenceResponse.model_validate_json(reply.body).outputs
    model = joblib.load(folder / "model.joblib")
    # BLAS reckons rows of a DataFrame in another order than those of a matrix.
    found = NumpyCodec.decode_output(chances)
    assert np.allclose(found, model.predict_proba(data), rtol=0, atol=1e-12)
    assert StringCodec.decode_output(labels) == model.predict(data).tolist()
