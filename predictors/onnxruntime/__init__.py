"""ONNX: one matrix as input, or one input a column."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import (
    ArtifactError,
    Frame,
    Label,
    LoadError,
    Meaning,
    ModelTarget,
    Prediction,
    Scale,
    Schema,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from .batching import Bits, openmp_threads
from .graph import Graph
from .inputs import Inputs, find_width
from .outputs import PredictionOutputs
from .probing import find_bad_cell, probe_graph
from .selection import find_classifier, select_outputs
from .session import FATAL_ONLY, read_graph

Values = NDArray[Any]


class OnnxPredictor:
    """Scores with a session; its inputs are the schema, some of its outputs hold the prediction.

    Attributes:
        bits: How a row gets the same bits alone and among others: "equal" of itself, "padded" with
            copies of the last row, in "blocks", or not at all: "bound".
    """

    framework = "onnx"

    def __init__(self, model: ort.InferenceSession) -> None:
        graph = read_graph(model)
        self._inputs = _inputs(model, graph)
        self.schema: Schema | None = self._inputs.schema
        self.inputs = self._inputs.tensors
        self._feed = self._inputs.feeder()
        self._probed = probed = probe_graph(model, self._inputs, graph)
        self.bits: Bits = probed.bits
        named = graph.classes if graph is not None else ()
        self._is_of_trees = graph is not None and graph.has_trees_only
        self._selected = lru_cache(lambda target: select_outputs(probed.outputs, named, target))
        self.target = _model_target(find_classifier(probed.outputs, named))

    @staticmethod
    def load(path: Path) -> ort.InferenceSession:
        """Open a session on the CPU.

        It has the threads that OMP_NUM_THREADS gives to one worker; of itself it would take one for
        every core of the machine, whatever the container may use.

        Raises:
            ArtifactError: the model names a file outside its directory.
        """
        return _open(path, Graph(path.read_bytes(), path.name), openmp_threads())

    @staticmethod
    def load_alone(path: Path) -> ort.InferenceSession:
        """Open the same for this predictor alone: trees have one thread, see `batching`."""
        graph = Graph(path.read_bytes(), path.name)
        return _open(path, graph, 1 if graph.has_trees_only else openmp_threads())

    def check_target(self, target: Target) -> None:
        """Refuse a target that no output of the graph fits, as far as made-up rows show.

        Raises:
            LoadError: no output fits; with the reason and a remedy.
        """
        self._inputs.check()
        if self._probed.refused and all(tensor.dtype.kind == "f" for tensor in self.inputs):
            raise LoadError(
                "the ONNX graph fails for every made-up row of numbers that it was given",
                "try it with onnxruntime; a graph that is fed otherwise needs a score hook",
            )
        self._selected(target)

    def meaning(self, target: Target) -> Meaning | None:
        """Return the meaning of the prediction's numbers, as made-up rows show it; None if unknown.

        One column of trees may be margins that happen to lie between 0 and 1.
        """
        outputs = self._selected(target)
        scale = outputs.scale(target)
        if scale is None or (self._is_of_trees and outputs.is_single and scale is Scale.CHANCES):
            return None
        return Meaning(scale, f"the ONNX output {', '.join(map(repr, outputs.names[:10]))}")

    def dependence(self, target: Target) -> str | None:  # noqa: ARG002 - IndependentRows
        """Return why a row may depend on its neighbours; found out with made-up rows."""
        if self.bits != "bound":
            return None
        return "no way was found to give made-up rows the same bits alone and among others"

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows; only the outputs of the prediction are computed.

        Raises:
            ColumnsError: a cell does not fit the type of its input, or columns are missing.
            LoadError: no output fits the target.
        """
        outputs: PredictionOutputs = self._selected(target)
        found = self._run(outputs.names, self._feed(frame), frame)
        if outputs.is_raw:
            return Prediction(np.asarray(found[0]))
        values, classes = outputs.read(found)
        return Prediction(values, _classes_for(classes, target))

    def run(self, feeds: Mapping[str, Values]) -> dict[str, Any]:
        """Return every output by name; maps of probabilities become a matrix in their own order."""
        names = [output.name for output in self._probed.outputs]
        values = self._probed.run(names, dict(feeds))
        return {
            name: np.array([list(row.values()) for row in found], dtype=np.float32)
            if isinstance(found, list) and found and isinstance(found[0], dict)
            else np.asarray(found)
            for name, found in zip(names, values, strict=True)
        }

    def _run(self, names: list[str], feeds: Mapping[str, Values], frame: Frame) -> list[Any]:
        try:
            return self._probed.run(names, feeds)
        except Exception as error:
            accepted = self._probed.accepted
            if accepted is None:
                raise
            refusal = find_bad_cell(self._probed.run, names, feeds, accepted, frame)
            if refusal is None:
                raise
            raise refusal from error


def _open(path: Path, graph: Graph, n_threads: int) -> ort.InferenceSession:
    """Open a session on the CPU; idle threads sleep, not spin: several workers share the CPUs.

    It logs nothing itself: a run raises what it refuses, and converters declare many wrong shapes.

    Raises:
        ArtifactError: the model names a file outside its directory.
    """
    _check_external_files(graph, path)
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _check_external_files(graph: Graph, path: Path) -> None:
    """Refuse a model whose tensors lie outside the directory of the model file.

    onnxruntime checks that itself since 1.24; older versions read any file.
    """
    root = path.resolve().parent
    if not all((root / file).resolve().is_relative_to(root) for file in graph.external_files):
        raise ArtifactError(
            f"{path.name} keeps tensors in a file outside the model directory; save the "
            "model with its data beside it"
        )


def _inputs(model: ort.InferenceSession, graph: Graph | None) -> Inputs:
    inputs = Inputs.of(model.get_inputs(), graph)
    width = find_width(model, inputs) if inputs.is_open else None
    return inputs if width is None else inputs.of_width(width)


@lru_cache(maxsize=32)
def _classes_for(classes: tuple[Label, ...], target: Target) -> tuple[Label, ...] | None:
    """Return the classes of columns where a target asks for them; DRUM always goes by position."""
    if not classes or target.legacy_order or not target.type.is_classification:
        return None
    return classes


def _model_target(outputs: PredictionOutputs | None) -> ModelTarget:
    if outputs is None or len(outputs.classes) < 2:
        return ModelTarget()
    binary = len(outputs.classes) == 2
    return ModelTarget(TargetType.BINARY if binary else TargetType.MULTICLASS, outputs.classes)
