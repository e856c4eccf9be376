"""The numbers of a model's output: their meaning, and the links to other scales."""

from dataclasses import dataclass
from enum import Enum


class Link(Enum):
    """The function from the scale on which contributions add up to the prediction.

    LOG and LOGIT are named after the scale: the prediction is its exponential, or its logistic.
    """

    IDENTITY = "identity"
    LOG = "log"
    LOGIT = "logit"
    SOFTMAX = "softmax"


class Scale(Enum):
    """The scale of a model's output where a target asks for probabilities of classes."""

    CHANCES = "probabilities"
    CHANCES_EACH = "a probability for each class on its own"
    MARGINS = "numbers that are no probabilities"


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a model's output, as far as the model shows it.

    Attributes:
        scale: The scale of the numbers.
        said: The source of that, to begin a sentence: "XGBoost's objective reg:squarederror".
    """

    scale: Scale
    said: str
