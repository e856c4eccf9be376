"""Catalogs over stores for tests, and small models to put into them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import onnx.helper

from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import assemble
from drum_like.inference.service import Service
from drum_like.registry.catalog import Catalog
from drum_like.registry.setup import Registry, open_catalog
from drum_like.store.entities import NewVersion, Status, Version
from drum_like.store.versions import File
from drum_like.system.lifecycle import Background
from drum_like.types.payload import Payload

WAIT_S = 60.0

GOOD_CODE = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [7.0] * len(data)})
"""
METADATA = "name: from-a-zip\ntype: inference\ntargetType: regression\n"


@dataclass(frozen=True, slots=True)
class Opened:
    """A catalog with its store.

    Attributes:
        registry: The store and what belongs to it.
        background: What lives beside requests.
    """

    registry: Registry
    background: tuple[Background, ...]

    @property
    def catalog(self) -> Catalog:
        """The models that are served."""
        return self.registry.catalog

    def put(self, name: str, content: bytes, workspace_id: int = 1) -> Version:
        """Store an ONNX model as ready, without a trial."""
        store = self.registry.store
        with store.files.receive(1 << 20) as incoming:
            incoming.write(content)
            received = incoming.received()
            file = File(received, received.sha256, received.size, "onnx")
            new = NewVersion(workspace_id, name, "model.onnx")
            version = store.versions.add(new, file, Status.READY, ())
        self.catalog.pull()
        return version

    def upload(self, new: NewVersion, content: bytes) -> Version:
        """Store a model after a trial."""
        with self.registry.uploads.receive() as incoming:
            incoming.write(content)
            return self.registry.uploads.accept_checked(new, incoming)

    def upload_unchecked(self, new: NewVersion, content: bytes) -> Version:
        """Store a model that is checked in the background."""
        with self.registry.uploads.receive() as incoming:
            incoming.write(content)
            return self.registry.uploads.accept(new, incoming)


@contextmanager
def opened(
    root: Path, *, alive: bool = False, own: Service | None = None, **rest: Any
) -> Iterator[Opened]:
    """Open a catalog over a store; with `alive` also what runs in the background of a worker."""
    found = open_catalog(assemble(ServerSettings, {"store": root, **rest}), own)
    assert found.registry is not None
    if alive:
        for background in found.background:
            background.start()
    try:
        yield Opened(found.registry, found.background)
    finally:
        for background in reversed(found.background):
            background.stop()


@cache
def constant(value: float) -> bytes:
    """Return an ONNX model with one column, which it adds to a value."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "value"], ["y"])],
        "constant",
        [helper.make_tensor_value_info("x", floats, [None, 1])],
        [helper.make_tensor_value_info("y", floats, [None, 1])],
        [helper.make_tensor("value", floats, [1, 1], [value])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def answer(service: Service) -> float:
    """Return the prediction of a model for a zero."""
    return float(service.predict(Payload(b"a\n0\n")).values[0])


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is true; fail if it does not become so."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)
