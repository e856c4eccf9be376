"""Named tensors in, named tensors out, for models that have them and contracts that name them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from drum_like.api import Tensor, TensorPredictor
from drum_like.errors import DrumLikeError, PredictorError
from drum_like.inference.pipeline import PREDICT_FAILED, Limiter
from drum_like.system.marks import MARKS, model_time


@dataclass(frozen=True, slots=True)
class Tensors:
    """A model by its tensors.

    Attributes:
        predictor: Runs it.
        limiter: Entered around each run.
    """

    predictor: TensorPredictor
    limiter: Limiter

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs in the model's order."""
        return self.predictor.inputs

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Return all outputs by name, in the model's order.

        Args:
            feeds: An array for each input, of its type and shape.

        Raises:
            PredictorError: the framework raised; its class is named, not its text.
        """
        try:
            with self.limiter, model_time():
                outputs = self.predictor.run(feeds)
        except DrumLikeError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise PredictorError(f"{PREDICT_FAILED} Exception: {kind}") from error
        MARKS.get().rows += max((len(feed) for feed in feeds.values() if feed.ndim), default=0)
        return outputs
