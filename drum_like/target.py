"""What a model predicts: its target type, its labels, and the rules of both."""

from dataclasses import dataclass

from drum_like.prediction import Label
from drum_like.target_type import TargetType


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of a model.

    Attributes:
        type: The target type.
        labels: Class labels as callers know them; binary is (positive, negative), the rest in the
            order configured. Empty for targets that are not classes.
        name: Name of the target column, "target" if nobody named it.
        legacy_order: Give label-less binary output to the labels as DRUM 1.18 does (see D17).
    """

    type: TargetType
    labels: tuple[str, ...] = ()
    name: str = "target"
    legacy_order: bool = False


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """What a model's own file tells about its target.

    Attributes:
        type: None if the file does not tell.
        classes: In the order of the model's output columns; empty if the file does not tell.
    """

    type: TargetType | None = None
    classes: tuple[Label, ...] = ()
