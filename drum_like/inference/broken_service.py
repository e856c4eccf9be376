"""The service of a model that did not load: every use raises why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drum_like.errors import LoadError, SettingsError, UnsupportedError
from drum_like.inference.chat import ChunkStream
from drum_like.inference.service import Json, ModelInfo
from drum_like.inference.tensors import Tensors
from drum_like.inference.transformation import Transformed
from drum_like.inference.unstructured import HookReply
from drum_like.types.explanation import Contributions, Intervals, Kind
from drum_like.types.frame import Frame
from drum_like.types.payload import Payload
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Schema
from drum_like.types.target import Target


@dataclass(frozen=True, slots=True)
class BrokenService:
    """A model that did not load, behind the same routes.

    Attributes:
        reason: The error of the load.
        info: Which model it would have been.
    """

    reason: LoadError | SettingsError
    info: ModelInfo

    @property
    def target(self) -> Target:
        """Raise the reason."""
        raise self._again()

    @property
    def schema(self) -> Schema | None:
        """Raise the reason."""
        raise self._again()

    @property
    def inputs(self) -> Schema | None:
        """Raise the reason."""
        raise self._again()

    @property
    def streams(self) -> bool:
        """Raise the reason."""
        raise self._again()

    @property
    def reads_any_type(self) -> bool:
        """Raise the reason."""
        raise self._again()

    @property
    def is_unstructured(self) -> bool:
        """Raise the reason."""
        raise self._again()

    @property
    def tensors(self) -> Tensors | None:
        """Raise the reason."""
        raise self._again()

    @property
    def can_chat(self) -> bool:
        """Raise that chat is not there: DRUM's error server answers 404 on its routes."""
        raise self._nothing()

    @property
    def contribution_kinds(self) -> tuple[Kind, ...]:
        """Raise the reason."""
        raise self._again()

    @property
    def has_intervals(self) -> bool:
        """Raise the reason."""
        raise self._again()

    def check(self) -> None:
        """Raise the reason."""
        raise self._again()

    def ready(self) -> bool:
        """Return False."""
        return False

    def predict(self, rows: Payload | Frame) -> Prediction:  # noqa: ARG002 - the protocol has it
        """Raise the reason."""
        raise self._again()

    def contributions(self, rows: Frame, kind: Kind) -> Contributions:  # noqa: ARG002 - as above
        """Raise the reason."""
        raise self._again()

    def intervals(self, rows: Frame, prediction: Prediction) -> Intervals:  # noqa: ARG002 - as above
        """Raise the reason."""
        raise self._again()

    def transform(self, x: Payload, y: Payload | None = None) -> Transformed:  # noqa: ARG002 - as above
        """Raise the reason."""
        raise self._again()

    def predict_unstructured(self, payload: Payload, context: Mapping[str, Any]) -> HookReply:  # noqa: ARG002 - as above
        """Raise the reason."""
        raise self._again()

    def chat(self, params: Json, headers: Any) -> Json | ChunkStream:  # noqa: ARG002 - as above
        """Raise that there is no model."""
        raise self._nothing()

    def models(self) -> list[Json]:
        """Raise that there is no model."""
        raise self._nothing()

    def description(self) -> Json:
        """Raise that there is no model."""
        raise self._nothing()

    def capabilities(self) -> Json:
        """Raise that there is no model."""
        raise self._nothing()

    def _again(self) -> LoadError | SettingsError:
        # A new object each time: raising one object in many threads would mix their tracebacks.
        return type(self.reason)(*self.reason.args)

    def _nothing(self) -> UnsupportedError:
        return UnsupportedError("404 Not Found: the model did not load")
