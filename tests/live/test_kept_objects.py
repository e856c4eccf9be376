"""Objects of a model that the garbage collector of a worker may free."""

from pathlib import Path

import pytest

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
