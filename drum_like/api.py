"""Everything that the author of a plugin may import."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import (
    ArtifactError,
    ColumnsError,
    DrumLikeError,
    LoadError,
    MediaTypeError,
    PayloadError,
    PluginError,
    PredictorError,
    SizeError,
    UnsupportedError,
)
from drum_like.system.cpus import CPUS
from drum_like.types.codec import Codec, Decoder, Encoder
from drum_like.types.column import DataType
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.explanation import Explainer, Shares
from drum_like.types.frame import Frame, Matrix, NativeFrame
from drum_like.types.names import Names
from drum_like.types.payload import Limits, Payload
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Column, Schema
from drum_like.types.target import Label, Link, Meaning, ModelTarget, Scale, Target, TargetType

__all__ = [
    "CPUS",
    "ArtifactError",
    "ArtifactKind",
    "Codec",
    "Column",
    "ColumnsError",
    "ColumnsFrame",
    "Contributor",
    "DataType",
    "Decoder",
    "DrumLikeError",
    "Encoder",
    "Explainer",
    "Frame",
    "IndependentRows",
    "Label",
    "Limits",
    "Link",
    "LoadError",
    "MarginSource",
    "Matrix",
    "Meaning",
    "MeaningSource",
    "MediaTypeError",
    "ModelTarget",
    "Names",
    "NativeFrame",
    "Payload",
    "PayloadError",
    "PluginError",
    "Prediction",
    "Predictor",
    "PredictorError",
    "Scale",
    "Schema",
    "Shares",
    "SizeError",
    "Target",
    "TargetChecker",
    "TargetType",
    "Tensor",
    "TensorPredictor",
    "Transformer",
    "UnsupportedError",
]


class Predictor(Protocol):
    """Wraps a framework's model object; made once after the load, used by several threads.

    A plugin class is called with the model object: `predictor = XGBoostPredictor(model)`.
    """

    @property
    def framework(self) -> str:
        """The name that /info/ shows, as DRUM spells it where DRUM has one: "scikit-learn"."""

    @property
    def schema(self) -> Schema | None:
        """The columns that the model knows; None takes any frame as it was sent."""

    @property
    def target(self) -> ModelTarget:
        """The target as the model itself describes it."""

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score a frame that conforms to `schema` and has at least one row.

        Probabilities for classification targets, values for all others. Labels are set where the
        model knows its classes.
        """


@runtime_checkable
class Transformer(Protocol):
    """A predictor whose model can also transform rows (target type transform)."""

    def transform(self, frame: Frame) -> Any:
        """Return the transformed rows: a DataFrame, an ndarray or a scipy sparse matrix."""


@runtime_checkable
class MeaningSource(Protocol):
    """A predictor that knows whether its model's output is probabilities."""

    def meaning(self, target: Target) -> Meaning | None:
        """Return the meaning of `predict`'s output for a target with classes; None if unknown.

        Called once, after the load. Where no hook and no link of the metadata makes probabilities
        of the output, the directory does not become a model.
        """


@runtime_checkable
class MarginSource(Protocol):
    """A predictor that can return the output of its model before any link."""

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) margins, for a link of the metadata.

        Labels are the model's classes where it knows them, also for the one margin of two.
        """


@runtime_checkable
class TargetChecker(Protocol):
    """A predictor that knows, without predicting, which targets its model cannot answer."""

    def check_target(self, target: Target) -> None:
        """Refuse a target; called once, after the load, where no hook makes the answers.

        Raises:
            LoadError: the target is refused; the message gives the reason and the remedy.
        """


@runtime_checkable
class IndependentRows(Protocol):
    """A predictor that knows whether a row's prediction is the same beside any other rows.

    The last bits may differ: docs/one-answer.md lists the models where they do. Rows of different
    requests are predicted together only where nothing else does.
    """

    def dependence(self, target: Target) -> str | None:
        """Return why a row's prediction may depend on the rows beside it; None if it does not.

        Called once, after the load. The text is for the operator, as a part of a sentence.
        """


@runtime_checkable
class Contributor(Protocol):
    """A predictor that can divide its predictions into the contributions of columns."""

    def explainer(self, target: Target) -> Explainer:
        """Return the explainer of a target's predictions; called once, after the load.

        Raises:
            UnsupportedError: contributions of this model cannot be told, or not on the link scale
                of the target; says why.
        """


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named input of a model.

    Attributes:
        name: As the model's file names it.
        dtype: Of its values; object for text.
        shape: Its sizes, that of the rows first; None where a size is open.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]


@runtime_checkable
class TensorPredictor(Protocol):
    """A predictor whose model has named tensors on both sides, for contracts that name them."""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs in the model's order."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Return all outputs by name, in the model's order, as the framework gives them.

        `feeds` holds an array for each input, of its type and shape; all have the same rows.
        """


@dataclass(frozen=True, slots=True)
class ArtifactKind:
    """A kind of model file; declared in a module that imports no framework.

    Attributes:
        name: For messages: "XGBoost JSON".
        suffixes: Lower-case, with the dot.
        claims: Whether the first bytes of a file (up to 4096) are of this kind; several kinds may
            share a suffix.
        runs_code: Whether loading such a file can run code that the file brings along.
        predictor: Name in the group drum_like.predictors of the plugin whose static `load(path)`
            reads the file; None for pickles, which name their class themselves. Where there is no
            custom.py, a static `load_alone(path)` goes before it, if the plugin has one: what it
            returns is given to the plugin alone.
    """

    name: str
    suffixes: tuple[str, ...]
    claims: Callable[[bytes], bool]
    runs_code: bool = False
    predictor: str | None = None
