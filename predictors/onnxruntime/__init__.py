"""ONNX: one matrix as input, or one input a column."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import (
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
from .answers import Answer
from .bad_cell import find_bad_cell
from .behaviour import observed, width_by_trial
from .choice import choose, classifier
from .graph import Graph
from .inputs import Inputs
from .rows import Bits, threads
from .session import graph_of, opened

Values = NDArray[Any]


class OnnxPredictor:
    """Scores with a session; its inputs are the schema, one of its outputs is the answer.

    Attributes:
        bits: How a row gets the same bits alone and among others: "equal" of itself, "padded" with
            copies of the last row, in "blocks", or not at all: "bound".
    """

    framework = "onnx"

    def __init__(self, model: ort.InferenceSession) -> None:
        graph = graph_of(model)
        self._inputs = _inputs(model, graph)
        self.schema: Schema | None = self._inputs.schema
        self.inputs = self._inputs.tensors
        self._feed = self._inputs.feeder()
        self._seen = seen = observed(model, self._inputs, graph)
        self.bits: Bits = seen.bits
        named = graph.classes if graph is not None else ()
        self._is_of_trees = graph is not None and graph.has_trees_only
        self._answer = lru_cache(lambda target: choose(seen.outputs, named, target))
        self.target = _model_target(classifier(seen.outputs, named))

    @staticmethod
    def load(path: Path) -> ort.InferenceSession:
        """Open a session on the CPU.

        It has the threads that OMP_NUM_THREADS gives to one worker; of itself it would take one for
        every core of the machine, whatever the container may use.

        Raises:
            ArtifactError: the model names a file outside its directory.
        """
        return opened(path, Graph(path.read_bytes(), path.name), threads())

    @staticmethod
    def load_alone(path: Path) -> ort.InferenceSession:
        """Open the same for this predictor alone: trees have one thread, see `onnxruntime.rows`."""
        graph = Graph(path.read_bytes(), path.name)
        return opened(path, graph, 1 if graph.has_trees_only else threads())

    def check_target(self, target: Target) -> None:
        """Refuse a target that no output of the graph answers, as far as made-up rows show.

        Raises:
            LoadError: says why, and what to do.
        """
        self._inputs.check()
        if self._seen.refused and all(tensor.dtype.kind == "f" for tensor in self.inputs):
            raise LoadError(
                "the ONNX graph fails for every made-up row of numbers that it was given",
                "try it with onnxruntime; a graph that is fed otherwise needs a score hook",
            )
        self._answer(target)

    def meaning(self, target: Target) -> Meaning | None:
        """Return the meaning of the answer's numbers, as made-up rows show it; None if unknown.

        One column of trees may be margins that happen to lie between 0 and 1.
        """
        answer = self._answer(target)
        scale = answer.scale(target)
        if scale is None or (self._is_of_trees and answer.is_single and scale is Scale.CHANCES):
            return None
        return Meaning(scale, f"the ONNX output {', '.join(map(repr, answer.names[:10]))}")

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows; only the outputs that are the answer are computed.

        Raises:
            ColumnsError: a cell does not fit the type of its input, or columns are missing.
            LoadError: no output can be the answer.
        """
        answer: Answer = self._answer(target)
        found = self._found(answer.names, self._feed(frame), frame)
        if answer.is_raw:
            return Prediction(np.asarray(found[0]))
        values, classes = answer.read(found)
        return Prediction(values, _named(classes, target))

    def run(self, feeds: Mapping[str, Values]) -> dict[str, Any]:
        """Return every output by name; maps of probabilities become a matrix in their own order."""
        names = [output.name for output in self._seen.outputs]
        answers = self._seen.run(names, dict(feeds))
        return {
            name: np.array([list(row.values()) for row in found], dtype=np.float32)
            if isinstance(found, list) and found and isinstance(found[0], dict)
            else np.asarray(found)
            for name, found in zip(names, answers, strict=True)
        }

    def _found(self, names: list[str], feeds: Mapping[str, Values], frame: Frame) -> list[Any]:
        try:
            return self._seen.run(names, feeds)
        except Exception as error:
            good = self._seen.good
            if good is None:
                raise
            refusal = find_bad_cell(self._seen.run, names, feeds, good, frame)
            if refusal is None:
                raise
            raise refusal from error


def _inputs(model: ort.InferenceSession, graph: Graph | None) -> Inputs:
    inputs = Inputs.of(model.get_inputs(), graph)
    width = width_by_trial(model, inputs) if inputs.is_open else None
    return inputs if width is None else inputs.of_width(width)


@lru_cache(maxsize=32)
def _named(classes: tuple[Label, ...], target: Target) -> tuple[Label, ...] | None:
    """Return the classes of columns where a target asks for them; DRUM always goes by position."""
    if not classes or target.legacy_order or not target.type.is_classification:
        return None
    return classes


def _model_target(answer: Answer | None) -> ModelTarget:
    if answer is None or len(answer.classes) < 2:
        return ModelTarget()
    binary = len(answer.classes) == 2
    return ModelTarget(TargetType.BINARY if binary else TargetType.MULTICLASS, answer.classes)
