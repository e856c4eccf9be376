"""Objects of models and requests that a worker keeps, or lets go."""

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.models import ONE_WORKER, Model, hooks
from tests.support.serving import serve

HOOKS = """
import gc
import weakref


class Circle:
    pass


def load_model(code_dir):
    circle = Circle()
    circle.itself = circle
    return [circle]


def score_unstructured(model, data, query, **kwargs):
    seen = weakref.ref(model.pop())
    gc.collect()
    return "kept" if seen() else "freed"
"""


@pytest.mark.parametrize(
    ("is_catalog", "expected"), [(False, "kept"), (True, "freed")], ids=["only", "one-of-many"]
)
def test_only_the_model_that_stays_is_exempt_from_collection(
    tmp_path: Path, *, is_catalog: bool, expected: str
) -> None:
    directory = tmp_path / "m"
    directory.mkdir()
    (directory / "custom.py").write_text(HOOKS)
    (directory / "model-metadata.yaml").write_text(
        "name: m\ntype: inference\ntargetType: unstructured\n"
    )
    source = ("--models", str(tmp_path), "--preload-models") if is_catalog else ()
    with serve(None if is_catalog else directory, *source, "--max-workers", "1") as server:
        path = "/models/m/predictUnstructured/" if is_catalog else "/predictUnstructured/"
        answer = server.post(path, b"x", "text/plain")

    assert (answer.status, answer.text) == (200, expected)


SLOW = Model(
    {
        **hooks("""
import time

import pandas as pd


def score(data, model, **kwargs):
    time.sleep(0.1)
    return pd.DataFrame({"Predictions": [1.0] * len(data)})
"""),
        "custom_flask.py": """
import gc
import time


def init_app(app):
    @app.route("/kept")
    def kept():
        for _ in range(100):  # within one request: each makes a thread forget another
            gc.collect()
            if not (count := n_kept()):
                break
            time.sleep(0.1)
        return str(count)


def n_kept():
    dicts = [one for one in gc.get_objects() if type(one) is dict]
    return sum("open sesame" in one.values() for one in dicts)
""",
    },
    ("--target-type", "regression"),
)


def test_no_head_of_a_request_is_kept_after_its_answer(tmp_path: Path) -> None:
    """It may hold credentials; a connection and a thread wait long for their next request."""
    flags = (*SLOW.flags, *ONE_WORKER, "--threads", "4")
    with serve(SLOW.write(tmp_path / "model"), *flags) as server, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(_ask_and_stay, server.url) for _ in range(8)]
        clients = [one.result() for one in asked]
        kept = server.get("/kept").text
        for client in clients:
            client.close()

    assert kept == "0"


def _ask_and_stay(url: str) -> HTTPConnection:
    client = HTTPConnection(urlsplit(url).netloc, timeout=30)
    fields = {"Content-Type": "text/csv", "Authorization": "open sesame"}
    client.request("POST", "/predict/", "a\n0\n", fields)
    assert client.getresponse().read()
    return client
