"""What a pipeline is made of: models one after the other."""

from dataclasses import dataclass
from typing import Any

from drum_like.contracts.wallaroo.fields import Fields
from drum_like.errors import PayloadError

_STEP = "ModelInference"


@dataclass(frozen=True, slots=True)
class StepModel:
    """The model of one step.

    Attributes:
        name: Of the model.
        version: The UUID of its version.
    """

    name: str
    version: str


def steps_of(definition: dict[str, Any]) -> tuple[StepModel, ...]:
    """Return the models of a definition in the order of its steps; empty without steps.

    Raises:
        PayloadError: a step is something else than one model.
    """
    return tuple(map(_step, Fields(definition).objects("steps")))


def _step(step: Fields) -> StepModel:
    inference = step.optional_object(_STEP)
    models = () if inference is None else inference.objects("models")
    if len(models) != 1:
        raise PayloadError(
            f"each step of a pipeline must be a {_STEP} of one model; audits, checks, splits and "
            "shadow deployments are not served here"
        )
    return StepModel(models[0].text("name"), models[0].text("version"))
