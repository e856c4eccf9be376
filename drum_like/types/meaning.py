"""The meaning of a model's output: probabilities, or other numbers."""

from dataclasses import dataclass
from enum import Enum


class Scale(Enum):
    """The scale of a model's output where a target asks for probabilities of classes."""

    CHANCES = "probabilities"
    CHANCES_EACH = "a probability for each class on its own"
    MARGINS = "numbers that are no probabilities"


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a model's output, as far as the model tells.

    Attributes:
        scale: What the numbers are.
        said: What tells that, to begin a sentence: "XGBoost's objective reg:squarederror".
    """

    scale: Scale
    said: str
